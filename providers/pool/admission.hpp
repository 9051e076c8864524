// SPDX-License-Identifier: Apache-2.0
// Which calls to one backend may be in flight, and which wait for it. Pure: no clock, no threads, no actors.
//
// A call is let go only if at that moment it keeps every limit, with the most that it can use: calls in flight, calls
// and tokens in any minute, money of the day. What it used in truth is settled when it ended. So no limit is passed, as
// long as no call uses more than was announced for it, except by one call that is larger than a limit by itself: it
// goes alone, in an empty minute. The next in line is never overtaken because it is large: it would starve.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "messages/failure.hpp"
#include "messages/units.hpp"
#include "providers/pool/circuit_breaker.hpp"
#include "providers/pool/day_budget.hpp"
#include "providers/pool/fair_queue.hpp"
#include "providers/pool/sliding_window.hpp"
#include "providers/rate_limits.hpp"

namespace hillstar::providers {

/// A call, named by its host. Never given to two calls that are alive at once.
using Ticket = std::uint64_t;

/// What one backend may be asked for. Absent: no limit.
struct PoolLimits {
  std::uint32_t concurrency = 256;           ///< Calls in flight; 0 counts as 1.
  std::optional<std::uint64_t> rpm = {};     ///< Calls that start in any 60 seconds.
  std::optional<std::uint64_t> tpm = {};     ///< Tokens, of requests and replies, in any 60 seconds.
  std::optional<MicroUsd> usd_per_day = {};  ///< In UTC.
  std::size_t queue_max = 100'000;           ///< Calls that wait; 0: nobody waits.
  CircuitBreaker::Settings breaker = {};
};

/// Both clocks at one moment: windows and waits go by the one that is never set, days by the one on the wall.
struct Moment {
  Millis steady{0};
  UtcTime utc;
};

/// A call that wants to go.
struct PoolCall {
  Ticket ticket = 0;
  std::string run;
  std::string lane;          ///< Calls of one lane never overlap; empty: no lane.
  std::uint32_t weight = 1;  ///< Of its run, from 1 to kWeightMax.
  std::uint64_t tokens = 0;  ///< At most, request and reply together (token_bound.hpp).
  MicroUsd cost = {};        ///< At most; 0 if its price is not known.
};

/// How a call ended.
struct PoolOutcome {
  std::optional<std::uint64_t> tokens;  ///< As the provider counted them. Absent with a failure that leaves it open
  std::optional<MicroUsd> cost;         ///< whether the provider worked: all that was reserved counts as used.
  std::optional<FailureClass> failure;
  bool cancelled = false;        ///< Stopped from this side; `failure` does not count.
  RateHints hints;               ///< What the reply's headers said.
  std::uint32_t chance_ppm = 0;  ///< For the wait of a breaker that opens, in [0, 1000000).
};

/// A call that was made before this pool was, by an earlier process.
struct PastCall {
  std::optional<UtcTime> ended;         ///< Absent: it was in flight when that process died, perhaps just now.
  std::optional<std::uint64_t> tokens;  ///< Absent: unknown, and taken for a whole minute's.
  std::optional<MicroUsd> cost;
};

/// Limits of one backend and the line in front of them. Not thread-safe; one actor owns it. Deadlines of waiting calls
/// are its host's timers, which call withdraw().
class Admission {
 public:
  struct Refusal {
    Ticket ticket = 0;
    Failure failure;
  };
  /// What to do now. Every ticket that was offered is named once, in `go` or `refused`, unless it is withdrawn.
  struct Step {
    std::vector<Ticket> go;
    std::vector<Refusal> refused;   ///< Failures: overloaded (the line is full), quota (the day's money).
    std::optional<Millis> wake_at;  ///< Call wake() then, on the steady clock, unless another step comes first.
  };
  struct Status {
    std::size_t running = 0;
    std::size_t waiting = 0;
    std::uint64_t requests = 0;  ///< Counted in this minute; 0 without a limit.
    std::uint64_t tokens = 0;    ///< Counted and reserved in this minute; 0 without a limit.
    MicroUsd spent;
    MicroUsd reserved;
    CircuitBreaker::State breaker = CircuitBreaker::State::closed;
    std::optional<Millis> blocked_until;  ///< On the steady clock; the backend asked for it.
  };

  /// @param name  of the backend, for messages
  Admission(std::string name, const PoolLimits& limits);

  /// Before the first offer: what earlier processes did within the last minute and on this day.
  void restore(const std::vector<PastCall>& calls, const Moment& now);
  Step offer(PoolCall call, const Moment& now);
  /// A call that went has ended. A ticket that did not go changes nothing.
  Step ended(Ticket ticket, const PoolOutcome& outcome, const Moment& now);
  /// Takes a waiting call out of the line. Nothing if it does not wait: it went, or is unknown.
  std::optional<Step> withdraw(Ticket ticket, const Moment& now);
  Step wake(const Moment& now);

  [[nodiscard]] Status status(const Moment& now);

 private:
  struct Need {
    std::uint64_t tokens = 0;
    MicroUsd cost;
    std::string lane;
  };
  Step pump(const Moment& now);
  [[nodiscard]] Failure queue_full() const;
  [[nodiscard]] std::optional<Failure> refusal(MicroUsd cost, UtcTime now);
  /// Whether the limits let the call go; if not, `wake_at` says when to ask again, if time alone can help.
  [[nodiscard]] bool fits(const Need& need, const Moment& now, std::optional<Millis>& wake_at);
  void start(Ticket ticket, const Moment& now);
  void learn(const PoolOutcome& outcome, Millis now);

  std::string name_;
  PoolLimits limits_;
  FairQueue queue_;
  CircuitBreaker breaker_;
  std::optional<SlidingWindow> requests_;
  std::optional<SlidingWindow> tokens_;
  std::optional<DayBudget> budget_;
  std::optional<Millis> blocked_until_;
  std::unordered_map<Ticket, Need> waiting_;
  std::unordered_map<Ticket, Need> running_;
};

}  // namespace hillstar::providers
