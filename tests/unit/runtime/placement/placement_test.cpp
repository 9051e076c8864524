// SPDX-License-Identifier: Apache-2.0
#include "runtime/placement/placement.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace hillstar::placement;
using hillstar::workflow::PlaceRule;

namespace {

Machine machine(std::string name, std::map<std::string, std::string> labels = {}, std::uint32_t slots = 4) {
  Machine result;
  result.name = std::move(name);
  result.labels = std::move(labels);
  result.slots = slots;
  return result;
}

Wish wish(std::map<std::string, std::string> labels = {}, std::uint32_t slots = 1) {
  Wish result;
  result.placement.labels = std::move(labels);
  result.placement.slots = slots;
  result.run = "R1";
  return result;
}

std::string chosen(const std::vector<Machine>& machines, const Wish& asked) {
  const auto choice = choose(machines, asked);
  if (const auto* index = std::get_if<std::size_t>(&choice)) return machines[*index].name;
  return std::get<NoPlace>(choice).why;
}

Lack lack(const std::vector<Machine>& machines, const Wish& asked) {
  const auto choice = choose(machines, asked);
  REQUIRE(std::holds_alternative<NoPlace>(choice));
  return std::get<NoPlace>(choice).lack;
}

}  // namespace

TEST_CASE("placement: a label without a value is satisfied by any, one with a value by that alone") {
  const std::vector machines = {machine("a", {{"site", "lab1"}}), machine("b", {{"gpu", "a100"}, {"site", "lab2"}})};
  CHECK(chosen(machines, wish({{"gpu", ""}})) == "b");
  CHECK(chosen(machines, wish({{"gpu", "a100"}})) == "b");
  CHECK(chosen(machines, wish({{"site", "lab1"}})) == "a");
  CHECK(chosen(machines, wish({{"gpu", "h100"}})) == "no worker has the label gpu=h100 (2 workers are there: a, b)");
  CHECK(chosen(machines, wish({{"tpu", ""}})) == "no worker has the label tpu (2 workers are there: a, b)");
  CHECK(chosen(machines, wish({{"gpu", ""}, {"site", "lab1"}})) ==
        "no worker has all of the labels gpu and site=lab1 (2 workers are there: a, b)");
  CHECK(lack(machines, wish({{"tpu", ""}})) == Lack::label);
}

TEST_CASE("placement: without a worker there is no place") {
  CHECK(chosen({}, wish()) == "no worker is there");
  CHECK(lack({}, wish()) == Lack::machine);
  CHECK(std::get<NoPlace>(choose({}, wish())).is_impossible());
}

TEST_CASE("placement: of many workers a few are named") {
  std::vector<Machine> machines;
  for (int i = 7; i > 0; --i) machines.push_back(machine("w" + std::to_string(i)));
  CHECK(chosen(machines, wish({{"gpu", ""}})) ==
        "no worker has the label gpu (7 workers are there: w1, w2, w3, w4, w5 and 2 more)");
}

TEST_CASE("placement: more slots than any worker has are never to be had") {
  std::vector machines = {machine("lab2", {{"gpu", ""}}), machine("big", {}, 64)};
  CHECK(chosen(machines, wish({{"gpu", ""}}, 8)) == "worker lab2 has 4 slots, and the node asks for 8");
  CHECK(chosen(machines, wish({{"gpu", ""}}, 4)) == "lab2");
  machines.push_back(machine("lab3", {{"gpu", ""}}, 1));
  CHECK(chosen(machines, wish({{"gpu", ""}}, 8)) ==
        "the largest worker with the label gpu, lab2, has 4 slots, and the node asks for 8");
  CHECK(lack(machines, wish({{"gpu", ""}}, 8)) == Lack::size);
}

TEST_CASE("placement: workers that are cordoned or drain get nothing more, and that may change") {
  std::vector machines = {machine("a"), machine("b")};
  machines[0].cordoned = true;
  CHECK(chosen(machines, wish()) == "b");
  machines[1].cordoned = true;
  CHECK(chosen(machines, wish()) == "both workers are cordoned");
  machines[1].draining = true;
  machines[1].cordoned = false;
  CHECK(chosen(machines, wish()) == "both workers are cordoned or draining");
  CHECK_FALSE(std::get<NoPlace>(choose(machines, wish())).is_impossible());
  machines.pop_back();
  CHECK(chosen(machines, wish()) == "worker a is cordoned");
}

