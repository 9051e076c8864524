// SPDX-License-Identifier: Apache-2.0
// Histories of streams: named, chosen, checked.
#include "apps/cli/stream_histories.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "persistence/memory_store.hpp"
#include "runtime/stream/stream.hpp"

using namespace hillstar;
using namespace hillstar::cli;
using namespace hillstar::persistence;

namespace {

const RunId kHistory("S0000000000000000000000001");

StreamDeclared declared() {
  StreamDeclared fact;
  fact.stream = "lab/nightly";
  fact.workflow = WorkflowId("lab");
  return fact;
}

/// A history of these facts; `change` may spoil its row.
template <class Change>
void write(EventStore& store, const std::vector<Event>& events, const Change& change) {
  Append append;
  append.run = kHistory;
  stream::StreamState state;
  Hash previous{};
  for (const auto& event : events) {
    const UtcTime at{1'700'000'000'000'000 + static_cast<std::int64_t>(append.records.size())};
    append.records.push_back(encode(kHistory, append.records.size() + 1, at, event, previous));
    previous = append.records.back().hash;
    if (!std::holds_alternative<RunCompleted>(event)) stream::evolve(state, event, at);
  }
  append.summary = stream::row_of(state, kHistory);
  append.summary.version = append.records.size();
  change(append.summary);
  const auto refused = store.commit({append});
  REQUIRE(refused);
  REQUIRE(refused->empty());
}

}  // namespace

TEST_CASE("stream histories: named by the stream or by the id, and checked against their row") {
  MemoryStore store;
  write(store, {declared(), StreamHeld{"lab", "plate missing"}}, [](run::Summary&) {});
  CHECK(find_stream(store, "lab/nightly").value() == kHistory);
  CHECK(select_history(store, kHistory.str()).value() == kHistory);
  CHECK(find_stream(store, "lab").error().code == Errc::run_not_found);
  CHECK(select_history(store, "lab/daily").error().code == Errc::run_not_found);
  CHECK(shown_history(store, kHistory.str()) == "stream lab/nightly");
  CHECK(shown_history(store, "S0000000000000000000000002") == "stream history S0000000000000000000000002");
  CHECK(shown_history(store, "01JD") == "01JD");
  CHECK(check_stream(store, kHistory).value() == 2);
}

TEST_CASE("stream histories: another row, or a fact of a run, differs") {
  MemoryStore changed;
  write(changed, {declared()}, [](run::Summary& row) { row.reason = "lab/daily"; });
  CHECK(check_stream(changed, kHistory).error().code == Errc::replay_differs);
  MemoryStore mixed;
  write(mixed, {declared(), RunCompleted{}}, [](run::Summary&) {});
  CHECK(check_stream(mixed, kHistory).error().code == Errc::replay_differs);
}
