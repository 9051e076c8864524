// SPDX-License-Identifier: Apache-2.0
// A run made again from what was recorded of it: nothing is sent, and nothing is written to the store.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "messages/error.hpp"
#include "messages/ids.hpp"
#include "persistence/event_store.hpp"
#include "runtime/policy/registry.hpp"
#include "runtime/run/replay_check.hpp"

namespace hillstar {

struct ReplayOptions {
  std::shared_ptr<const policy::Registry> registry;  ///< Null: the one that comes with the program.
  std::vector<std::string> environment;              ///< Names providers' addresses, and secrets to be masked.
  /// True: tools really run, one after the other in the order in which they ended, in `workspace` and nowhere else as
  /// far as the tools keep to it. False: their recorded results stand.
  bool run_tools = false;
  std::string workspace;
};

struct ReplayReport {
  std::string status;                        ///< Of the recorded run.
  std::uint64_t nodes = 0;                   ///< With an end.
  std::uint64_t attempts = 0;                ///< That ended in the history.
  std::uint64_t calls = 0;                   ///< Of models, answered from what was recorded.
  std::uint64_t tools = 0;                   ///< Attempts of tools,
  std::uint64_t tools_run = 0;               ///< and how many of them really ran.
  std::uint64_t unseen = 0;                  ///< Lost and cancelled attempts: there is no end to compare with.
  std::vector<run::Difference> differences;  ///< The first run::kDifferencesMax.
  std::uint64_t differences_count = 0;
  std::vector<std::string> unrecorded;  ///< Units whose calls were not kept, such as by older versions.
  std::string results_sha256;           ///< Over the results of all attempts, in the order in which they ended.
};

/// Blocks until it is done. Errors: those of reading the run; blob_missing or record_corrupt, with the node, for what
/// is kept of a call.
Result<ReplayReport> replay_offline(const std::shared_ptr<const persistence::EventStore>& store, const RunId& run,
                                    const ReplayOptions& options);

}  // namespace hillstar
