// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/call_bound.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "runtime/policy/model_choice.hpp"

namespace hillstar::policy {
namespace {

namespace bj = boost::json;

/// What chat formats and a request to mend a reply put around the texts of a node.
constexpr std::uint64_t kFrameTokens = 512;

std::uint64_t images_in(const bj::value& value) {
  if (const auto* list = value.if_array()) {
    std::uint64_t sum = 0;
    for (const auto& element : *list) sum += images_in(element);
    return sum;
  }
  const auto* object = value.if_object();
  if (object == nullptr) return 0;
  const auto* type = object->if_contains("type");
  if (type != nullptr && *type == "image") return 1;
  std::uint64_t sum = 0;
  for (const auto& [key, element] : *object) sum += images_in(element);
  return sum;
}

std::uint64_t images_of(const workflow::PlanNode& node) {
  const auto parameters = node.parameters.value();
  const auto* list = json::member(parameters, "images");
  const std::uint64_t listed = list != nullptr && list->is_array() ? list->get_array().size() : 0;
  // A template that is one text holds no parts.
  return listed + (node.input.text().starts_with('{') ? images_in(node.input.value()) : 0);
}

}  // namespace

std::uint64_t reply_tokens(const workflow::PlanNode& node, const Json& model_config) {
  const auto asked = tokens_asked(node, model_config);
  return asked > 0 ? asked : kMaxTokensDefault;
}

CallBound bound_of(const workflow::PlanNode& node, const Json& model_config, const CallSize& size,
                   std::optional<std::uint64_t> context_tokens) {
  CallBound bound;
  bound.output = reply_tokens(node, model_config);
  bound.input = kFrameTokens + size.prompt_bytes + size.rejected_bytes + node.parameters.text().size() +
                images_of(node) * kImageTokens;
  if (context_tokens) bound.input = std::min(bound.input, std::max<std::uint64_t>(*context_tokens, kFrameTokens));
  return bound;
}

}  // namespace hillstar::policy
