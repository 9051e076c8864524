// SPDX-License-Identifier: Apache-2.0
// Keeps Hillstar's files of live runs up to date, beside the runs and never in their way.
//
// A run actor rings its bell when a batch is durable; the exporter then reads the new records from the store, on a
// thread of its own. A bell that was rung and not yet heard is not rung again, so the mailbox holds one message a run,
// however far the files lag behind. Files that cannot be written cost one warning; they can be written later
// (export_run).
#pragma once

#include <atomic>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "actors/hillstar_export.hpp"
#include "actors/reply.hpp"
#include "messages/ids.hpp"
#include "persistence/event_store.hpp"

namespace hillstar::actors {

struct ExportDue {
  struct Bell {
    std::atomic<bool> rung{false};  ///< A message is on its way.
    bool ended = false;             ///< Nothing more to write. The exporter's alone.
  };
  RunId run;
  std::shared_ptr<Bell> bell;
  bool next_page = false;  ///< From the exporter to itself.
};
/// Writes what is due, answers, and quits.
struct StopExporter {
  Reply<bool> reply;
};

using Exporter = caf::typed_actor<caf::reacts_to<ExportDue>, caf::reacts_to<StopExporter>>;

/// One run's bell. Copies ring the same; thread-safe.
class ExportBell {
 public:
  /// Rings nowhere: for runs without an output folder.
  ExportBell() = default;
  ExportBell(Exporter exporter, RunId run);
  /// There are new durable records.
  void ring() const;

 private:
  Exporter exporter_;
  RunId run_;
  std::shared_ptr<ExportDue::Bell> bell_;
};

struct ExporterParts {
  const persistence::EventStore* store = nullptr;  ///< Outlives the actor.
  std::function<void(const std::string&)> log;     ///< One line for the operator. Thread-safe.
  Reply<bool> alive;                               ///< Held for as long as the actor lives.
};

class ExporterState {
 public:
  explicit ExporterState(Exporter::pointer actor) : self_(actor) {}

  void open(ExporterParts parts);
  void on_due(const ExportDue& message);
  void on_stop(const StopExporter& message);

  const char* name = "exporter";

 private:
  using BellPtr = std::shared_ptr<ExportDue::Bell>;
  /// Writes one page. False: nothing is left to do for now.
  bool advance(const RunId& run, ExportDue::Bell& bell);
  Result<bool> write_page(const RunId& run, std::unique_ptr<RunExport>& files) const;
  [[nodiscard]] bool has_ended(const RunId& run) const;

  Exporter::pointer self_;
  ExporterParts parts_;
  /// Null: writing failed; it is tried once more, from the start, when the run has ended.
  std::unordered_map<RunId, std::unique_ptr<RunExport>> runs_;
  std::map<RunId, BellPtr> unfinished_;  ///< A page was full; a message to itself is on its way.
};

/// To be spawned with spawn_blocking: it waits for disks.
Exporter::behavior_type exporter(Exporter::stateful_pointer<ExporterState> self, ExporterParts parts);

}  // namespace hillstar::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::ExportDue)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::StopExporter)
