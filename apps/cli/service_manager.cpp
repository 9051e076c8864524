// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>

#include "apps/cli/environment.hpp"
#include "runtime/platform/descriptor.hpp"

namespace hillstar::cli {
namespace {

constexpr std::array<std::string_view, 3> kOurs{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};

std::optional<std::int64_t> number_in(const std::optional<std::string>& text) {
  std::int64_t number = 0;
  if (!text) return std::nullopt;
  const auto* end = text->data() + text->size();
  const auto [rest, code] = std::from_chars(text->data(), end, number);
  if (code != std::errc() || rest != end || number <= 0) return std::nullopt;
  return number;
}

}  // namespace

ServiceManager::ServiceManager(const std::vector<std::string>& environment)
    : socket_(variable(environment, "NOTIFY_SOCKET").value_or("")) {
  const auto every = number_in(variable(environment, "WATCHDOG_USEC"));
  const auto whose = number_in(variable(environment, "WATCHDOG_PID"));
  if (!socket_.empty() && every && (!whose || *whose == ::getpid())) watchdog_ = std::chrono::microseconds(*every);
}

bool ServiceManager::tell(std::string_view state) const {
  if (socket_.empty()) return true;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_.size() >= sizeof address.sun_path || (socket_[0] != '/' && socket_[0] != '@')) return false;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (socket_[0] == '@') address.sun_path[0] = '\0';  // an abstract name
  const Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return false;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  const auto sent = ::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&address), length);
  return sent == static_cast<ssize_t>(state.size());
}

std::vector<std::string> without_service_variables(std::vector<std::string> environment) {
  std::erase_if(environment, [](const std::string& entry) {
    return std::any_of(kOurs.begin(), kOurs.end(), [&](std::string_view name) {
      return entry.starts_with(name) && entry.size() > name.size() && entry[name.size()] == '=';
    });
  });
  return environment;
}

}  // namespace hillstar::cli
