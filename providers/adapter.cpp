// SPDX-License-Identifier: Apache-2.0
#include "providers/adapter.hpp"

#include "providers/openai_compatible.hpp"

namespace hillstar::providers {

const Adapter* find_adapter(std::string_view name) {
  static const OpenAiCompatible compatible(OpenAiCompatible::Dialect::compatible);
  static const OpenAiCompatible openai(OpenAiCompatible::Dialect::openai);
  if (name == "openai_compatible") return &compatible;
  if (name == "openai") return &openai;
  return nullptr;
}

}  // namespace hillstar::providers
