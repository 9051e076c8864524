// SPDX-License-Identifier: Apache-2.0
#include "persistence/export.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "persistence/limits.hpp"
#include "persistence/memory_store.hpp"
#include "tests/unit/persistence/raw_access.hpp"

using namespace hillstar;
using namespace hillstar::persistence;
using namespace hillstar::persistence::testing;

namespace {

std::string exported(const EventStore& store, const RunId& run) {
  std::string text;
  const auto done = export_run(store, run, [&](std::string_view line) -> Result<void> {
    text += line;
    text += '\n';
    return {};
  });
  CHECK_MESSAGE(done, problem(done));
  return text;
}

std::string line_of(const std::string& text, std::size_t n) {
  std::size_t begin = 0;
  for (std::size_t i = 1; i < n; ++i) begin = text.find('\n', begin) + 1;
  return text.substr(begin, text.find('\n', begin) + 1 - begin);
}

}  // namespace

TEST_CASE("export: a run of several pages comes out whole and checks out") {
  MemoryStore store;
  Writer writer(run_id(1));
  const std::size_t count = 2 * kPageRecords + 3;
  REQUIRE(commit(store, writer.append(count)));
  const auto text = exported(store, run_id(1));
  CHECK(std::count(text.begin(), text.end(), '\n') == static_cast<std::ptrdiff_t>(count));
  CHECK(check_export(text).value() == count);
  CHECK(text.substr(0, 11) == R"({"event":{")");
  CHECK(code(export_run(store, run_id(2), [](std::string_view) -> Result<void> { return {}; })) == Errc::run_not_found);
}

TEST_CASE("export: the writer's error ends it") {
  MemoryStore store;
  REQUIRE(commit(store, Writer(run_id(1)).append(3)));
  int lines = 0;
  const auto done = export_run(store, run_id(1), [&](std::string_view) -> Result<void> {
    ++lines;
    return Error(Errc::io, "pipe closed");
  });
  CHECK(code(done) == Errc::io);
  CHECK(lines == 1);
}

TEST_CASE("check_export: names the first bad line") {
  MemoryStore store;
  REQUIRE(commit(store, Writer(run_id(1)).append(4)));
  REQUIRE(commit(store, Writer(run_id(2)).append(4)));
  const auto text = exported(store, run_id(1));
  const auto bad = [](const std::string& changed) {
    const auto checked = check_export(changed);
    return checked ? std::string("ok") : number(checked.error().code) + " " + checked.error().where;
  };
  const auto l = [&](std::size_t n) { return line_of(text, n); };
  CHECK(check_export("").value() == 0);
  CHECK(bad(l(1) + l(2)) == "ok");
  CHECK(bad(l(2) + l(3)) == "HS211 line 1");
  CHECK(bad(l(1) + l(3) + l(4)) == "HS211 line 2");
  CHECK(bad(l(1) + l(2) + l(2)) == "HS211 line 3");
  CHECK(bad(l(1) + "\n" + l(2)) == "HS210 line 2");
  CHECK(bad(l(1) + l(2).substr(0, l(2).size() - 1)) == "HS210 line 2");
  CHECK(bad(l(1) + line_of(exported(store, run_id(2)), 2)) == "HS210 line 2");
  const auto second = l(2);
  for (std::size_t at = 0; at + 1 < second.size(); ++at) {
    CAPTURE(at);
    auto changed = second;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    CHECK(bad(l(1) + changed + l(3)).find("line 2") != std::string::npos);
  }
}

TEST_CASE("compat: the history of format 1 is read and verified for ever") {
  const auto text = read_text(std::string(HILLSTAR_SOURCE_DIR) + "/tests/compat/v1_history.jsonl");
  REQUIRE(!text.empty());
  const auto checked = check_export(text);
  REQUIRE_MESSAGE(checked, problem(checked));
  CHECK(*checked == 30);
}
