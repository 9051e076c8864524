// SPDX-License-Identifier: Apache-2.0
// What a model refuses that its API could be asked: known families by adapter and name. Pure.
//
// Adapters do not consult it to refuse: a family may learn what it refused yesterday, and the server has the last word.
// It is for whoever can warn an author before a run, and for the choice between two APIs of one provider.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"
#include "messages/model.hpp"

namespace hillstar::policy {

/// What one family of models takes. The default is a model of which nothing is known: it takes everything.
struct ModelFamily {
  /// temperature, top_p, top_k.
  enum class Sampling { accepted, without_effort, refused };  ///< without_effort: only if the effort is `none`.

  std::string name;  ///< For messages: "gpt-6", "claude-opus-4-7"; empty: not known.
  Sampling sampling = Sampling::accepted;
  bool penalties = true;                  ///< presence_penalty, frequency_penalty.
  std::vector<std::string_view> efforts;  ///< Values of `effort` that it takes; empty: all, or not known.
  bool effort = true;                     ///< It can be told how much to reason at all.
  bool thinking_off = true;               ///< Reasoning can be switched off (`thinking` false or effort `none`).
  bool thinking_budget = true;            ///< `thinking` may be a number of tokens.
  bool forced_tools = true;               ///< tool_choice `required` and a named tool.
  bool chat_tools_with_effort = true;     ///< OpenAI's Chat Completions: tools together with reasoning.
  bool prefill = true;                    ///< The last turn may be the assistant's.
  std::optional<std::uint32_t> max_output_tokens;
  ModelRole system_role = ModelRole::system;  ///< The role that its system text is best given.
};

/// The family of `model` as the adapter's API names it.
ModelFamily model_family(std::string_view adapter, std::string_view model);

/// Why the family would answer this request with an error: tool_parameters with the field as `where` and what to do as
/// the hint. Empty: nothing is known against it.
std::vector<Error> refused_by(const ModelFamily& family, const ModelRequest& request);

}  // namespace hillstar::policy
