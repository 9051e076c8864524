// SPDX-License-Identifier: Apache-2.0
#include "runtime/tools/policy_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include "runtime/platform/descriptor.hpp"
#include "runtime/platform/file_access.hpp"
#include "runtime/policy/model_choice.hpp"

namespace hillstar::tools {
namespace {

using policy::PolicyPlace;
using policy::PolicyText;

Error unreadable(const std::string& path, const std::string& why) {
  return Error{Errc::policy_invalid, "The policy is there but cannot be read, so nothing is allowed: " + why + ".",
               path, "Let this user read it, or ask whoever put it there."};
}

/// Nothing: there is no such file.
Result<std::optional<std::string>> text_of(const std::string& path) {
  using Text = std::optional<std::string>;
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0 && (errno == ENOENT || errno == ENOTDIR)) return Text();
  if (file.get() < 0) return unreadable(path, errno_text(errno));
  std::string text;
  std::array<char, 16384> piece{};
  for (;;) {
    const auto got = ::read(file.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unreadable(path, errno_text(errno));
    if (got == 0) return Text(std::move(text));
    text.append(piece.data(), static_cast<std::size_t>(got));
    if (text.size() > policy::kPolicyBytesMax) return unreadable(path, "it is larger than a mebibyte");
  }
}

}  // namespace

std::vector<std::string> operator_policies(const std::vector<std::string>& environment) {
  const auto value_of = policy::look_up_in(environment);
  const auto home = value_of("HOME").value_or("");
  auto config = value_of("XDG_CONFIG_HOME").value_or("");
  if (!config.starts_with('/')) config = home.empty() ? "" : home + "/.config";
  std::vector<std::string> files{std::string(kSitePolicy)};
  if (!config.empty()) files.push_back(config + "/" + std::string(kUserPolicy));
  return files;
}

Result<std::shared_ptr<const policy::Rules>> load_rules(const std::string& workspace,
                                                        const std::vector<std::string>& environment) {
  std::vector<PolicyText> texts;
  const auto add = [&](PolicyPlace place, std::string file) -> Result<void> {
    HILLSTAR_TRY(auto text, text_of(file));
    if (text) texts.push_back({place, std::move(file), *std::move(text)});
    return {};
  };
  for (const auto& file : operator_policies(environment))
    HILLSTAR_CHECK(add(file == kSitePolicy ? PolicyPlace::site : PolicyPlace::user, file));
  if (!workspace.empty()) HILLSTAR_CHECK(add(PolicyPlace::project, workspace + "/" + std::string(kProjectPolicy)));
  if (texts.empty()) return std::shared_ptr<const policy::Rules>();
  HILLSTAR_TRY(auto rules, policy::read_rules(texts));
  return std::make_shared<const policy::Rules>(std::move(rules));
}

}  // namespace hillstar::tools
