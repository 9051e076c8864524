// SPDX-License-Identifier: Apache-2.0
// Names and times in Hillstar's files. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "messages/units.hpp"

namespace hillstar::run {

/// Hex SHA-256 of bytes; handed in, so that the core needs no cryptography.
using HashText = std::function<std::string(std::string_view)>;

/// Longest piece of a file name that safe_name returns, in bytes.
inline constexpr std::size_t kSafeNameMax = 120;

/// The step number in a workflow's id, one rule for folders, file names and HILLSTAR_STEP:
/// `pre_phase_<digits>` at the start gives `pre_<digits>`, `phase_<digits>` at the start gives `<digits>`, else the
/// first `step_<digits>` anywhere gives its digits. Empty if there is none; at most nine digits count.
std::string step_of(std::string_view workflow_id);

/// `id` as a piece of a file name: bytes other than letters, digits and `._-@` are percent-encoded, and so is a dot at
/// the start. Different ids have different names; a long one is cut and ends in a hash of the whole.
std::string safe_name(std::string_view id, const HashText& sha256_hex);

/// `20261122_003403`, UTC.
std::string file_stamp(UtcTime time);
/// `2026-11-22T00:34:03.867235+00:00`.
std::string iso_utc(UtcTime time);
/// One entry, one line, whatever the text holds: control characters become spaces.
std::string plain_line(std::string text);
/// Seconds with microseconds, as Hillstar counts them.
double seconds(std::int64_t micros);

}  // namespace hillstar::run
