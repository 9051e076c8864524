// SPDX-License-Identifier: Apache-2.0
// Text for terminals: safe to print, measured in columns, short units. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "messages/units.hpp"

namespace hillstar::cli {

/// Control characters other than newline and tab, and characters that turn the direction of text, as `\x1b` or
/// `\u202e`; `\r\n` becomes a newline. What a node printed can then move no cursor and hide nothing.
std::string visible(std::string_view text);

/// One line of at most `width` columns: escape sequences removed, white space collapsed, cut with `…`.
std::string one_line(std::string_view text, std::size_t width);

/// The last non-blank line of `text`.
std::string_view last_line(std::string_view text);

/// A word of a command line that shells take as it is.
std::string shell_word(const std::string& text);

/// Terminal columns of UTF-8 text without control characters: wide characters count two, combining ones none.
std::size_t columns(std::string_view text);
/// `text` filled with spaces up to `width` columns.
std::string pad(std::string_view text, std::size_t width);

/// `0.012 s`, `1.24 s`, `12.3 s`, `2 m 03 s`, `1 h 02 m`.
std::string duration(Millis time);
/// `$0.0123`; at least four decimals, more only for amounts below a hundredth of a cent.
std::string money(MicroUsd amount);
/// `2026-11-22 03:04:05Z`.
std::string short_time(UtcTime time);

/// Columns aligned, two spaces apart, no trailing space; the first row is the head.
std::vector<std::string> table(const std::vector<std::vector<std::string>>& rows);

}  // namespace hillstar::cli
