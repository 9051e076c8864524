// SPDX-License-Identifier: Apache-2.0
#include "runtime/placement/wait_queue.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

using namespace hillstar::placement;

namespace {

Machine machine(std::string name, std::uint32_t slots) {
  Machine result;
  result.name = std::move(name);
  result.slots = slots;
  return result;
}

Wish wish(std::uint32_t slots = 1, std::map<std::string, std::string> labels = {}) {
  Wish result;
  result.placement.slots = slots;
  result.placement.labels = std::move(labels);
  result.run = "R1";
  return result;
}

std::vector<WaitQueue::Ticket> tickets(const std::vector<WaitQueue::Placed>& placed) {
  std::vector<WaitQueue::Ticket> result;
  for (const auto& one : placed) result.push_back(one.ticket);
  return result;
}

/// Attempts that come and end at random on a few machines, which come and go too.
class Crowd {
 public:
  explicit Crowd(std::uint32_t seed) : random_(seed) {
    const auto count = 1 + pick(4);
    for (std::uint32_t i = 0; i < count; ++i) {
      machines_.push_back(machine("m" + std::to_string(i), 1 + pick(8)));
      if (pick(2) == 0) machines_.back().labels["gpu"] = pick(2) == 0 ? "a" : "b";
    }
  }

  void step() {
    const auto what = pick(10);
    if (what < 5) add();
    if (what >= 5 && what < 9) end_one();
    if (what == 9) machines_[pick(machines_.size())].cordoned = pick(2) == 0;
    place();
  }

  /// Nothing new comes, and everybody may be used: all that can ever be placed is.
  void finish() {
    for (auto& one : machines_) one.cordoned = false;
    for (int guard = 0; guard < 100'000; ++guard) {
      place();
      if (under_way_.empty()) break;
      end_one();
    }
    for (const auto& held : queue_.held(machines_)) CHECK(held.why.is_impossible());
  }

 private:
  struct UnderWay {
    std::size_t machine;
    Wish wish;
  };

  std::uint32_t pick(std::size_t below) { return static_cast<std::uint32_t>(random_() % below); }

  void add() {
    auto asked = wish(1 + (pick(3) == 0 ? pick(9) : 0));
    asked.run = "R" + std::to_string(pick(3));
    if (pick(3) == 0) asked.placement.labels["gpu"] = pick(2) == 0 ? "" : "a";
    asked.placement.rule = static_cast<hillstar::workflow::PlaceRule>(pick(3));
    const auto priority = 1 + pick(3);
    const auto ticket = queue_.add(asked, priority);
    REQUIRE(ticket);
    waiting_[{100 - priority, *ticket}] = asked;
  }

  void end_one() {
    if (under_way_.empty()) return;
    const auto at = pick(under_way_.size());
    const auto& one = under_way_[at];
    give_back(machines_[one.machine], one.wish.run, one.wish.placement.slots);
    under_way_.erase(under_way_.begin() + at);
  }

  void place() {
    const auto before = machines_;
    const auto placed = queue_.place(machines_);
    for (const auto& one : placed) {
      const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                      [&](const auto& entry) { return entry.first.second == one.ticket; });
      REQUIRE(found != waiting_.end());
      const auto& asked = found->second;
      CHECK(machines_[one.machine].is_open());
      CHECK(suits(machines_[one.machine], asked));
      // Order among equals: nobody who asks for the same and came first waits on.
      for (const auto& [turn, other] : waiting_) {
        if (turn >= found->first) break;
        CHECK_FALSE(
            (other.placement.labels == asked.placement.labels && other.placement.slots == asked.placement.slots));
      }
      under_way_.push_back({one.machine, asked});
      waiting_.erase(found);
    }
    REQUIRE(queue_.size() == waiting_.size());
    for (std::size_t i = 0; i < machines_.size(); ++i) {
      std::uint32_t used = 0;
      for (const auto& one : under_way_) used += one.machine == i ? one.wish.placement.slots : 0;
      CHECK(machines_[i].used == used);
      CHECK(used <= machines_[i].slots);
      if (!machines_[i].is_open()) CHECK(machines_[i].used == before[i].used);
    }
  }

  std::mt19937 random_;
  std::vector<Machine> machines_;
  WaitQueue queue_;
  std::map<std::pair<std::uint32_t, WaitQueue::Ticket>, Wish> waiting_;
  std::vector<UnderWay> under_way_;
};

}  // namespace

