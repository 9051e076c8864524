// SPDX-License-Identifier: Apache-2.0
#include "runtime/state/cells.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <random>
#include <string>

namespace hillstar::state {
namespace {

Json number(std::int64_t value) { return Json::from_canonical(std::to_string(value)); }

StateRequest request(StateOperation operation, StateScope scope = StateScope::store) {
  return {scope, operation.op, {std::move(operation)}, OnConflict::fail, false};
}
StateOperation put(std::string key, Json value, std::optional<std::uint64_t> expected = {}) {
  return {StateOp::put, std::move(key), std::move(value), expected, {}};
}
StateOperation add(std::string key, Json by) { return {StateOp::add, std::move(key), {}, {}, std::move(by)}; }
StateOperation remove(std::string key, std::optional<std::uint64_t> expected = {}) {
  return {StateOp::remove, std::move(key), {}, expected, {}};
}
StateOperation get(std::string key) { return {StateOp::get, std::move(key), {}, {}, {}}; }

/// Applies and folds; the answer as text, or the refusal's class.
struct Bench {
  Cells cells;

  std::string ask(const StateRequest& asked) {
    auto outcome = apply(cells, asked);
    if (const auto* refused = std::get_if<Refused>(&outcome))
      return refused->conflict ? "conflict v" + std::to_string(refused->conflict->version)
                               : "refused: " + refused->failure.message;
    auto& applied = std::get<Applied>(outcome);
    StateChanged change;
    change.cells = applied.changes;
    fold(cells, change);
    return applied.answer.text();
  }
  std::string ask(StateOperation operation) { return ask(request(std::move(operation))); }
};

}  // namespace

TEST_CASE("state: a value has versions without a gap, also over its removal") {
  Bench bench;
  CHECK(bench.ask(get("a")) == R"({"found":false,"output":null,"value":null,"version":0})");
  CHECK(bench.ask(put("a", number(1))) == R"({"output":1,"value":1,"version":1})");
  CHECK(bench.ask(put("a", number(2))) == R"({"output":2,"value":2,"version":2})");
  CHECK(bench.ask(remove("a")) == R"({"output":null,"value":null,"version":3})");
  CHECK(bench.ask(remove("a")) == R"({"output":null,"value":null,"version":3})");
  CHECK(bench.ask(get("a")) == R"({"found":false,"output":null,"value":null,"version":3})");
  CHECK(bench.ask(put("a", number(5), 0)) == R"({"output":5,"value":5,"version":4})");
  CHECK(bench.ask(put("a", number(6), 0)) == "conflict v4");
  CHECK(bench.ask(put("a", number(6), 3)) == "conflict v4");
  CHECK(bench.ask(put("a", number(6), 4)) == R"({"output":6,"value":6,"version":5})");
  CHECK(bench.ask(remove("a", 4)) == "conflict v5");
  CHECK(bench.cells.count() == 1);
}

TEST_CASE("state: add counts from nothing, and refuses what is no number") {
  Bench bench;
  CHECK(bench.ask(add("n", number(2))) == R"({"output":2,"value":2,"version":1})");
  CHECK(bench.ask(add("n", number(-5))) == R"({"output":-3,"value":-3,"version":2})");
  CHECK(bench.ask(add("n", Json::from_canonical("0.5"))) == R"({"output":-2.5,"value":-2.5,"version":3})");
  CHECK(bench.ask(add("n", Json::string("1"))).starts_with("refused: what is added"));
  CHECK(bench.ask(put("text", Json::string("x"))) == R"({"output":"x","value":"x","version":1})");
  CHECK(bench.ask(add("text", number(1))) == "conflict v1");
  bench.ask(put("big", number(std::numeric_limits<std::int64_t>::max())));
  CHECK(bench.ask(add("big", number(1))) == "conflict v1");
  bench.ask(put("huge", Json::from_canonical("1.7e+308")));
  CHECK(bench.ask(add("huge", Json::from_canonical("1.7e+308"))) == "conflict v1");
}

TEST_CASE("state: who is synchronized names the version, or adds") {
  Bench bench;
  auto plain = request(put("a", number(1)));
  plain.versioned = true;
  CHECK(bench.ask(plain).find("must name the version") != std::string::npos);
  plain.operations.front().expected_version = 0;
  CHECK(bench.ask(plain) == R"({"output":1,"value":1,"version":1})");
  auto gone = request(remove("a"));
  gone.versioned = true;
  CHECK(bench.ask(gone).starts_with("refused"));
  auto counted = request(add("a", number(1)));
  counted.versioned = true;
  CHECK(bench.ask(counted) == R"({"output":2,"value":2,"version":2})");
}

TEST_CASE("state: a batch happens as a whole, or not at all") {
  Bench bench;
  StateRequest batch{StateScope::store, StateOp::batch, {}, OnConflict::fail, false};
  batch.operations = {put("a", number(1)), add("n", number(3)), put("b", number(2), 7)};
  CHECK(bench.ask(batch) == "conflict v0");
  CHECK(bench.cells.all().empty());
  batch.operations.back().expected_version = 0;
  CHECK(bench.ask(batch) == R"({"count":3,"output":{"a":1,"b":2,"n":3},"versions":{"a":1,"b":1,"n":1}})");
  // One key twice is one change: nobody could see it in between.
  batch.operations = {put("a", number(8)), add("a", number(1)), remove("b")};
  CHECK(bench.ask(batch) == R"({"count":1,"output":{"a":9},"versions":{"a":2,"b":2}})");
  batch.operations = {get("a")};
  CHECK(bench.ask(batch).starts_with("refused"));
  batch.operations.assign(kOperationsMax + 1, add("n", number(1)));
  CHECK(bench.ask(batch).starts_with("refused"));
  batch.operations.clear();
  CHECK(bench.ask(batch) == R"({"count":0,"output":{},"versions":{}})");
}

TEST_CASE("state: bounds are refused at the limit, and what makes room is not") {
  Bench bench;
  CHECK(bench.ask(put("", number(1))).starts_with("refused"));
  CHECK(bench.ask(put(std::string(kKeyBytesMax + 1, 'k'), number(1))).starts_with("refused"));
  CHECK_FALSE(bench.ask(put(std::string(kKeyBytesMax, 'k'), number(1))).starts_with("refused"));
  const auto text = [](std::size_t bytes) { return Json::string(std::string(bytes - 2, 'x')); };
  CHECK_FALSE(bench.ask(put("v", text(kValueBytesMax))).starts_with("refused"));
  CHECK(bench.ask(put("v", text(kValueBytesMax + 1))).starts_with("refused"));

  Bench run;
  int kept = 0;
  while (run.ask(request(put("k" + std::to_string(kept), text(kValueBytesMax)), StateScope::run)).front() == '{')
    ++kept;
  CHECK(kept == static_cast<int>(kRunBytesMax / kValueBytesMax) - 1);
  CHECK(run.cells.bytes() <= kRunBytesMax);
  CHECK(run.ask(request(remove("k0"), StateScope::run)).front() == '{');
  CHECK(run.ask(request(put("k0", text(kValueBytesMax)), StateScope::run)).front() == '{');
}

TEST_CASE("state: a list has the values whose names begin so") {
  Bench bench;
  for (const auto* key : {"a/1", "a/2", "b/1", "a"}) bench.ask(put(key, Json::string(key)));
  bench.ask(remove("a/2"));
  CHECK(bench.ask({StateOp::list, "a/", {}, {}, {}}) == R"({"count":1,"output":{"a/1":"a/1"},"versions":{"a/1":1}})");
  CHECK(bench.ask({StateOp::list, "", {}, {}, {}}).starts_with(R"({"count":3)"));
}

TEST_CASE("state: who asks again is answered as the first time") {
  Bench bench;
  std::mt19937_64 dice(7);
  for (int i = 0; i < 200; ++i) {
    const auto key = std::string(1, static_cast<char>('a' + dice() % 3));
    const auto asked =
        request(dice() % 2 == 0 ? put(key, number(static_cast<std::int64_t>(dice() % 9))) : add(key, number(1)));
    auto outcome = apply(bench.cells, asked);
    const auto& applied = std::get<Applied>(outcome);
    StateChanged change;
    change.cells = applied.changes;
    fold(bench.cells, change);
    CHECK(answer_to(asked, change) == applied.answer);
  }
}

TEST_CASE("state: random requests agree with a simple model") {
  const auto seed = std::random_device{}();
  MESSAGE("seed " << seed);
  std::mt19937_64 dice(seed);
  struct Known {
    std::uint64_t version = 0;
    std::optional<std::int64_t> value;
  };
  std::map<std::string, Known> model;
  Bench bench;
  for (int i = 0; i < 20'000; ++i) {
    const auto key = std::string(1, static_cast<char>('a' + dice() % 5));
    auto& known = model[key];
    const auto value = static_cast<std::int64_t>(dice() % 1'000);
    std::optional<std::uint64_t> expected;
    if (dice() % 2 == 0)
      expected = dice() % 3 == 0 ? 0 : known.version - std::min<std::uint64_t>(known.version, dice() % 2);
    const bool fits = !expected || *expected == known.version || (*expected == 0 && !known.value);
    StateOperation operation;
    switch (dice() % 3) {
      case 0:
        operation = put(key, number(value), expected);
        if (fits) known = {known.version + 1, value};
        break;
      case 1:
        operation = add(key, number(value));
        operation.expected_version = expected;
        if (fits) known = {known.version + 1, known.value.value_or(0) + value};
        break;
      default:
        operation = remove(key, expected);
        if (fits && known.value) known = {known.version + 1, std::nullopt};
    }
    const auto answer = bench.ask(operation);
    REQUIRE((answer.front() == '{') == fits);
    const auto* cell = bench.cells.live(key);
    REQUIRE((cell != nullptr) == known.value.has_value());
    if (cell != nullptr) REQUIRE(cell->value == number(*known.value));
    const auto* any = bench.cells.find(key);
    REQUIRE((any == nullptr ? 0 : any->version) == known.version);
  }
  std::size_t live = 0;
  for (const auto& [key, known] : model) live += known.value ? 1 : 0;
  CHECK(bench.cells.count() == live);
}

TEST_CASE("state: a change that does not follow is no history") {
  Cells cells;
  StateChanged change;
  change.cells = {{"a", 1, number(1), false}};
  fold(cells, change);
  CHECK_THROWS_AS(fold(cells, change), InvariantError);
  change.cells = {{"b", 0, number(1), false}};
  CHECK_THROWS_AS(fold(cells, change), InvariantError);
}

}  // namespace hillstar::state