TEST_CASE("placement: busy workers are said to be busy") {
  std::vector machines = {machine("a", {{"gpu", ""}}, 2), machine("b", {{"gpu", ""}}, 2), machine("c")};
  machines[0].used = 2;
  machines[1].used = 2;
  CHECK(chosen(machines, wish({{"gpu", ""}})) == "both workers with the label gpu are busy");
  machines[1].used = 1;
  CHECK(chosen(machines, wish({{"gpu", ""}}, 2)) == "no worker with the label gpu has 2 slots free");
  CHECK(chosen(machines, wish({{"gpu", ""}})) == "b");
  machines[0].used = 9;  // It has become smaller.
  CHECK(machines[0].free() == 0);
  auto why = std::get<NoPlace>(choose(machines, wish({{"gpu", ""}}, 2)));
  CHECK(why.sentence() == why.why);
  why.ahead = 1;
  CHECK(why.sentence() == "no worker with the label gpu has 2 slots free: 1 attempt waits before this one");
  why.ahead = 3;
  CHECK(why.sentence() == "no worker with the label gpu has 2 slots free: 3 attempts wait before this one");
}

TEST_CASE("placement: data goes only where it may be known") {
  std::vector machines = {machine("a"), machine("b", {{"clearance", "internal"}}), machine("c", {{"clearance", "x"}})};
  auto asked = wish();
  asked.clearance = Clearance{{"public", "internal", "restricted"}, 0};
  CHECK(chosen(machines, asked) == "a");
  asked.clearance->needs = 1;
  CHECK(chosen(machines, asked) == "b");
  asked.clearance->needs = 2;
  CHECK(
      chosen(machines, asked) ==
      "no worker is cleared for data of class 'restricted': its label clearance must name that class or a higher one");
  CHECK(lack(machines, asked) == Lack::clearance);
  machines[0].labels["clearance"] = "restricted";
  CHECK(chosen(machines, asked) == "a");
  asked.clearance->needs = 7;
  CHECK(lack(machines, asked) == Lack::clearance);
}

TEST_CASE("placement: spread goes where fewest of this run are, sticky where it has been") {
  std::vector machines = {machine("a"), machine("b"), machine("c")};
  auto asked = wish();
  take(machines[0], asked);
  take(machines[1], asked);
  take(machines[2], asked);
  give_back(machines[1], "R1", 1);
  machines[1].used = 3;  // By others.
  asked.placement.rule = PlaceRule::spread;
  CHECK(chosen(machines, asked) == "b");
  asked.run = "R2";
  CHECK(chosen(machines, asked) == "a");
  asked.placement.rule = PlaceRule::sticky;
  take(machines[2], asked);
  give_back(machines[2], "R2", 1);
  CHECK(chosen(machines, asked) == "c");
  machines[2].cordoned = true;
  CHECK(chosen(machines, asked) == "a");
}

TEST_CASE("placement: then labels that are preferred, then inputs, then room, then the name") {
  std::vector machines = {machine("d", {}, 8), machine("c"), machine("b"), machine("a", {{"ssd", ""}})};
  machines[0].used = 1;
  machines[1].used = 1;
  machines[3].used = 3;
  auto asked = wish();
  CHECK(chosen(machines, asked) == "b");
  machines[2].used = 1;
  CHECK(chosen(machines, asked) == "d");
  machines[0].used = 2;
  CHECK(chosen(machines, asked) == "b");
  asked.inputs = {{"one", 10}, {"two", 20}, {"three", 5}};
  machines[0].blobs = {"one", "three"};
  machines[1].blobs = {"two"};
  CHECK(chosen(machines, asked) == "c");
  asked.placement.prefer = {{"ssd", ""}, {"site", "lab2"}};
  CHECK(chosen(machines, asked) == "a");
}

TEST_CASE("placement: what is given back twice is not more than there was") {
  auto one = machine("a");
  take(one, wish({}, 3));
  CHECK(one.used == 3);
  give_back(one, "R1", 3);
  give_back(one, "R1", 3);
  CHECK(one.used == 0);
  CHECK(one.attempts_of_run.empty());
  for (std::size_t i = 0; i < 2 * kServedMax; ++i) {
    auto asked = wish();
    asked.run = "R" + std::to_string(i);
    take(one, asked);
    give_back(one, asked.run, 1);
  }
  CHECK(one.served.size() == kServedMax);
  CHECK(one.served.back() == "R" + std::to_string(2 * kServedMax - 1));
}
