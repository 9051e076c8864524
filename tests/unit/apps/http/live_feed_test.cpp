// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/apps/http/service.hpp"

namespace hillstar::testing {

TEST_CASE("live feed: a run's history comes first, then what happens, without gap; then it ends") {
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
  const auto outlet = service.watch(path);
  CHECK(outlet->wait_for("node_scheduled"));
  const auto late = service.watch(path, {}, {{"last-event-id", "1"}});
  CHECK(late->wait_for("node_scheduled"));
  gate->open();
  REQUIRE(outlet->wait_closed());
  REQUIRE(late->wait_closed());
  const auto events = outlet->events();
  for (std::size_t i = 0; i < events.size(); ++i) CHECK(events[i].id == std::to_string(i + 1));
  CHECK(events.size() == service.store.summary(run)->version);
  CHECK(events.back().type == "run_completed");
  CHECK(late->events().front().id == "2");
  CHECK(late->events().size() == events.size() - 1);

  // All of it was seen: whoever comes again is told that nothing follows.
  http::Request again;
  again.method = "GET";
  again.path = path;
  again.headers = {{"accept", "text/event-stream"}, {"last-event-id", std::to_string(events.size())}};
  CHECK(service.call(again)->wait().status == 204);
  again.headers[1].second = "soon";
  CHECK(service.call(again)->wait().status == 400);
}

TEST_CASE("live feed: the store's feed has what was asked for, and nothing from before") {
  Service service;
  service.host.run(PlanBuilder("a").plan());
  const auto ends = service.watch("/v1/events", {{"type", "run_completed"}, {"workflow", "test"}});
  const auto all = service.watch("/v1/events");
  const auto other = service.watch("/v1/events", {{"workflow", "another"}});
  const auto streamed = service.watch("/v1/events", {{"stream", "test/nightly"}});
  // What comes before a follower is let in is not seen: runs are started until one is.
  for (int i = 0; i < 1'000 && (ends->events().empty() || all->events().empty()); ++i)
    service.host.run(PlanBuilder("a").plan());
  REQUIRE(ends->wait_for("run_completed"));
  for (const auto& event : ends->events()) CHECK(event.type == "run_completed");
  CHECK(all->wait_for("run_completed"));
  CHECK(other->events().empty());
  CHECK(streamed->events().empty());
}

TEST_CASE("live feed: a slow client is cut off, and others do not notice") {
  Service service;
  const auto slow = service.watch("/v1/events");
  slow->limit(1);
  const auto good = service.watch("/v1/events");
  RunId last;
  for (int i = 0; i < 1'000 && good->events().size() < 5; ++i) service.host.run(PlanBuilder("a").plan());
  CHECK(good->events().size() >= 5);
  CHECK(slow->events().size() <= 1);
}

TEST_CASE("live feed: it needs a client that streams") {
  Service service;
  http::Request request;
  request.method = "GET";
  request.path = "/v1/events";
  request.headers = {{"accept", "application/json"}};
  const auto plain = service.call(request)->wait();
  CHECK(plain.status == 406);
  CHECK(plain.content_type == "application/problem+json");
  request.headers = {{"accept", "*/*"}};
  CHECK(service.call(request)->outlet());
  request.headers.clear();
  CHECK(service.call(request)->outlet());
  request.query = {{"type", "Run Completed"}};
  CHECK(service.call(request)->wait().status == 400);
  request.query = {{"run", "latest"}};
  CHECK(service.call(request)->wait().status == 400);
}

TEST_CASE("live feed: many followers end with the service") {
  Service service;
  std::vector<std::shared_ptr<RecordedOutlet>> outlets;
  for (int i = 0; i < 1'000; ++i) outlets.push_back(service.watch("/v1/events"));
  service.host.run(PlanBuilder("a").plan());
  service.routes.clear();
  for (const auto& outlet : outlets) CHECK(outlet->wait_closed());
}

}  // namespace hillstar::testing
