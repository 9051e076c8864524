// SPDX-License-Identifier: Apache-2.0
// An authority, certificates and two ends of a wire in one process, on loopback.
#pragma once

#include <doctest/doctest.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "actors/scheduler.hpp"
#include "actors/wire/wire.hpp"
#include "tests/support/papers.hpp"

namespace hillstar::actors::wire {

using testing::Papers;

inline constexpr std::chrono::seconds kPatience{30};

/// What an owner was told, for a test thread to wait for.
class Mail {
 public:
  void up(PeerUp told) {
    const std::lock_guard guard(lock_);
    ups_.push_back(std::move(told));
    changed_.notify_all();
  }
  void frame(const PeerFrame& told) {
    const std::lock_guard guard(lock_);
    frames_.push_back({told.peer, told.frame, told.said, nullptr});
    ++count_;
    ++counts_[told.peer];
    changed_.notify_all();
  }
  void down(PeerDown told) {
    const std::lock_guard guard(lock_);
    downs_.push_back(std::move(told));
    changed_.notify_all();
  }

  bool until(const std::function<bool()>& seen) {
    std::unique_lock guard(lock_);
    return changed_.wait_for(guard, kPatience, seen);
  }
  bool wait_ups(std::size_t count) {
    return until([&] { return ups_.size() >= count; });
  }
  bool wait_frames(std::size_t count) {
    return until([&] { return count_ >= count; });
  }
  bool wait_downs(std::size_t count) {
    return until([&] { return downs_.size() >= count; });
  }
  template <class Look>
  auto look(Look say) {
    const std::lock_guard guard(lock_);
    return say(*this);
  }
  [[nodiscard]] const std::vector<PeerUp>& ups() const { return ups_; }
  [[nodiscard]] const std::deque<PeerFrame>& frames() const { return frames_; }
  [[nodiscard]] const std::vector<PeerDown>& downs() const { return downs_; }
  PeerUp up_at(std::size_t i) {
    return look([&](Mail& mail) { return mail.ups_.at(i); });
  }
  PeerDown down_at(std::size_t i) {
    return look([&](Mail& mail) { return mail.downs_.at(i); });
  }
  PeerFrame frame_at(std::size_t i) {
    return look([&](Mail& mail) { return mail.frames_.at(i); });
  }

 private:
  std::mutex lock_;
  std::condition_variable changed_;
  std::vector<PeerUp> ups_;
  std::deque<PeerFrame> frames_;
  std::vector<PeerDown> downs_;
  std::size_t count_ = 0;
  std::map<std::uint64_t, std::size_t> counts_;
};

struct WireConfig : caf::actor_system_config {
  WireConfig() {
    use_scheduler(*this, 2);
    wire::load(*this);
  }
};

inline Owner::behavior_type owner_of(Owner::pointer /*self*/, const std::shared_ptr<Mail>& mail, bool echo) {
  auto sinks = std::make_shared<std::map<std::uint64_t, FrameSink>>();
  return {[=](const PeerUp& told) {
            (*sinks)[told.peer.id] = told.sink;
            mail->up(told);
          },
          [=](const PeerFrame& told) {
            if (echo) (*sinks)[told.peer].send(told.frame);
            mail->frame(told);
          },
          [=](const PeerDown& told) {
            sinks->erase(told.peer);
            mail->down(told);
          }};
}

/// An actor system with an owner whose mail a test reads. With `echo` it sends each frame back.
class End {
 public:
  explicit End(bool echo = false) : system_(config_), mail_(std::make_shared<Mail>()) {
    owner_ = system_.spawn(owner_of, mail_, echo);
  }
  ~End() {
    listener.reset();
    caf::anon_send_exit(owner_, caf::exit_reason::user_shutdown);
    owner_ = nullptr;
  }
  End(const End&) = delete;
  End& operator=(const End&) = delete;

  Mail& mail() { return *mail_; }
  caf::actor_system& system() { return system_; }
  [[nodiscard]] const Owner& owner() const { return owner_; }

  void listen(const Credentials& credentials, const std::function<void(ListenOptions&)>& change = {}) {
    ListenOptions options;
    options.credentials = credentials;
    if (change) change(options);
    auto opened = Listener::open(system_, std::move(options), owner_);
    if (opened) listener = std::move(*opened);
  }
  void dial_to(const Credentials& credentials, std::uint16_t port, Millis handshake_max = Millis{10'000},
               const std::string& host = "127.0.0.1") {
    dial(system_, DialOptions{host, port, credentials, handshake_max}, owner_);
  }

 private:
  WireConfig config_;
  caf::actor_system system_;
  std::shared_ptr<Mail> mail_;
  Owner owner_;

 public:
  std::unique_ptr<Listener> listener;
};

/// A host, and a worker that has joined it.
struct Joined {
  Joined() {
    host.listen(papers.host());
    REQUIRE(host.listener);
    worker.dial_to(papers.worker("w1"), host.listener->port());
    REQUIRE(worker.mail().wait_ups(1));
    REQUIRE(host.mail().wait_ups(1));
  }
  Papers papers;
  End host;
  End worker;
};

inline Frame frame_of(std::string json, FrameKind kind = FrameKind::beat, std::string bytes = {}) {
  Frame frame;
  frame.kind = kind;
  frame.json = std::move(json);
  frame.bytes = std::move(bytes);
  return frame;
}

}  // namespace hillstar::actors::wire
