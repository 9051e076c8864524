// SPDX-License-Identifier: Apache-2.0
// state: what runs share, for people. And the options of `run` about it.
#pragma once

#include <string>

#include "apps/cli/commands.hpp"

namespace CLI {
class App;
}

namespace hillstar::cli {

class Commands;

struct StateArgs {
  std::string what;  ///< ls, get, put, add, rm, history, scopes.
  std::string key;
  std::string value;       ///< JSON; `-`: it is read from stdin.
  std::string stream;      ///< Empty, and `run` too: the store's state.
  std::string run;         ///< Its own state, which only it changes.
  std::string if_version;  ///< As typed; empty: whatever is there.
  bool is_text = false;    ///< The value is a text, as it stands.
};

/// A change is durable when this returns.
Result<Exit> use_state(Context& context, const StateArgs& args);

void add_state(Commands& commands);
void add_isolation(CLI::App& run, RunArgs& args);

}  // namespace hillstar::cli
