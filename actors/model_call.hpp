// SPDX-License-Identifier: Apache-2.0
// One model call on its way through a provider pool; answers its node exactly once, whatever happens to the pool.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "actors/handles.hpp"
#include "actors/live_output.hpp"
#include "messages/secret.hpp"
#include "providers/http/transport.hpp"
#include "providers/pool/ledger.hpp"
#include "providers/program/context.hpp"
#include "runtime/policy/model_choice.hpp"
#include "runtime/policy/redaction.hpp"

namespace hillstar::actors {

/// A request as it was rendered, without the key.
struct SentRequest {
  std::string method;
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

class ModelCall {
 public:
  struct Parts {
    AttemptRef ref;
    NodeActor node;
    policy::Backend backend;
    ModelRequest request;
    std::optional<Reservation> reserved;  ///< As it was recorded before the attempt.
    Secret key;
    std::shared_ptr<const providers::NetworkSettings> network;  ///< Of the run's person.
    std::shared_ptr<const providers::ProgramContext> program;   ///< Of backends that are programs.
    std::shared_ptr<const policy::Reach> reach;                 ///< Of an air-gapped run; null: anybody.
    std::optional<Millis> start_to_close;
    std::optional<Millis> queue_timeout;
    /// Who is told about pieces of the reply while it streams.
    RunId run;
    NodeId node_id;
    std::uint32_t priority = tools::kPriorityDefault;  ///< Of the run.
    std::string workflow;                              ///< Whose runs share
    providers::Ledger::Limits shared;                  ///< these budgets.
    policy::Redactor redactor;                         ///< For those pieces.
    std::string trace;                                 ///< W3C traceparent that is sent along; empty: none.
  };

  explicit ModelCall(Parts parts) : parts_(std::move(parts)) {}
  ModelCall(const ModelCall&) = delete;
  ModelCall& operator=(const ModelCall&) = delete;
  ~ModelCall();

  /// The first answer counts. Called by the pool that holds the call.
  void answer(ModelAnswer answer, std::string partial = {});
  [[nodiscard]] const Parts& parts() const { return parts_; }
  /// Tells once what the call cost, or may have cost. A call that dies says it by itself.
  void settle(MicroUsd spent);

  /// What a call of an air-gapped run connected to. Thread-safe: the transport says it, the node takes it at the end.
  void note(const Connection& made);
  [[nodiscard]] std::vector<Connection> connections() const;

  /// Made with the first piece of the reply, on the transport's thread; null before.
  std::unique_ptr<LiveOutput> live;
  std::function<void(MicroUsd)> on_settled;  ///< Set by the directory before the call goes to its pool.
  // Owned by the pool.
  std::uint64_t ticket = 0;
  std::uint64_t tokens_max = 0;  ///< What was reserved for it,
  MicroUsd cost_max;             ///< in both units.
  bool cancelled = false;
  std::shared_ptr<providers::Cancellation> in_flight;  ///< Null: it waits.
  std::optional<SentRequest> sent;                     ///< Set when it is sent; immutable from then on.
  unsigned status = 0;                                 ///< Of the HTTP reply that ended it; 0: there was none.

 private:
  Parts parts_;
  bool answered_ = false;
  mutable std::mutex connections_mutex_;
  std::vector<Connection> connections_;
};

}  // namespace hillstar::actors
