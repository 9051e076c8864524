// SPDX-License-Identifier: Apache-2.0
// How commands come into the table of the program: name, words about it, its arguments, and what it does.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <memory>
#include <utility>

#include "apps/cli/commands.hpp"

namespace hillstar::cli {

using Action = std::function<Result<Exit>(Context&)>;

/// Adds commands whose parsed arguments live as long as the table does.
class Commands {
 public:
  Commands(CLI::App& app, Action& chosen) : app_(app), chosen_(chosen) {}

  /// `run` is called with the arguments if the command was given.
  template <class Args, class Run>
  std::pair<CLI::App*, Args*> add(const char* name, const char* about, Run run) {
    auto args = std::make_shared<Args>();  // shared: by the options that fill it and the action that reads it
    auto* command = app_.add_subcommand(name, about);
    command->fallthrough();
    command->callback([this, args, run] { chosen_ = [args, run](Context& context) { return run(context, *args); }; });
    return {command, args.get()};
  }

 private:
  CLI::App& app_;
  Action& chosen_;
};

}  // namespace hillstar::cli
