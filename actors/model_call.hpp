// SPDX-License-Identifier: Apache-2.0
// One model call on its way through a provider pool; answers its node exactly once, whatever happens to the pool.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "actors/handles.hpp"
#include "messages/secret.hpp"
#include "providers/http/transport.hpp"
#include "providers/pricing.hpp"
#include "runtime/policy/model_choice.hpp"
#include "runtime/policy/redaction.hpp"

namespace hillstar::actors {

class ModelCall {
 public:
  struct Parts {
    AttemptRef ref;
    NodeActor node;
    policy::Backend backend;
    ModelRequest request;
    Secret key;
    std::shared_ptr<const providers::NetworkSettings> network;  ///< Of the run's person.
    std::optional<Millis> start_to_close;
    std::optional<Millis> queue_timeout;
    /// Who is told about pieces of the reply while it streams.
    RunId run;
    NodeId node_id;
    policy::Redactor redactor;                ///< For those pieces.
    std::optional<providers::Prices> prices;  ///< Absent: not known, and the call is taken to cost nothing.
  };

  explicit ModelCall(Parts parts) : parts_(std::move(parts)) {}
  ModelCall(const ModelCall&) = delete;
  ModelCall& operator=(const ModelCall&) = delete;
  ~ModelCall();

  /// The first answer counts. Called by the pool that holds the call.
  void answer(ModelAnswer answer, std::string partial = {});
  [[nodiscard]] const Parts& parts() const { return parts_; }

  // Owned by the pool.
  std::uint64_t ticket = 0;
  std::uint64_t tokens_max = 0;  ///< What was reserved for it,
  MicroUsd cost_max;             ///< in both units.
  bool cancelled = false;
  std::shared_ptr<providers::Cancellation> in_flight;  ///< Null: it waits.

 private:
  Parts parts_;
  bool answered_ = false;
};

}  // namespace hillstar::actors
