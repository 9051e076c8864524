// SPDX-License-Identifier: Apache-2.0
// signal, input: what a person or a script tells a run that waits for it.
#pragma once

#include <string>
#include <vector>

#include "apps/cli/commands.hpp"
#include "runtime/run/state.hpp"

namespace hillstar::cli {

struct SignalArgs {
  std::string run;
  std::string name;
  std::string payload;  ///< JSON; `-`: it is read from stdin; empty: null.
  std::string key;
};
struct InputArgs {
  std::string run = "latest";
  std::string request;  ///< Empty: what is asked is listed, or asked here.
  std::string value;    ///< JSON; `-`: it is read from stdin.
  std::string text;     ///< The value, as it stands.
  bool has_text = false;
};

/// Returns once the run has it for good.
Result<Exit> give_signal(Context& context, const SignalArgs& args);
Result<Exit> give_input(Context& context, const InputArgs& args);

/// How to tell the run what it waits for: a line for each question and each signal, the first few of them.
std::vector<std::string> talk_hints(const run::RunState& state, const RunId& run);
/// The same for programs: [{"kind": "input", "request", "node", "item", "prompt", "schema", "deadline"}, ...].
Json talk_waits(const run::RunState& state);

}  // namespace hillstar::cli
