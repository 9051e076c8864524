// SPDX-License-Identifier: Apache-2.0
// Files with keys in them: secrets.env, and keys that stand in the person's own provider registry as Hillstar allowed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"

namespace hillstar::cli {

/// Where keys are kept without a keyring: secrets.env in the folder of the configuration; empty if there is none.
std::string secrets_file(const std::vector<std::string>& environment);
/// The same, and Hillstar's ~/.config/hillstar/secrets.env if that is another; what is read, first wins.
std::vector<std::string> secrets_files(const std::vector<std::string>& environment);

/// `NAME=value` lines, later ones of a name left out.
std::vector<std::string> variables_in(std::string_view text);

/// The text with the lines of `name` replaced by one, or taken out if there is no value; the rest stays as it is.
std::string with_variable(std::string_view text, std::string_view name, const std::optional<std::string>& value);

/// A key in plain text in a registry file.
struct PlainKey {
  std::string provider;
  std::string value;
  std::string file;
};
/// Those of ~/.hillstar/provider_registry.json and of HILLSTAR_REGISTRY, also as Hillstar's wizard nested them. A file
/// that is wrong has none; whoever reads the registry says what is wrong.
std::vector<PlainKey> plain_keys(const std::vector<std::string>& environment);
/// Takes all of them out of a file; everything else stays.
Result<void> remove_plain_keys(const std::string& file);

}  // namespace hillstar::cli
