// SPDX-License-Identifier: Apache-2.0
#include "persistence/migrations.hpp"

#include <doctest/doctest.h>

#include <map>

#include "persistence/keys.hpp"
#include "persistence/upcast.hpp"
#include "tests/unit/persistence/raw_access.hpp"

#include <boost/json.hpp>

using namespace hillstar;
using namespace hillstar::persistence;
using namespace hillstar::persistence::testing;

namespace {

struct Fresh {
  TempFolder folder;
  std::unique_ptr<Database> database = Database::open(folder.path() + "/db", {}).value();
};

}  // namespace

TEST_CASE("migrations: a new store gets today's format, once") {
  Fresh fresh;
  CHECK(!format_version(*fresh.database).value());
  CHECK(code(bring_up_to_date(*fresh.database, false)) == Errc::store_open);
  REQUIRE(bring_up_to_date(*fresh.database, true));
  CHECK(format_version(*fresh.database).value() == keys::kFormatVersion);
  REQUIRE(bring_up_to_date(*fresh.database, false));
}

TEST_CASE("migrations: steps are taken in order, and an interrupted one is taken again") {
  Fresh fresh;
  REQUIRE(fresh.database->put_meta(keys::kFormat, "1"));
  std::string log;
  bool power = false;
  const std::vector<Migration> steps = {{2,
                                         [&](Database&) -> Result<void> {
                                           log += "2";
                                           if (!power) return Error(Errc::store_write, "power cut");
                                           return {};
                                         }},
                                        {1, [&](Database&) -> Result<void> {
                                           log += "1";
                                           return {};
                                         }}};
  CHECK(code(migrate(*fresh.database, 3, steps)) == Errc::store_write);
  CHECK(format_version(*fresh.database).value() == 2U);
  power = true;
  REQUIRE(migrate(*fresh.database, 3, steps));
  CHECK(format_version(*fresh.database).value() == 3U);
  CHECK(log == "122");
  CHECK(code(migrate(*fresh.database, 2, steps)) == Errc::store_version);
  CHECK(code(migrate(*fresh.database, 4, steps)) == Errc::store_version);
}

TEST_CASE("upcast: knows today's version, none before and none after") {
  boost::json::value data = boost::json::object();
  CHECK(upcast(kRecordVersion, "run_started", data));
  CHECK(code(upcast(0, "run_started", data)) == Errc::record_corrupt);
  CHECK(code(upcast(kRecordVersion + 1, "run_started", data)) == Errc::store_version);
}

TEST_CASE("keys: sort by run, then by number") {
  const auto text = [](const auto& bytes) { return std::string(bytes.data(), bytes.size()); };
  CHECK(text(keys::event(run_id(1), 255)) < text(keys::event(run_id(1), 256)));
  CHECK(text(keys::event(run_id(1), ~std::uint64_t{0})) < text(keys::event(run_id(2), 0)));
  CHECK(text(keys::event(run_id(1), 7)) == "e" + run_id(1).str() + std::string(7, '\0') + '\7');
  const auto key = text(keys::event(run_id(1), 258));
  CHECK(keys::read_event_key(key)->run == run_id(1).str());
  CHECK(keys::read_event_key(key)->seq == 258);
  CHECK(!keys::read_event_key(key.substr(1)));
  CHECK(!keys::read_event_key("r" + key.substr(1)));
  CHECK(keys::read_be64(text(keys::be64(0x0102030405060708))) == 0x0102030405060708);
  CHECK(!keys::read_event(std::string(39, 'x')));
  CHECK(keys::read_event(std::string(40, 'x'))->line.empty());
  CHECK(!keys::read_head(std::string(39, 'x')));
  CHECK(!keys::read_head(std::string(41, 'x')));
}

TEST_CASE("keys: a table is a range of keys that meets no other") {
  const auto text = [](const auto& bytes) { return std::string(bytes.data(), bytes.size()); };
  Hash last{};
  last.fill(0xff);
  const std::map<keys::Table, std::string> keys_of = {
      {keys::Table::blobs, text(keys::blob(last))},       {keys::Table::events, text(keys::event(run_id(1), ~0ULL))},
      {keys::Table::gone, text(keys::gone(run_id(1)))},   {keys::Table::index, std::string("i") + "\xff"},
      {keys::Table::meta, keys::meta(keys::mark(~0ULL))}, {keys::Table::runs, text(keys::run(run_id(1)))}};
  for (const auto& [table, range_of] : keys_of)
    for (const auto& [other, key] : keys_of) {
      const auto range = keys::table(table);
      CHECK((range.first <= key && key < range.end) == (table == other));
    }
}

TEST_CASE("keys: notes are a range by number, and no other meta row is in it") {
  const auto range = keys::notes();
  const auto inside = [&](const std::string& name) {
    const auto key = keys::meta(name);
    return range.first <= key && key < range.end;
  };
  CHECK(inside(keys::note(0)));
  CHECK(inside(keys::note(~std::uint64_t{0})));
  CHECK(!inside(keys::mark(~std::uint64_t{0})));
  CHECK(!inside(std::string(keys::kFormat)));
  CHECK(!inside(std::string(keys::kHead)));
  CHECK(!inside(keys::removal(1)));
  CHECK(keys::note_number(keys::meta(keys::note(77))) == 77);
  CHECK(keys::note_number(keys::meta(keys::removal(78))) == 78);
}
