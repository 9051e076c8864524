// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/environment.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

extern char** environ;

namespace hillstar::cli {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") + 1 - begin);
}

std::string_view unquoted(std::string_view text) {
  if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front())
    return text.substr(1, text.size() - 2);
  return text;
}

}  // namespace

std::vector<std::string> process_environment() {
  std::vector<std::string> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) variables.emplace_back(*entry);
  return variables;
}

std::optional<std::string> variable(const std::vector<std::string>& environment, std::string_view name) {
  for (const auto& entry : environment)
    if (entry.size() > name.size() && entry[name.size()] == '=' && entry.compare(0, name.size(), name) == 0)
      return entry.substr(name.size() + 1);
  return std::nullopt;
}

void add_variables(std::vector<std::string>& environment, std::string_view text) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    auto line = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#') continue;
    if (line.substr(0, 7) == "export ") line = trimmed(line.substr(7));
    const auto equals = line.find('=');
    if (equals == std::string_view::npos || equals == 0) continue;
    const auto name = trimmed(line.substr(0, equals));
    if (variable(environment, name)) continue;
    environment.push_back(std::string(name) + "=" + std::string(unquoted(trimmed(line.substr(equals + 1)))));
  }
}

std::string absolute_path(const std::string& path) {
  std::error_code failed;
  auto whole = std::filesystem::absolute(path.empty() ? "." : path, failed).lexically_normal();
  if (failed) return path;
  std::string text = whole.string();
  if (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

Result<std::string> current_folder() {
  std::error_code failed;
  const auto folder = std::filesystem::current_path(failed);
  if (!failed) return absolute_path(folder.string());
  return Error{Errc::io,
               "The current folder cannot be used: " + failed.message() + ".",
               {},
               "It may have been removed; change to another one."};
}

std::string person() { return person_of(::getuid()); }

std::string person_of(unsigned uid) {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) return found->pw_name;
  return "uid " + std::to_string(uid);
}

Result<std::string> read_file(const std::string& path, Errc unreadable, std::size_t bytes_max) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    const bool missing = errno == ENOENT || errno == ENOTDIR;
    return Error{missing ? Errc::not_found : unreadable,
                 std::string("The file cannot be opened: ") + std::strerror(errno) + ".",
                 path,
                 {}};
  }
  std::string text;
  std::array<char, 65536> piece;
  while (text.size() <= bytes_max) {
    const auto got = ::read(descriptor, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const std::string reason = std::strerror(errno);
      ::close(descriptor);
      return Error{unreadable, "The file cannot be read: " + reason + ".", path, {}};
    }
    if (got == 0) break;
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  ::close(descriptor);
  if (text.size() > bytes_max)
    return Error{unreadable, "The file is larger than " + std::to_string(bytes_max) + " bytes.", path, {}};
  return text;
}

}  // namespace hillstar::cli
