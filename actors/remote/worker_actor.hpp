// SPDX-License-Identifier: Apache-2.0
// The side of a worker that talks to the host: joins, beats, takes attempts, answers until it is heard, and stops
// everything when the host must have given it up. What one attempt needs: worker_attempt.hpp.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "actors/remote/admission.hpp"
#include "actors/remote/blob_port.hpp"
#include "actors/remote/certificate_keeper.hpp"
#include "actors/remote/worker_attempt.hpp"
#include "actors/worker.hpp"
#include "persistence/blob_cache.hpp"

namespace hillstar::actors {

/// Between attempts to connect: doubles from the first to the second.
inline constexpr Millis kRedialFirst{50};
inline constexpr Millis kRedialMax{5'000};
/// How often the worker looks at time, at least, and says again what was not confirmed.
inline constexpr Millis kWorkerTick{250};
inline constexpr Millis kSayAgain{5'000};
/// Claims in one frame, about.
inline constexpr std::size_t kClaimBytes = 256U * 1024;
/// What an attempt needs it has read by then: later it does not keep the cache from forgetting.
inline constexpr Millis kCacheHold{3'600'000};

struct Redial {};
struct WorkerTick {};
struct DrainAsked {};
struct CertificateRenewed {};
struct LeaveHost {
  Reply<bool> reply;
};

using WorkerActor = caf::typed_actor<caf::reacts_to<wire::PeerUp>, caf::reacts_to<wire::PeerFrame>,
                                     caf::reacts_to<wire::PeerDown>, caf::reacts_to<Redial>, caf::reacts_to<WorkerTick>,
                                     caf::reacts_to<AttemptReported>,  // from an attempt
                                     caf::reacts_to<AttemptSaid>,      // output, for the eye
                                     caf::reacts_to<LineSaid>, caf::reacts_to<CertificateRenewed>,
                                     caf::reacts_to<DrainAsked>, caf::reacts_to<LeaveHost>>;

struct WorkerActorParts {
  WorkerOptions options;
  ServicesPtr services;
  std::function<void(Result<void>)> ended;  ///< Called once.
  persistence::BlobCache* cache = nullptr;  ///< The store; outlives the actor.
  Lifeline alive;
};

class WorkerActorState {
 public:
  explicit WorkerActorState(WorkerActor::pointer actor) : self_(actor) {}
  ~WorkerActorState();

  void open(WorkerActorParts parts);
  void on_up(const wire::PeerUp& message);
  void on_frame(wire::PeerFrame& message);
  void on_down(const wire::PeerDown& message);
  void on_redial();
  void on_tick();
  void on_reported(const AttemptReported& message);
  void on_said(const AttemptSaid& message);
  void on_line(const LineSaid& message);
  void on_renewed();
  void on_drain();
  void on_leave(const LeaveHost& message);

  const char* name = "worker";

 private:
  using Moment = std::chrono::steady_clock::time_point;
  struct Making {
    WorkerAttempt actor;                      ///< Null while it is held.
    std::optional<remote::AttemptSent> held;  ///< It begins once the host has seen a beat.
    std::optional<Frame> told;                ///< It has ended: what is said of it.
    std::optional<std::string> claim;         ///< That the host gave it to us; for hosts only.
    std::vector<std::string> offered;
    Moment taken;
    Moment told_at;
    bool fenced = false;            ///< The host has given it up: its end is told to nobody.
    std::optional<Moment> ends_by;  ///< Its lease is nearly over then.
  };

  void take(const wire::PeerFrame& message);
  void begin(Making& making, remote::AttemptSent sent);
  void refuse(const std::string& key, FailureClass kind, std::string why);
  void begin_held();
  /// Of what the host has not given up.
  [[nodiscard]] bool makes_something() const;
  /// The host has seen a beat so lately that much of `grace` is left.
  [[nodiscard]] bool is_trusted() const { return now() - trusted_ <= words_.grace / 2; }
  void show_claims();
  void say(Making& making);
  void drop(const std::string& key);
  void change_certificate();
  void fence(Making& making);
  void stop_all(const std::string& why);
  void look_at_lease(Moment now);
  [[nodiscard]] Millis until_look(Moment now) const;
  [[nodiscard]] Moment lease_stops() const { return trusted_ + words_.grace; }
  /// `grace` is four fifths of the lease: this leaves a tenth of it to die in.
  [[nodiscard]] Moment lease_kills() const { return trusted_ + words_.grace * 9 / 8; }
  void beat(Moment now);
  void end(Result<void> how);
  void end_if_drained();
  void look_at_cache();
  void shrink_cache();
  [[nodiscard]] Moment now() const { return parts_.services->clock->steady_now(); }

  WorkerActor::pointer self_;
  WorkerActorParts parts_;
  std::shared_ptr<WorkerSecrets> secrets_ = std::make_shared<WorkerSecrets>();
  BlobPort port_;
  CertificateKeeper keeper_;  ///< Null: nobody is to renew it.
  wire::FrameSink sink_;
  std::string session_;  ///< Another one once what the host gave to it was stopped.
  std::uint64_t peer_ = 0;
  bool welcomed_ = false;
  bool asked_ = false;     ///< A beat was sent for attempts that are held.
  bool renewed_ = false;   ///< The connection has a certificate of before.
  bool changing_ = false;  ///< It ends since we want another one.
  bool draining_ = false;
  bool ended_ = false;
  std::optional<Error> broken_;  ///< Why it drains.
  Reply<bool> leave_;
  Millis wait_ = kRedialFirst;
  Moment hello_at_{};
  Moment welcomed_at_{};
  std::string told_;  ///< Why there was no connection, the last time that was said.
  remote::Welcome words_;
  std::uint64_t beats_ = 0;
  Moment beat_at_{};
  std::unordered_map<std::uint64_t, Moment> unseen_;  ///< Beats that the host has not confirmed; few.
  Moment trusted_{};  ///< When the newest beat, or hello, was sent that the host has seen.
  std::unordered_map<std::string, Making> making_;  ///< By key.
};

WorkerActor::behavior_type worker_actor(WorkerActor::stateful_pointer<WorkerActorState> self, WorkerActorParts parts);

}  // namespace hillstar::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::Redial)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::WorkerTick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::DrainAsked)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::CertificateRenewed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::LeaveHost)
