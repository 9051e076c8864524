// SPDX-License-Identifier: Apache-2.0
#include "runtime/run/units.hpp"

#include <boost/json.hpp>

namespace hillstar::run {

std::string approval_prompt(const workflow::PlanNode& node) {
  if (node.tool == "checkpoint") {
    const auto parameters = node.parameters.value();
    const auto* prompt = parameters.is_object() ? parameters.get_object().if_contains("prompt") : nullptr;
    if (prompt != nullptr && prompt->is_string()) return std::string(prompt->get_string());
  }
  return "May node '" + node.id.str() + "' (" + node.tool + ") run?";
}

}  // namespace hillstar::run
