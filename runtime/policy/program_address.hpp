// SPDX-License-Identifier: Apache-2.0
// The address of a backend that is a program: `program:["python3","ask.py"]`, its argument vector as JSON. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"

namespace hillstar::policy {

inline constexpr std::size_t kProgramArgumentsMax = 256;
inline constexpr std::size_t kProgramAddressBytesMax = 64U << 10U;
/// Calls of one program in flight, for those without a limit of their own: each is a process of its own.
inline constexpr std::uint32_t kProgramCallsDefault = 4;

/// True for addresses that start with `program:`, well-formed or not.
bool is_program(std::string_view address);
/// Canonical. `command` is as check_command wants it.
std::string program_address(const std::vector<std::string>& command);
/// Errors: provider_config.
Result<std::vector<std::string>> program_of(std::string_view address);
/// The program first, then its arguments. Errors: provider_config, if it is empty, too long, or holds a NUL.
Result<void> check_command(const std::vector<std::string>& command);

}  // namespace hillstar::policy
