// SPDX-License-Identifier: Apache-2.0
// The way of one command to the store: as its host if nobody else is, else joined to the host; again when that ends.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "apps/cli/client.hpp"
#include "apps/cli/engine_notes.hpp"
#include "messages/error.hpp"
#include "persistence/event_store.hpp"

namespace hillstar::telemetry {
class Exporter;
}

namespace hillstar::cli {

class Host;

struct LinkOptions {
  std::string folder;                     ///< The store's; ignored if ephemeral.
  std::vector<std::string> environment;   ///< Of this person; stands in for that of recovered runs.
  bool ephemeral = false;                 ///< A store in memory, without host.
  bool recovers_all = false;              ///< As host, goes on with every interrupted run, whoever started it.
  std::optional<WorkersAt> workers = {};  ///< As host, takes workers there.
  Millis worker_lost_after{10'000};       ///< As EngineOptions'.
};

class Link {
 public:
  explicit Link(LinkOptions options);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Joins the host, or becomes it and recovers what its predecessor left. May be called again after
  /// host_unreachable. Errors: store_*; host_unreachable if the owner of the store does not answer for a while.
  Result<void> open();
  /// Becomes the host, and joins nobody. store_busy, with who has the store, if that does not end soon.
  Result<void> host();
  /// Joins the host if there is one; not_found if nobody owns the store.
  Result<void> join_only();
  void close();
  /// Of the host: says goodbye to other terminals and stops the engine, which from then on answers that it has stopped.
  void stop();

  // As the client's, but repeated through the next host when the one that was asked ended without taking the call.
  /// Gives the run its id, so that it starts once even if a host ended while it was starting it.
  Result<RunId> start(StartJob job);
  Result<std::vector<Event>> tell(const RunId& run, const Word& word);
  Result<Json> ask(const Question& question);
  Result<void> set_environment(const RunId& run, const std::vector<std::string>& environment);
  Result<Json> ask_state(const StateAsk& ask);

  [[nodiscard]] Client& client() { return *client_; }
  /// Of the host only.
  [[nodiscard]] Engine& engine() { return *engine_; }
  [[nodiscard]] persistence::EventStore& store() { return *store_; }
  /// Of the host, if it takes workers: the port.
  [[nodiscard]] std::uint16_t workers_port() const { return workers_port_; }
  /// Of the host, if what it does is exported; else null.
  [[nodiscard]] telemetry::Exporter* exporter() { return exporter_.get(); }
  [[nodiscard]] bool is_host() const { return engine_ != nullptr; }
  /// Runs that other terminals follow through this host, or have begun.
  [[nodiscard]] std::vector<RunId> followed_by_others() const;
  /// As Host::end_if_unused; true for who is no host.
  [[nodiscard]] bool leave_if_unused() const;
  /// Runs that are live here and not terminal; empty if joined.
  [[nodiscard]] std::vector<RunId> live_runs() const;
  [[nodiscard]] const LinkOptions& options() const { return options_; }

  /// What the engine of this process says, if there is one.
  [[nodiscard]] EngineNotes& notes() { return *notes_; }

  /// The store for reading: the host's own, or a read-only view of what is durable now.
  Result<std::shared_ptr<const persistence::EventStore>> reading() const;

 private:
  Result<void> become_host();
  Result<void> ask_service();
  template <class Call>
  auto repeated(const Call& call) -> decltype(call());

  LinkOptions options_;
  std::shared_ptr<EngineNotes> notes_ = std::make_shared<EngineNotes>();  // shared with an engine that cannot stop
  // In order of dependence: the host serves the client, which calls the engine, which writes the store.
  std::shared_ptr<persistence::EventStore> store_;  // shared with readers, which may outlive a change of hosts
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<telemetry::Exporter> exporter_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<Host> host_;
  std::uint16_t workers_port_ = 0;
};

}  // namespace hillstar::cli
