// SPDX-License-Identifier: Apache-2.0
// What this process was started with, as a command hands it on: variables, folders, the person.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"

namespace hillstar::cli {

/// `NAME=value` of this process.
std::vector<std::string> process_environment();
std::optional<std::string> variable(const std::vector<std::string>& environment, std::string_view name);

/// Adds `NAME=value` lines to `environment`; what is there already wins. Knows comments, `export`, and quotes.
void add_variables(std::vector<std::string>& environment, std::string_view text);

/// Absolute and without `.` and `..`; symbolic links stay.
std::string absolute_path(const std::string& path);
/// Where the program runs. io if that folder is gone or may not be looked at.
Result<std::string> current_folder();
/// Login name, else `uid 1000`.
std::string person();
std::string person_of(unsigned uid);

/// The whole file. Errors: not_found if there is none, `unreadable` otherwise; both with the reason of the system.
Result<std::string> read_file(const std::string& path, Errc unreadable, std::size_t bytes_max);

}  // namespace hillstar::cli
