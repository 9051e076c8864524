// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/protocol.hpp"

#include <doctest/doctest.h>

#include "messages/json_codec.hpp"

namespace hillstar::cli {
namespace {

const RunId kRun("01JDGE0000000000000000000A");

}  // namespace

TEST_CASE("protocol: a call comes out as it went in, on one line") {
  StartJob job;
  job.workflow_text = "line\nbreak \x7f \"quote\"";
  job.environment = {"A=1", "B=\n2"};
  job.inherited.push_back({NodeId("n.1"), Value{{}, Json::string("x")}, {true, false}, Origin{kRun, 7}, true});
  const auto line = encode_call(3, "start", Json::from_canonical(json::to_text(job)));
  CHECK(line.find('\n') == line.size() - 1);
  const auto call = decode_call(line);
  REQUIRE(call);
  CHECK(call->id == 3);
  CHECK(call->method == "start");
  const auto read = json::read<StartJob>(call->params.value());
  REQUIRE(read);
  CHECK(read->workflow_text == job.workflow_text);
  CHECK(read->environment == job.environment);
  CHECK(json::to_text(read->inherited) == json::to_text(job.inherited));
}

TEST_CASE("protocol: errors keep their number, place and hint") {
  const auto line = encode_reply(9, Error{Errc::run_state, "no", "run x", "do y"});
  const auto decoded = decode_host_line(line);
  REQUIRE(decoded);
  REQUIRE(decoded->reply);
  REQUIRE(decoded->reply->error);
  const auto error = from_wire(*decoded->reply->error);
  CHECK(error.code == Errc::run_state);
  CHECK(error.message == "no");
  CHECK(error.where == "run x");
  CHECK(error.hint == "do y");
}

TEST_CASE("protocol: every kind of feed item survives the way") {
  const FeedItem event = FeedEvent{kRun, {5, {1'700'000'000'123'456}, NodeScheduled{NodeId("a"), 3, 2}}};
  const FeedItem piece = Progress{kRun, NodeId("a"), 3, 2, "text \x1b[31m \xff", 7, 19};
  const FeedItem cut = FeedCut{kRun};
  for (const auto& item : {event, piece, cut}) {
    const auto decoded = decode_host_line(encode_feed(4, item));
    REQUIRE(decoded);
    REQUIRE(decoded->feed);
    CHECK(decoded->feed->ticket == 4);
    const auto back = decode_feed(*decoded->feed, kRun);
    REQUIRE(back);
    CHECK(back->index() == item.index());
    if (const auto* seen = std::get_if<FeedEvent>(&*back)) {
      CHECK(seen->recorded.seq == 5);
      CHECK(seen->recorded.at == UtcTime{1'700'000'000'123'456});
      CHECK(std::get<NodeScheduled>(seen->recorded.event).attempt == 2);
    }
    if (const auto* seen = std::get_if<Progress>(&*back)) {
      CHECK(seen->text == "text \x1b[31m \ufffd");
      CHECK(seen->offset == 7);
      CHECK(seen->end == 19);
    }
  }
}

TEST_CASE("protocol: the answer to tell holds events") {
  const std::vector<Event> events{RunPaused{"interrupted", {}, true}, NodeCancelled{NodeId("n"), {}, 1}};
  const auto back = events_from_json(kRun, events_to_json(kRun, events));
  REQUIRE(back);
  REQUIRE(back->size() == 2);
  CHECK(std::get<RunPaused>(back->front()).reason == "interrupted");
}

TEST_CASE("protocol: lines that are none of it are refused by name") {
  for (const char* line : {"", "{}", "[]", "null", "{\"id\":-1,\"method\":\"x\",\"params\":{}}", "garbage",
                           "{\"id\":1,\"method\":\"x\",\"params\":{},\"more\":1}"}) {
    CAPTURE(line);
    const auto call = decode_call(line);
    REQUIRE_FALSE(call);
    CHECK(call.error().code == Errc::host_protocol);
  }
  CHECK_FALSE(decode_host_line("{}"));
  CHECK_FALSE(decode_host_line(R"({"feed":{"ticket":1},"reply":{"id":1}})"));
  CHECK_FALSE(decode_feed(FeedLine{}, kRun));
  CHECK_FALSE(
      decode_feed(FeedLine{.cut = false, .parked = {}, .progress = {}, .record = "no record", .ticket = 1}, kRun));
}

}  // namespace hillstar::cli
