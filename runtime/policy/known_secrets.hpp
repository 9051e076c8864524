// SPDX-License-Identifier: Apache-2.0
// The secrets that a process holds, and the forms in which they turn up in text. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hillstar::policy {

/// Shorter values are no secrets: masking them would destroy ordinary text.
inline constexpr std::size_t kSecretBytesMin = 8;
/// Longer ones are data, not secrets.
inline constexpr std::size_t kSecretBytesMax = 16 * 1024;

struct KnownSecret {
  std::string variable;  ///< Of the environment.
  std::string value;
};

/// A part of the name is KEY, TOKEN, SECRET, PASSWORD and the like, and none is PUBLIC.
bool sounds_secret(std::string_view name);

/// Adds `secret` as it is and encoded, each form once; nothing if it is shorter or longer than the limits.
void add_forms(const std::string& secret, std::vector<std::string>& forms);

/// Values in `environment` (`NAME=value`) that are secrets by their name (a part of it is KEY, TOKEN, SECRET, PASSWORD
/// and the like) and passwords in URLs. Not: values shorter than 8 bytes, plain words, and paths.
std::vector<KnownSecret> secrets_of(const std::vector<std::string>& environment);

/// The first of them that `text` holds, as it is or escaped in JSON; null: none.
const KnownSecret* find_secret(std::string_view text, const std::vector<KnownSecret>& secrets);

}  // namespace hillstar::policy
