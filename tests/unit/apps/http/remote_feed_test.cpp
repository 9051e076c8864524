// SPDX-License-Identifier: Apache-2.0
#include "apps/http/remote_feed.hpp"

#include "apps/http/piece_feed.hpp"
#include "tests/unit/apps/http/service.hpp"

namespace hillstar::testing {
namespace {

const RunId kRun("01J00000000000000000000001");

std::string words_of(const FeedItem& item) {
  if (const auto* event = std::get_if<FeedEvent>(&item))
    return std::to_string(event->recorded.seq) + " " + std::string(type_name(event->recorded.event));
  if (const auto* piece = std::get_if<Progress>(&item))
    return "piece " + piece->node.str() + (piece->item ? "[" + std::to_string(*piece->item) + "]" : "") + " " +
           piece->text + " " + std::to_string(piece->offset) + "-" + std::to_string(piece->end);
  if (const auto* parked = std::get_if<RunParked>(&item)) return "parked " + number(parked->error.code);
  return "cut";
}

/// What a follower is told of these bytes, given so many at a time; the stream ends then.
std::vector<std::string> told(const std::string& text, std::size_t step) {
  std::vector<std::string> words;
  http::RemoteFeed feed(kRun, [&words](const FeedItem& item) { words.push_back(words_of(item)); });
  for (std::size_t at = 0; at < text.size(); at += step) feed.take(std::string_view(text).substr(at, step));
  feed.ended();
  return words;
}

std::string event(const std::string& type, const std::string& data) {
  return "event: " + type + "\ndata: " + data + "\n\n";
}

std::string record(std::uint64_t seq, const std::string& type, const std::string& data) {
  return "id: " + std::to_string(seq) + "\n" +
         event(type, R"({"at":"2026-11-22T03:04:05.000000Z","data":)" + data + R"(,"run":")" + kRun.str() +
                         R"(","seq":)" + std::to_string(seq) + R"(,"type":")" + type + R"(","v":1})");
}

const std::string kPiece = R"({"attempt":1,"end":5,"node":"a","offset":0,"text":"hello"})";

}  // namespace

TEST_CASE("remote feed: facts and pieces come in order, however the bytes are cut") {
  const auto text = ":\n\n" + record(1, "node_scheduled", R"({"attempt":1,"node":"a"})") + event("piece", kPiece) +
                    ":\n\n" + record(2, "checkpoint_reached", R"({"node":"a"})");
  const std::vector<std::string> expected{"1 node_scheduled", "piece a hello 0-5", "2 checkpoint_reached", "cut"};
  for (const std::size_t step : {1U, 2U, 7U, 100'000U}) CHECK(told(text, step) == expected);
}

TEST_CASE("remote feed: a piece that cannot be read is left out, a fact that cannot ends it") {
  const auto after = record(1, "checkpoint_reached", R"({"node":"a"})");
  for (const auto* bad : {"{", "[]", "{\"attempt\":\"x\"}", "7", "{\"node\":3}"})
    CHECK(told(event("piece", bad) + after, 50) == std::vector<std::string>{"1 checkpoint_reached", "cut"});
  CHECK(told(event("checkpoint_reached", "{}") + after, 50).size() == 1);
  CHECK(told(event("checkpoint_reached", "{}") + after, 50).front().starts_with("parked "));
}

TEST_CASE("remote feed: a run that stops without an end says why, and nothing follows an end") {
  const auto after = record(1, "checkpoint_reached", R"({"node":"a"})");
  CHECK(told(event("parked", R"({"code":"HS206","title":"x"})") + after, 9) ==
        std::vector<std::string>{"parked HS206"});
  CHECK(told(event("parked", "nothing") + after, 9).size() == 1);
  CHECK(told(record(1, "run_completed", R"({"failed_nodes":0})") + after, 9) ==
        std::vector<std::string>{"1 run_completed"});
}

TEST_CASE("piece feed: between the facts come pieces, and the connection ends with the run") {
  Service service;
  const auto gate = std::make_shared<Gate>();
  service.host.engine.reset();
  service.host.with(ScriptedTool([gate](const auto&, const auto&) {
    gate->wait();
    return said("done");
  }));
  service.host.up();
  const auto run = service.host.start(PlanBuilder("a").plan());
  const auto path = "/v1/runs/" + run.str() + "/events";
  std::vector<std::shared_ptr<RecordedOutlet>> outlets;
  // More than get pieces: the others get facts alone.
  for (std::size_t i = 0; i < http::kPieceOutletsMax + 3; ++i)
    outlets.push_back(service.watch(path, {{"pieces", "1"}}));
  outlets.front()->close();
  gate->open();
  for (std::size_t i = 1; i < outlets.size(); ++i) {
    REQUIRE(outlets[i]->wait_closed());
    const auto events = outlets[i]->events();
    REQUIRE(events.size() == service.store.summary(run)->version);
    for (std::size_t n = 0; n < events.size(); ++n) CHECK(events[n].id == std::to_string(n + 1));
    CHECK(events.back().type == "run_completed");
  }
  CHECK(service.get(path, {{"pieces", "2"}}).status == 400);
  CHECK(service.get(path, {{"pieces", "1"}}).status == 200);
}

TEST_CASE("api: a blob that is larger than an answer comes page by page") {
  constexpr std::size_t kPage = 48U << 20U;
  Service service;
  std::string bytes(kPage + 3, 'x');
  bytes[kPage - 1] = 'a';
  bytes[kPage] = 'b';
  const auto name = service.store.put_blob(bytes);
  REQUIRE(name);
  const auto link = [](const http::Response& response) {
    for (const auto& [key, value] : response.headers)
      if (key == "link") return value;
    return std::string();
  };
  const auto first = service.get("/v1/blobs/" + *name);
  CHECK(first.body.size() == kPage);
  CHECK(first.body.back() == 'a');
  CHECK(link(first) == "</v1/blobs/" + *name + "?from=" + std::to_string(kPage) + ">; rel=\"next\"");
  const auto rest = service.get("/v1/blobs/" + *name, {{"from", std::to_string(kPage)}});
  CHECK(rest.body == "bxx");
  CHECK(link(rest).empty());
  CHECK(service.get("/v1/blobs/" + *name, {{"from", std::to_string(kPage * 9)}}).body.empty());
  CHECK(service.get("/v1/blobs/" + *name, {{"from", "-1"}}).status == 400);
}

}  // namespace hillstar::testing
