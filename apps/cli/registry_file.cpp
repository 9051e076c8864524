// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/registry_file.hpp"

#include <utility>

#include "apps/cli/environment.hpp"

namespace hillstar::cli {

Result<std::shared_ptr<const policy::Registry>> load_registry(const std::vector<std::string>& environment) {
  std::vector<policy::RegistryText> texts;
  if (const auto home = variable(environment, "HOME"); home && !home->empty()) {
    const auto path = *home + "/.hillstar/provider_registry.json";
    auto text = read_file(path, Errc::provider_config, policy::kRegistryBytesMax);
    if (text)
      texts.push_back({path, std::move(text).value()});
    else if (text.error().code != Errc::not_found)
      return text.error();
  }
  if (const auto named = variable(environment, "HILLSTAR_REGISTRY"); named && !named->empty()) {
    const auto path = absolute_path(*named);
    auto text = read_file(path, Errc::provider_config, policy::kRegistryBytesMax);
    if (!text)
      return Error{text.error().code, text.error().message, path, "HILLSTAR_REGISTRY names it; mend or unset that."};
    texts.push_back({path, std::move(text).value()});
  }
  // Nothing of one's own is the common case, and costs no second reading.
  if (texts.empty()) return std::shared_ptr<const policy::Registry>(&policy::shipped_registry(), [](const auto*) {});
  texts.insert(texts.begin(), {"providers.default.json", std::string(policy::shipped_registry_text())});
  HILLSTAR_TRY(auto registry, policy::read_registry(texts));
  return std::make_shared<const policy::Registry>(std::move(registry));
}

}  // namespace hillstar::cli
