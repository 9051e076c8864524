// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/question_check.hpp"

#include <boost/json.hpp>

#include "runtime/policy/json_schema.hpp"
#include "runtime/workflow/problems.hpp"

namespace hillstar::policy {

std::vector<workflow::Diagnostic> check_questions(const workflow::Plan& plan, const std::string& text) {
  workflow::Problems problems(false);
  bool asks = false;
  for (const auto& node : plan.nodes) {
    // Every attempt of a loop asks for the same.
    if (node.tool != "input" || (node.loop && node.loop->attempt > 1)) continue;
    const auto parameters = node.parameters.value();
    const auto* schema = json::member(parameters, "schema");
    if (schema == nullptr) continue;
    asks = true;
    auto id = node.id.str();
    if (node.loop && node.loop->of > 1) id = id.substr(0, id.rfind('@'));
    const auto at = "/graph/nodes/" + json::pointer_token(id) + "/parameters/schema";
    for (const auto& remark : check_schema(Json::of(*schema))) {
      if (remark.is_error)
        problems.error(Errc::tool_parameters, at + remark.pointer, remark.message, remark.hint);
      else
        problems.warning(at + remark.pointer, remark.message, remark.hint);
    }
  }
  return asks ? problems.take(text) : std::vector<workflow::Diagnostic>();
}

}  // namespace hillstar::policy
