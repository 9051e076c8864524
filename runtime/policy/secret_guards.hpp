// SPDX-License-Identifier: Apache-2.0
// What a match of a rule must be besides: check sums, and no placeholder. Each returns how many of the first bytes are
// masked, 0 if the match is none. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace hillstar::policy {

/// A digit among it, and not a placeholder such as `sk-xxxxxxxx`.
std::size_t has_digit(std::string_view match);
/// A digit, or at least 20 bytes; not a placeholder.
std::size_t has_digit_or_is_long(std::string_view match);
/// Base64 of `user:password`.
std::size_t is_basic(std::string_view match);
/// A value in quotes that has a secret-like name: at least 8 bytes without white space, not a plain word or a path, not
/// a placeholder, no name of a variable, and no template.
std::size_t is_quoted_secret(std::string_view match);
/// The same without quotes, where values are often code: letters and digits, no name with dots.
std::size_t is_bare_secret(std::string_view match);
/// The value of an environment variable: a plain word is one, too.
std::size_t is_environment_secret(std::string_view match);
/// A password in a URL: anything but placeholders and templates.
std::size_t is_password(std::string_view match);
/// Luhn's check sum, over 13 to 19 digits; the longest beginning for which it holds.
std::size_t is_card(std::string_view match);
/// The check sum of ISO 13616; the longest beginning for which it holds.
std::size_t is_iban(std::string_view match);
/// A number that the Social Security Administration may have given out.
std::size_t is_ssn(std::string_view match);

}  // namespace hillstar::policy
