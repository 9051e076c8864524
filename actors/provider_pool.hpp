// SPDX-License-Identifier: Apache-2.0
// Admission and transport of one backend: queues, one answer per call, never retries.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/handles.hpp"
#include "actors/model_call.hpp"
#include "actors/pool_board.hpp"
#include "providers/pool/admission.hpp"
#include "runtime/platform/clock.hpp"
#include "runtime/platform/id_source.hpp"

namespace hillstar::actors {

struct FeedGate;

/// Called on the transport's thread with text as it arrives.
using OnText = std::function<void(ModelCall& call, const std::string& text)>;

/// Shows it to whoever follows the attempt.
OnText live_text(std::shared_ptr<FeedGate> gate, FeedActor feed);

struct PoolParts {
  std::shared_ptr<providers::Transport> transport;
  std::shared_ptr<const Clock> clock = std::make_shared<const SystemClock>();
  std::shared_ptr<IdSource> ids = std::make_shared<SystemIdSource>();
  std::function<providers::PoolLimits(const policy::Backend&)> limits;  ///< Empty: the defaults.
  /// What earlier processes asked of the backend; may be empty.
  std::function<std::vector<providers::PastCall>(const std::string& backend)> past;
  OnText on_text;
  std::shared_ptr<PoolBoard> board;  ///< Told how things stand; may be null.
  Reply<bool> alive;
};

class ProviderPoolState {
 public:
  explicit ProviderPoolState(ProviderPool::pointer actor) : self_(actor) {}
  ~ProviderPoolState();

  void open(PoolParts parts, const policy::Backend& backend);
  void on_call(CallModel& message);
  void on_cancel(const CancelModel& message);
  void on_wake();
  void on_queue_over(const CallQueueOver& message);
  void on_ended(CallEnded& message);
  /// How things stand now; called after each of the above.
  void tell_board();

  const char* name = "provider_pool";

 private:
  [[nodiscard]] providers::Moment now() const;
  void act(providers::Admission::Step step);
  bool start(const ModelCallPtr& call);
  void arm(std::optional<Millis> wake_at);

  ProviderPool::pointer self_;
  PoolParts parts_;
  std::unique_ptr<providers::Admission> admission_;
  std::unordered_map<std::uint64_t, ModelCallPtr> calls_;  ///< All that were not answered yet.
  std::uint64_t tickets_ = 0;
  PoolStatus status_;
  std::optional<Millis> armed_for_;  ///< The timer that comes first, on the steady clock.
};

ProviderPool::behavior_type provider_pool(ProviderPool::stateful_pointer<ProviderPoolState> self, PoolParts parts,
                                          const policy::Backend& backend);

}  // namespace hillstar::actors
