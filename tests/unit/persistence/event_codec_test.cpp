// SPDX-License-Identifier: Apache-2.0
#include "persistence/event_codec.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>

#include "messages/json.hpp"
#include "runtime/platform/hash.hpp"
#include "tests/unit/persistence/histories.hpp"

using namespace hillstar;
using namespace hillstar::persistence;
using namespace hillstar::persistence::testing;

namespace {

template <std::size_t... I>
std::vector<Event> one_of_each(std::index_sequence<I...>) {
  return {Event(std::in_place_index<I>)...};
}

std::string with(std::string line, const std::string& from, const std::string& to) {
  const auto found = line.find(from);
  REQUIRE(found != std::string::npos);
  return line.replace(found, from.size(), to);
}

}  // namespace

TEST_CASE("sha256: agrees with the published examples, in one piece, in three, and as a stream") {
  const std::string hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  CHECK(sha256_hex("abc") == hex);
  CHECK(hillstar::to_hex(sha256("a", "b", "c")) == hex);
  Sha256Stream stream;
  stream.append("a");
  stream.append("bc");
  CHECK(hillstar::to_hex(stream.finish()) == hex);
  CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_CASE("encode: the line is canonical JSON with the documented members") {
  const auto record = encode(run_id(1), 7, at(5), event(4), Hash{});
  CHECK(
      record.line ==
      R"({"at":"2023-11-14T22:13:20.000005Z","data":{"attempt":1,"node":"node_4"},"run":"01JD0000000000000000000001",)"
      R"("seq":7,"type":"node_scheduled","v":1})");
  const auto parsed = json::parse(record.line);
  REQUIRE(parsed);
  CHECK(json::canonical(*parsed) == record.line);
}

TEST_CASE("link: is SHA-256 over hs1, a zero byte, the hash before and the line") {
  Hash previous{};
  previous[31] = 1;
  std::string bytes =
      std::string("hs1\0", 4) + std::string(reinterpret_cast<const char*>(previous.data()), 32) + "line";
  CHECK(link(previous, "line") == sha256(bytes));
  CHECK(encode(run_id(1), 1, at(1), event(1), previous).hash ==
        link(previous, encode(run_id(1), 1, at(1), event(1), previous).line));
}

TEST_CASE("decode: reads back every type of event as it was written") {
  for (const auto& original : one_of_each(std::make_index_sequence<std::variant_size_v<Event>>())) {
    CAPTURE(type_name(original));
    const auto record = encode(run_id(1), 3, at(3), original, Hash{});
    const auto decoded = decode(record.line, run_id(1));
    REQUIRE_MESSAGE(decoded, problem(decoded));
    CHECK(decoded->seq == 3);
    CHECK(decoded->at == at(3));
    CHECK(decoded->event.index() == original.index());
    CHECK(encode(run_id(1), 3, at(3), decoded->event, Hash{}).line == record.line);
  }
}

TEST_CASE("encode: bytes that are not UTF-8 cannot make a record that nobody can read") {
  NodeFailed failed;
  failed.node = NodeId("a");
  failed.failure.message = "stderr: \xff\xfe\xc0 end";
  const auto record = encode(run_id(1), 1, at(1), failed, Hash{});
  const auto decoded = decode(record.line, run_id(1));
  REQUIRE_MESSAGE(decoded, problem(decoded));
  CHECK(std::get<NodeFailed>(decoded->event).failure.message.find(" end") != std::string::npos);
  CHECK(link(Hash{}, record.line) == record.hash);
}

TEST_CASE("decode: a line that is not a record is corrupt") {
  const auto line = encode(run_id(1), 3, at(3), event(2), Hash{}).line;
  const auto refused = [&](const std::string& text) { return code(decode(text, run_id(1))); };
  CHECK(refused("") == Errc::record_corrupt);
  CHECK(refused("[]") == Errc::record_corrupt);
  CHECK(refused("{}") == Errc::record_corrupt);
  CHECK(refused(line.substr(0, line.size() - 1)) == Errc::record_corrupt);
  CHECK(refused(line + line) == Errc::record_corrupt);
  CHECK(refused(with(line, R"("seq":3)", R"("seq":0)")) == Errc::record_corrupt);
  CHECK(refused(with(line, R"("seq":3)", R"("seq":3,"seq":3)")) == Errc::record_corrupt);
  CHECK(refused(with(line, R"("seq":3)", R"("seq":3,"note":1)")) == Errc::record_corrupt);
  CHECK(refused(with(line, "node_scheduled", "node_dreamed")) == Errc::record_corrupt);
  CHECK(refused(with(line, R"("v":1)", R"("v":0)")) == Errc::record_corrupt);
  CHECK(code(decode(line, run_id(2))) == Errc::record_corrupt);
}

TEST_CASE("decode: a wrong field is a type error that names run, sequence and path") {
  const auto line = encode(run_id(1), 3, at(3), event(2), Hash{}).line;
  const auto wrong = decode(with(line, R"("attempt":1)", R"("attempt":-1)"), run_id(1));
  REQUIRE(!wrong);
  CHECK(wrong.error().code == Errc::json_type);
  CHECK(wrong.error().where == "run " + run_id(1).str() + ", seq 3, /data/attempt");
  CHECK(code(decode(with(line, R"("attempt":1)", R"("attempt":1,"extra":2)"), run_id(1))) == Errc::json_type);
  CHECK(code(decode(with(line, R"("attempt":1,)", ""), run_id(1))) == Errc::json_type);
  CHECK(code(decode(with(line, R"("seq":3)", R"("seq":-3)"), run_id(1))) == Errc::json_type);
  CHECK(code(decode(with(line, "2023-11-14T", "2023-11-14 "), run_id(1))) == Errc::json_type);
}

TEST_CASE("decode: a record of a newer version says that a newer program is needed") {
  const auto line = encode(run_id(1), 3, at(3), event(2), Hash{}).line;
  const auto newer = decode(with(line, R"("v":1)", R"("v":2)"), run_id(1));
  REQUIRE(!newer);
  CHECK(newer.error().code == Errc::store_version);
  CHECK(newer.error().where == "run " + run_id(1).str() + ", seq 3");
}

TEST_CASE("hash_from_hex: takes exactly what to_hex gives") {
  const Hash hash = sha256("x");
  CHECK(hash_from_hex(persistence::to_hex(hash)) == hash);
  CHECK(!hash_from_hex(""));
  CHECK(!hash_from_hex(std::string(63, 'a')));
  CHECK(!hash_from_hex(std::string(65, 'a')));
  CHECK(!hash_from_hex(std::string(63, 'a') + "A"));
  CHECK(!hash_from_hex(std::string(63, 'a') + "g"));
}