TEST_CASE("wait queue: priority decides, then who came first") {
  WaitQueue queue;
  const auto a = *queue.add(wish(), 10);
  const auto b = *queue.add(wish(), 10);
  const auto c = *queue.add(wish(), 50);
  std::vector machines = {machine("m", 2)};
  CHECK(tickets(queue.place(machines)) == std::vector{c, a});
  CHECK(queue.place(machines).empty());
  CHECK(queue.held(machines).at(0).why.sentence() == "worker m is busy");
  give_back(machines[0], "R1", 1);
  CHECK(tickets(queue.place(machines)) == std::vector{b});
  CHECK(queue.empty());
}

TEST_CASE("wait queue: one that finds no place holds up nobody") {
  WaitQueue queue;
  const auto gpu = *queue.add(wish(1, {{"gpu", ""}}), 90);
  const auto big = *queue.add(wish(9), 90);
  const auto small = *queue.add(wish(), 1);
  std::vector machines = {machine("m", 4)};
  CHECK(tickets(queue.place(machines)) == std::vector{small});
  const auto held = queue.held(machines);
  REQUIRE(held.size() == 2);
  CHECK(held[0].ticket == gpu);
  CHECK(held[0].why.lack == Lack::label);
  CHECK(held[1].ticket == big);
  CHECK(held[1].why.lack == Lack::size);
  CHECK(held[1].why.ahead == 0);
}

TEST_CASE("wait queue: it says how many come first") {
  WaitQueue queue;
  std::vector machines = {machine("m", 1), machine("n", 1)};
  machines[0].labels["gpu"] = "";
  machines[0].used = machines[1].used = 1;
  for (int i = 0; i < 3; ++i) queue.add(wish(1, {{"gpu", ""}}), 10);
  queue.add(wish(1, {{"tpu", ""}}), 10);
  const auto last = *queue.add(wish(), 10);
  const auto held = queue.held(machines);
  CHECK(held.back().ticket == last);
  CHECK(held.back().why.sentence() == "both workers are busy: 3 attempts wait before this one");
  CHECK(held[2].why.sentence() == "worker m is busy: 2 attempts wait before this one");
}

TEST_CASE("wait queue: one that was removed does not go") {
  WaitQueue queue;
  const auto a = *queue.add(wish(), 10);
  CHECK(queue.find(a) != nullptr);
  CHECK(queue.remove(a));
  CHECK_FALSE(queue.remove(a));
  CHECK(queue.find(a) == nullptr);
  std::vector machines = {machine("m", 1)};
  CHECK(queue.place(machines).empty());
}

TEST_CASE("wait queue: it takes no more than it may") {
  WaitQueue queue;
  for (std::size_t i = 0; i < kWaitingMax; ++i) REQUIRE(queue.add(wish(), 10));
  CHECK_FALSE(queue.add(wish(), 100));
}

TEST_CASE("wait queue: an attempt that needs many slots gets them in the end") {
  std::vector machines = {machine("m", 4)};
  WaitQueue queue;
  for (int i = 0; i < 4; ++i) queue.add(wish(), 10);
  REQUIRE(queue.place(machines).size() == 4);
  const auto big = *queue.add(wish(4), 10);
  // A small one is always there when a slot comes free.
  std::size_t passed = 0;
  std::size_t ended = 0;
  for (; ended < 1'000; ++ended) {
    queue.add(wish(), 10);
    give_back(machines[0], "R1", 1);
    const auto placed = queue.place(machines);
    if (!placed.empty() && placed.front().ticket == big) break;
    passed += placed.size();
    if (placed.empty() && machines[0].free() > 0)
      CHECK(queue.held(machines).back().why.why == "what is free is kept for attempts that come first");
  }
  CHECK(passed == kPassedMax);
  CHECK(ended == kPassedMax + 3);
}

TEST_CASE("wait queue: one with a higher priority comes before one that has waited for long") {
  std::vector machines = {machine("m", 2)};
  WaitQueue queue;
  queue.add(wish(), 10);
  queue.place(machines);
  queue.add(wish(2), 10);
  for (std::size_t i = 0; i < kPassedMax; ++i) {
    queue.add(wish(), 10);
    REQUIRE(queue.place(machines).size() == 1);
    give_back(machines[0], "R1", 1);
  }
  queue.add(wish(), 10);
  CHECK(queue.place(machines).empty());
  const auto urgent = *queue.add(wish(), 100);
  CHECK(tickets(queue.place(machines)) == std::vector{urgent});
}

TEST_CASE("wait queue: slots, labels and order hold whatever comes and goes") {
  const std::uint32_t first = std::random_device{}();
  for (std::uint32_t world = 0; world < 2'000; ++world) {
    const auto seed = first + world;
    CAPTURE(seed);
    Crowd crowd(seed);
    for (int step = 0; step < 120; ++step) crowd.step();
    crowd.finish();
  }
}
