// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/program_address.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "messages/json.hpp"

namespace hillstar::policy {
namespace {

constexpr std::string_view kScheme = "program:";

Error wrong(const std::string& what) {
  return {Errc::provider_config,
          "The command of a program " + what + ".",
          {},
          "Write it as a list of texts: the program first, then its arguments."};
}

}  // namespace

bool is_program(std::string_view address) { return address.starts_with(kScheme); }

std::string program_address(const std::vector<std::string>& command) {
  boost::json::array list;
  for (const auto& argument : command) list.emplace_back(json::to_utf8(argument));
  return std::string(kScheme) + json::canonical(list);
}

Result<std::vector<std::string>> program_of(std::string_view address) {
  if (!is_program(address)) return wrong("has no address of its own");
  const auto list = json::parse(address.substr(kScheme.size()), {.bytes_max = kProgramAddressBytesMax, .depth_max = 2});
  if (!list) return wrong("cannot be read: " + list.error().message);
  if (!list->is_array()) return wrong("is no list");
  std::vector<std::string> command;
  for (const auto& argument : list->get_array()) {
    if (!argument.is_string()) return wrong("holds something that is no text");
    command.emplace_back(argument.get_string());
  }
  HILLSTAR_CHECK(check_command(command));
  return command;
}

Result<void> check_command(const std::vector<std::string>& command) {
  if (command.empty() || command.front().empty()) return wrong("is empty");
  if (command.size() > kProgramArgumentsMax)
    return wrong("has more than " + std::to_string(kProgramArgumentsMax) + " parts");
  std::size_t bytes = 0;
  for (const auto& argument : command) {
    if (argument.find('\0') != std::string::npos) return wrong("holds a NUL character");
    bytes += argument.size();
  }
  // Escaped as JSON a byte becomes six at most.
  if (bytes > kProgramAddressBytesMax / 8)
    return wrong("is longer than " + std::to_string(kProgramAddressBytesMax / 8) + " bytes");
  return {};
}

}  // namespace hillstar::policy
