// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/command_table.hpp"
#include "apps/cli/state_commands.hpp"

namespace hillstar::cli {

void add_state(Commands& commands) {
  auto [state, s] = commands.add<StateArgs>("state", "Look at the state that runs share, or change it", use_state);
  state->add_option("ACTION", s->what, "ls, get, put, add, rm, history or scopes")
      ->required()
      ->check(CLI::IsMember({"ls", "get", "put", "add", "rm", "history", "scopes"}));
  state->add_option("KEY", s->key, "the name of the value; ls: what the names begin with");
  state->add_option("VALUE", s->value, "put: JSON, or - for stdin; add: a number, else 1");
  auto* stream = state->add_option("--stream", s->stream, "that of this stream; without it that of the store");
  state->add_option("--run", s->run, "that of this run alone, to look at")->type_name("RUN")->excludes(stream);
  stream->type_name("WORKFLOW/ENTRY");
  state->add_option("--if-version", s->if_version, "put, add, rm: only if this version is there; 0: no value")
      ->type_name("N");
  state->add_flag("--text", s->is_text, "put: VALUE is a text, as it stands");
}

void add_isolation(CLI::App& run, RunArgs& args) {
  run.add_option("--isolation", args.isolation, "the shared state that it sees: isolated, shared or synchronized")
      ->check(CLI::IsMember({"isolated", "shared", "synchronized"}))
      ->type_name("LEVEL");
  run.add_option("--state-of", args.state_of, "with it: that of this stream, besides that of the store")
      ->type_name("STREAM");
}

}  // namespace hillstar::cli
