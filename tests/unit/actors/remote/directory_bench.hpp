// SPDX-License-Identifier: Apache-2.0
// A directory of workers with a clock that goes by hand, nodes that only listen, and connections as a test plays them.
#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <caf/send.hpp>

#include "actors/remote/orders.hpp"
#include "actors/remote/placed_node.hpp"
#include "actors/remote/worker_directory.hpp"
#include "persistence/memory_store.hpp"
#include "tests/unit/actors/remote/far_side.hpp"
#include "tests/unit/actors/wire/bench_parts.hpp"

namespace hillstar::actors::directory_bench {

/// What the host makes claims with.
inline const Secret kClaimKey{"a key of the host"};
inline constexpr const char* kRun = "01BX5ZZKBKACTAV9WEVGEMMVRZ";

/// Goes when the test says so.
class HandClock final : public Clock {
 public:
  [[nodiscard]] UtcTime utc_now() const override { return {1'800'000'000'000'000 + passed_.load() * 1'000}; }
  [[nodiscard]] std::chrono::steady_clock::time_point steady_now() const override {
    return std::chrono::steady_clock::time_point(std::chrono::hours(1) + Millis(passed_.load()));
  }
  void pass(Millis time) { passed_ += time.count(); }

 private:
  std::atomic<std::int64_t> passed_{0};
};

/// What nodes were answered, in order.
class Answers {
 public:
  explicit Answers(caf::actor_system& system) : told_(std::make_shared<Told>()) {
    actor_ = system.spawn(
        [](caf::event_based_actor*, const std::shared_ptr<Told>& told) -> caf::behavior {
          return {[told](const JobDone& message) {
                    const std::scoped_lock lock(told->mutex);
                    told->outcomes.push_back(message.outcome);
                    told->changed.notify_all();
                  },
                  [told](const PlaceMissing& message) {
                    const std::scoped_lock lock(told->mutex);
                    told->reasons.push_back(message.reason);
                    told->changed.notify_all();
                  }};
        },
        told_);
  }
  ~Answers() { caf::anon_send_exit(actor_, caf::exit_reason::user_shutdown); }
  Answers(const Answers&) = delete;
  Answers& operator=(const Answers&) = delete;

  [[nodiscard]] NodeActor node() const {
    return caf::actor_cast<NodeActor>(caf::actor_cast<caf::strong_actor_ptr>(actor_));
  }
  /// The next one as this kind; fails the test if it is another, or none.
  template <class Kind>
  Kind next() {
    std::unique_lock lock(told_->mutex);
    REQUIRE(told_->changed.wait_for(lock, std::chrono::seconds(20), [&] { return told_->outcomes.size() > taken_; }));
    const auto outcome = told_->outcomes[taken_++];
    REQUIRE(std::holds_alternative<Kind>(outcome));
    return std::get<Kind>(outcome);
  }
  std::string reason() {
    std::unique_lock lock(told_->mutex);
    REQUIRE(told_->changed.wait_for(lock, std::chrono::seconds(20), [&] { return !told_->reasons.empty(); }));
    return told_->reasons.back();
  }
  [[nodiscard]] std::size_t left() const {
    const std::scoped_lock lock(told_->mutex);
    return told_->outcomes.size() - taken_;
  }

