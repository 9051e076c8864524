// SPDX-License-Identifier: Apache-2.0
#include "actors/scheduler.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <future>
#include <set>
#include <thread>
#include <vector>

namespace {

struct Config : caf::actor_system_config {
  explicit Config(unsigned threads) { hillstar::actors::use_scheduler(*this, threads); }
};

constexpr int kExchanges = 1'000;
/// While both are still being set up, each may be on a thread of its own.
constexpr int kSettled = kExchanges / 2;

/// Sends the number it gets, less one, to the actor it came from; the last one fulfils the promise.
caf::behavior player(caf::event_based_actor* self, std::set<std::thread::id>* threads, std::promise<void>* over) {
  return {[=](int left, const caf::actor& other) {
    if (left < kSettled) threads->insert(std::this_thread::get_id());
    if (left == 0)
      over->set_value();
    else
      self->anon_send(other, left - 1, caf::actor(self));
  }};
}

/// Sends itself back to the actor it came from until somebody says that it is over.
caf::behavior restless(caf::event_based_actor* self, const std::atomic<int>* heard, std::promise<void>* over) {
  return {[=](const caf::actor& other) {
    if (heard->load() > 0)
      over->set_value();
    else
      self->anon_send(other, caf::actor(self));
  }};
}

caf::behavior listener(caf::event_based_actor* /*self*/, std::atomic<int>* heard) {
  return {[=](int) { ++*heard; }};
}

}  // namespace

TEST_CASE("scheduler: two actors that only wake each other stay on one thread") {
  std::promise<void> over;
  std::set<std::thread::id> threads;
  Config config(3);
  caf::actor_system system(config);
  {
    // Only one of them has the number: they share the set without a lock.
    const auto a = system.spawn(player, &threads, &over);
    const auto b = system.spawn(player, &threads, &over);
    caf::anon_send(a, kExchanges, b);
    over.get_future().wait();
    caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(b, caf::exit_reason::user_shutdown);
  }
  system.await_all_actors_done();
  CHECK(threads.size() == 1);
}

TEST_CASE("scheduler: with one thread, two actors that wake each other do not keep a third one waiting") {
  std::atomic<int> heard{0};
  std::promise<void> over;
  Config config(1);
  caf::actor_system system(config);
  {
    const auto a = system.spawn(restless, &heard, &over);
    const auto b = system.spawn(restless, &heard, &over);
    const auto c = system.spawn(listener, &heard);
    caf::anon_send(a, b);
    caf::anon_send(c, 1);
    over.get_future().wait();  // the time limit of the test says if it never ends
    for (const auto& actor : {a, b, c}) caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  }
  system.await_all_actors_done();
  CHECK(heard == 1);
}

TEST_CASE("scheduler: messages of many threads to many actors all arrive, and the system ends") {
  constexpr int kActors = 500;
  constexpr int kSenders = 4;
  std::atomic<int> heard{0};
  {
    Config config(3);
    caf::actor_system system(config);
    std::vector<caf::actor> actors;
    for (int i = 0; i < kActors; ++i) actors.push_back(system.spawn(listener, &heard));
    std::vector<std::thread> senders;
    for (int s = 0; s < kSenders; ++s)
      senders.emplace_back([&] {
        for (const auto& actor : actors) caf::anon_send(actor, 1);
      });
    for (auto& sender : senders) sender.join();
    for (const auto& actor : actors) caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  }
  CHECK(heard == kActors * kSenders);
}
