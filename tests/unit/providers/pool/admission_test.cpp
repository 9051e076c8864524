// SPDX-License-Identifier: Apache-2.0
#include "providers/pool/admission.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <random>
#include <set>

using hillstar::providers::Admission;
using hillstar::providers::Ticket;
using Verdict = hillstar::providers::Admission::Verdict;

TEST_CASE("admission: lets calls go up to the limit, then queues them in order") {
  Admission admission({.concurrency = 2, .queue_max = 10});
  CHECK(admission.offer(1) == Verdict::go);
  CHECK(admission.offer(2) == Verdict::go);
  CHECK(admission.offer(3) == Verdict::queued);
  CHECK(admission.offer(4) == Verdict::queued);
  CHECK(admission.finished(2) == std::vector<Ticket>{3});
  CHECK(admission.finished(1) == std::vector<Ticket>{4});
  CHECK(admission.finished(3).empty());
  CHECK(admission.finished(4).empty());
  CHECK(admission.running() == 0);
  CHECK(admission.waiting() == 0);
}

TEST_CASE("admission: refuses what the line cannot hold, and takes it once there is room") {
  Admission admission({.concurrency = 1, .queue_max = 2});
  CHECK(admission.offer(1) == Verdict::go);
  CHECK(admission.offer(2) == Verdict::queued);
  CHECK(admission.offer(3) == Verdict::queued);
  CHECK(admission.offer(4) == Verdict::refused);
  CHECK(admission.finished(1) == std::vector<Ticket>{2});
  CHECK(admission.offer(4) == Verdict::queued);

  Admission no_line({.concurrency = 1, .queue_max = 0});
  CHECK(no_line.offer(1) == Verdict::go);
  CHECK(no_line.offer(2) == Verdict::refused);
}

TEST_CASE("admission: a limit of zero counts as one") {
  Admission admission({.concurrency = 0, .queue_max = 1});
  CHECK(admission.offer(1) == Verdict::go);
  CHECK(admission.offer(2) == Verdict::queued);
}

TEST_CASE("admission: a withdrawn call never starts and leaves its place") {
  Admission admission({.concurrency = 1, .queue_max = 2});
  CHECK(admission.offer(1) == Verdict::go);
  CHECK(admission.offer(2) == Verdict::queued);
  CHECK(admission.offer(3) == Verdict::queued);
  CHECK(admission.withdraw(2));
  CHECK_FALSE(admission.withdraw(2));
  CHECK_FALSE(admission.withdraw(1));
  CHECK_FALSE(admission.withdraw(99));
  CHECK(admission.offer(4) == Verdict::queued);
  CHECK(admission.finished(1) == std::vector<Ticket>{3});
}

TEST_CASE("admission: a known ticket is refused and a foreign one frees nothing") {
  Admission admission({.concurrency = 1, .queue_max = 5});
  CHECK(admission.offer(1) == Verdict::go);
  CHECK(admission.offer(1) == Verdict::refused);
  CHECK(admission.offer(2) == Verdict::queued);
  CHECK(admission.offer(2) == Verdict::refused);
  CHECK(admission.finished(2).empty());
  CHECK(admission.finished(7).empty());
  CHECK(admission.running() == 1);
  CHECK(admission.finished(1) == std::vector<Ticket>{2});
}

TEST_CASE("admission: a changed limit starts waiting calls, or lets the surplus run out") {
  Admission admission({.concurrency = 3, .queue_max = 5});
  for (Ticket ticket = 1; ticket <= 5; ++ticket) admission.offer(ticket);
  CHECK(admission.set_concurrency(1).empty());
  CHECK(admission.finished(1).empty());
  CHECK(admission.finished(2).empty());
  CHECK(admission.finished(3) == std::vector<Ticket>{4});
  CHECK(admission.set_concurrency(8) == std::vector<Ticket>{5});
}

TEST_CASE("admission: random use keeps order, limits and every ticket") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 dice(seed);
  Admission admission({.concurrency = 5, .queue_max = 20});
  std::deque<Ticket> line;
  std::set<Ticket> running;
  Ticket next = 1;
  const auto started = [&](const std::vector<Ticket>& tickets) {
    for (const Ticket ticket : tickets) {
      REQUIRE(!line.empty());
      REQUIRE(line.front() == ticket);
      line.pop_front();
      running.insert(ticket);
    }
  };
  for (int step = 0; step < 20'000; ++step) {
    const auto roll = dice() % 10;
    if (roll < 5) {
      const Ticket ticket = next++;
      const auto verdict = admission.offer(ticket);
      if (verdict == Verdict::go) running.insert(ticket);
      if (verdict == Verdict::queued) line.push_back(ticket);
      if (verdict == Verdict::refused) REQUIRE(line.size() == 20);
    } else if (roll < 9 && !running.empty()) {
      const Ticket ticket = *std::next(running.begin(), static_cast<long>(dice() % running.size()));
      running.erase(ticket);
      started(admission.finished(ticket));
    } else if (!line.empty()) {
      const auto place = line.begin() + static_cast<long>(dice() % line.size());
      REQUIRE(admission.withdraw(*place));
      line.erase(place);
    }
    REQUIRE(admission.running() == running.size());
    REQUIRE(admission.waiting() == line.size());
    REQUIRE(running.size() <= 5);
    if (!line.empty()) REQUIRE(running.size() == 5);
  }
}