 private:
  struct Told {
    mutable std::mutex mutex;
    std::condition_variable changed;
    std::vector<NodeOutcome> outcomes;
    std::vector<std::string> reasons;
  };
  std::shared_ptr<Told> told_;
  std::size_t taken_ = 0;
  caf::actor actor_;
};

struct Bench {
  explicit Bench(bool takes_workers = true) : system(config), answers(system) {
    auto parts = std::make_shared<Services>();
    parts->store = &store;
    parts->clock = clock;
    parts->log = [this](const std::string& line) {
      const std::scoped_lock lock(mutex);
      lines += line + "\n";
    };
    parts->gate = std::make_shared<FeedGate>();
    parts->version = "2.0.0";
    directory = system.spawn(worker_directory, WorkerDirectoryParts{parts, takes_workers, Millis{10'000}, {}});
    caf::anon_send(directory, UseClaimKey{kClaimKey});
  }
  ~Bench() {
    caf::anon_send_exit(directory, caf::exit_reason::user_shutdown);
    directory = nullptr;
  }

  void tick(Millis time) {
    rows();  // what was sent before happened before
    clock->pass(time);
    caf::anon_send(directory, WorkersTick{});
  }
  PlacedPtr place(const std::string& node, bool resumes = false, std::optional<Millis> queue = {}) {
    Attempt attempt;
    workflow::PlanNode made;
    made.id = NodeId(node);
    made.tool = "script_run";
    made.placement.emplace();
    made.queue_timeout = queue;
    attempt.node = std::make_shared<const workflow::PlanNode>(std::move(made));
    auto run = std::make_shared<tools::RunContext>();
    run->run = kRun;
    attempt.run = run;
    attempt.command.ref = {0, {}, 1};
    attempt.command.resumes = resumes;
    auto placed = placed_attempt(attempt, answers.node(), {});
    caf::anon_send(directory, PlaceAttempt{placed});
    return placed;
  }
  /// Everything that was sent before has been looked at; the rows of the workers.
  std::vector<WorkerStatus> rows() {
    auto reply = Reply<std::vector<WorkerStatus>>::create();
    auto told = reply.future();
    caf::anon_send(directory, ListWorkers{std::exchange(reply, {})});
    const auto rows = told.get();
    REQUIRE(rows.has_value());
    return *rows;
  }
  std::string log() {
    rows();
    const std::scoped_lock lock(mutex);
    return lines;
  }

  wire::WireConfig config;
  caf::actor_system system;
  persistence::MemoryStore store;
  std::shared_ptr<HandClock> clock = std::make_shared<HandClock>();
  std::mutex mutex;
  std::string lines;
  Answers answers;
  WorkerDirectory directory;
};

inline wire::PeerFrame heard_from(std::uint64_t peer, Frame frame) {
  std::shared_ptr<const boost::json::value> said;
  if (frame.json.size() <= wire::kTreeJsonMax)
    said = std::make_shared<const boost::json::value>(json::parse(frame.json).value());
  return {peer, std::move(frame), std::move(said)};
}

/// One connection of a worker.
class Guest {
 public:
  Guest(Bench& bench, const std::string& name, const std::string& fingerprint = "") : bench_(bench), id_(wire_id()) {
    wire::Peer peer{id_, name, fingerprint.empty() ? name : fingerprint, "192.0.2.1:1", {}};
    caf::anon_send(bench_.directory, wire::PeerUp{peer, far_.sink()});
  }
  template <class Body>
  void say(FrameKind kind, const Body& body) {
    caf::anon_send(bench_.directory, heard_from(id_, frame_of(kind, body)));
  }
  void says(FrameKind kind, std::string text) {
    caf::anon_send(bench_.directory, heard_from(id_, Frame{kProtocol, kind, std::move(text), {}}));
  }
  Guest& hello(const std::string& session = "s", std::vector<std::string> attempts = {}, std::uint32_t slots = 2,
               std::uint32_t protocol = kProtocol) {
    remote::Hello said;
    said.protocol = protocol;
    said.oldest = kProtocolOldest;
    said.program = "2.1.0";
    said.session = session;
    said.slots = slots;
    said.clock = bench_.clock->utc_now();
    said.attempts = std::move(attempts);
    say(FrameKind::hello, said);
    return *this;
  }
  template <class Body>
  Body hear(FrameKind kind) {
    const auto frame = far_.next();
    REQUIRE(frame.kind == kind);
    const auto body = body_of<Body>(frame);
    REQUIRE(body.has_value());
    return *body;
  }
  remote::Welcome welcomed() { return hear<remote::Welcome>(FrameKind::welcome); }
  std::string given() { return hear<remote::AttemptSent>(FrameKind::attempt).key; }
  remote::AttemptSent sent() { return hear<remote::AttemptSent>(FrameKind::attempt); }
  void shows(std::map<std::string, std::string> claims, bool last = true) {
    say(FrameKind::claims, remote::Claims{std::move(claims), last});
  }
  void forgets(const std::string& key) {
    CHECK(hear<remote::AttemptNamed>(FrameKind::cancel).key == key);
    const auto kept = hear<remote::AttemptNamed>(FrameKind::outcome_kept);
    CHECK(kept.key == key);
    CHECK(kept.fenced);
  }
  void succeeded(const std::string& key, const std::string& text) {
    remote::Report report;
    report.ending = remote::Ending::succeeded;
    report.result = Value{{}, Json::string(text)};
    say(FrameKind::outcome, remote::OutcomeTold{key, report, {}});
  }
  void down() { caf::anon_send(bench_.directory, wire::PeerDown{id_, Error{Errc::host_closed, "gone"}}); }
  bool is_closed() { return far_.is_closed(); }
  [[nodiscard]] std::size_t left() const { return far_.left(); }

 private:
  static std::uint64_t wire_id() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
  }
  Bench& bench_;
  FarSide far_;
  std::uint64_t id_;
};

}  // namespace hillstar::actors::directory_bench
