// SPDX-License-Identifier: Apache-2.0
// The side of a worker that talks to the host: joins, beats, takes attempts, answers until it is heard, and stops
// everything when the host must have given it up. What one attempt needs: worker_attempt.hpp.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "actors/remote/blob_port.hpp"
#include "actors/remote/worker_attempt.hpp"
#include "actors/worker.hpp"

namespace hillstar::actors {

/// Between attempts to connect: doubles from the first to the second.
inline constexpr Millis kRedialFirst{50};
inline constexpr Millis kRedialMax{5'000};
/// How often the worker looks at time, and says again what was not confirmed.
inline constexpr Millis kWorkerTick{250};
inline constexpr Millis kSayAgain{5'000};
/// Attempts at once, whatever the host sends.
inline constexpr std::size_t kAttemptsMax = 10'000;

struct Redial {};
struct WorkerTick {};
struct DrainAsked {};
struct LeaveHost {
  Reply<bool> reply;
};

using WorkerActor = caf::typed_actor<caf::reacts_to<wire::PeerUp>, caf::reacts_to<wire::PeerFrame>,
                                     caf::reacts_to<wire::PeerDown>, caf::reacts_to<Redial>, caf::reacts_to<WorkerTick>,
                                     caf::reacts_to<AttemptReported>,  // from an attempt
                                     caf::reacts_to<AttemptSaid>,      // output, for the eye
                                     caf::reacts_to<LineSaid>, caf::reacts_to<DrainAsked>, caf::reacts_to<LeaveHost>>;

struct WorkerActorParts {
  WorkerOptions options;
  ServicesPtr services;
  std::string session;
  std::function<void(Result<void>)> ended;  ///< Called once.
  Lifeline alive;
};

class WorkerActorState {
 public:
  explicit WorkerActorState(WorkerActor::pointer actor) : self_(actor) {}
  ~WorkerActorState();

  void open(WorkerActorParts parts);
  void on_up(const wire::PeerUp& message);
  void on_frame(const wire::PeerFrame& message);
  void on_down(const wire::PeerDown& message);
  void on_redial();
  void on_tick();
  void on_reported(const AttemptReported& message);
  void on_said(const AttemptSaid& message);
  void on_line(const LineSaid& message);
  void on_drain();
  void on_leave(const LeaveHost& message);

  const char* name = "worker";

 private:
  using Moment = std::chrono::steady_clock::time_point;
  struct Making {
    WorkerAttempt actor;
    std::optional<remote::OutcomeTold> told;  ///< It has ended.
    std::vector<std::string> offered;
    Moment told_at;
    bool fenced = false;  ///< The host has given it up: its end is told to nobody.
  };

  void take(const Frame& frame);
  void say(Making& making);
  void drop(const std::string& key);
  void fence(Making& making);
  void stop_all(const std::string& why);
  void beat(Moment now);
  void end(Result<void> how);
  void end_if_drained();
  [[nodiscard]] Moment now() const { return parts_.services->clock->steady_now(); }

  WorkerActor::pointer self_;
  WorkerActorParts parts_;
  BlobPort port_;
  wire::FrameSink sink_;
  std::uint64_t peer_ = 0;
  bool welcomed_ = false;
  bool draining_ = false;
  bool ended_ = false;
  Reply<bool> leave_;
  Millis wait_ = kRedialFirst;
  Moment welcomed_at_{};
  std::string told_;  ///< Why there was no connection, the last time that was said.
  remote::Welcome words_;
  std::uint64_t beats_ = 0;
  Moment beat_at_{};
  std::unordered_map<std::uint64_t, Moment> unseen_;  ///< Beats that the host has not confirmed; few.
  Moment trusted_{};                                  ///< When the newest beat was sent that the host has seen.
  std::unordered_map<std::string, Making> making_;    ///< By key.
};

WorkerActor::behavior_type worker_actor(WorkerActor::stateful_pointer<WorkerActorState> self, WorkerActorParts parts);

}  // namespace hillstar::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::Redial)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::WorkerTick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::DrainAsked)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::LeaveHost)
