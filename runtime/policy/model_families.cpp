// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/model_families.hpp"

#include <algorithm>

#include "runtime/policy/openai_models.hpp"
#include "runtime/policy/vendor_models.hpp"

namespace hillstar::policy {
namespace {

Error refusal(const ModelFamily& family, const std::string& what, std::string where, std::string hint) {
  return {Errc::tool_parameters, "Models of the family " + family.name + " do not take " + what + ".", std::move(where),
          std::move(hint)};
}

bool reasons(const ModelRequest& request) { return request.effort != "none"; }

void check_sampling(const ModelFamily& family, const ModelRequest& request, std::vector<Error>& found) {
  using Sampling = ModelFamily::Sampling;
  if (family.sampling == Sampling::accepted) return;
  if (family.sampling == Sampling::without_effort && !reasons(request)) return;
  const std::string hint = family.sampling == Sampling::refused
                               ? "Remove it; steer the model with its reasoning effort."
                               : "Remove it, or set the reasoning effort to none.";
  if (!request.temperature.is_null()) found.push_back(refusal(family, "a temperature", "/temperature", hint));
  if (!request.top_p.is_null()) found.push_back(refusal(family, "top_p", "/top_p", hint));
  if (!request.top_k.is_null()) found.push_back(refusal(family, "top_k", "/top_k", hint));
}

void check_reasoning(const ModelFamily& family, const ModelRequest& request, std::vector<Error>& found) {
  if (!request.effort.empty() && !family.effort)
    found.push_back(refusal(family, "a reasoning effort", "/effort", "Remove it."));
  else if (!request.effort.empty() && !family.efforts.empty() &&
           std::find(family.efforts.begin(), family.efforts.end(), request.effort) == family.efforts.end()) {
    std::string known;
    for (const auto effort : family.efforts) known += (known.empty() ? "" : ", ") + std::string(effort);
    found.push_back(refusal(family, "the effort '" + request.effort + "'", "/effort", "It takes " + known + "."));
  }
  const auto& thinking = request.thinking.text();
  const bool off = thinking == "false" || thinking == "0" || thinking.find("\"disabled\"") != std::string::npos;
  if (off && !family.thinking_off)
    found.push_back(refusal(family, "an order not to think", "/thinking", "Remove it, or lower the effort."));
  const bool is_number = !thinking.empty() && thinking.front() >= '0' && thinking.front() <= '9';
  if ((is_number || thinking.find("\"budget_tokens\"") != std::string::npos) && !family.thinking_budget)
    found.push_back(refusal(family, "a number of tokens to think with", "/thinking", "Set a reasoning effort."));
}

}  // namespace

ModelFamily model_family(std::string_view adapter, std::string_view model) {
  if (adapter == "openai" || adapter == "openai_chat" || adapter == "openai_responses") return openai_family(model);
  if (adapter == "anthropic") return anthropic_family(model);
  if (adapter == "google") return google_family(model);
  if (adapter == "codex") {
    ModelFamily codex;  // What its command line has no word for.
    codex.name = "codex";
    codex.sampling = ModelFamily::Sampling::refused;
    codex.penalties = codex.thinking_off = codex.thinking_budget = false;
    return codex;
  }
  return {};
}

std::vector<Error> refused_by(const ModelFamily& family, const ModelRequest& request) {
  std::vector<Error> found;
  check_sampling(family, request, found);
  check_reasoning(family, request, found);
  if (!family.penalties) {
    if (!request.presence_penalty.is_null())
      found.push_back(refusal(family, "penalties", "/presence_penalty", "Remove it."));
    if (!request.frequency_penalty.is_null())
      found.push_back(refusal(family, "penalties", "/frequency_penalty", "Remove it."));
  }
  const bool forced = request.tool_choice == ToolChoiceKind::required || request.tool_choice == ToolChoiceKind::named;
  if (forced && !family.forced_tools)
    found.push_back(refusal(family, "an order to use a tool", "/tool_choice", "Let the model choose: auto."));
  if (!family.prefill && request.prompt.empty() && request.images.empty() && !request.messages.empty() &&
      request.messages.back().role == ModelRole::assistant)
    found.push_back(refusal(family, "the start of their own reply", "/messages", "End with a turn of the user."));
  if (family.max_output_tokens && request.max_tokens && *request.max_tokens > *family.max_output_tokens)
    found.push_back(refusal(family, "more than " + std::to_string(*family.max_output_tokens) + " tokens of reply",
                            "/max_tokens", "Lower it."));
  return found;
}

}  // namespace hillstar::policy
