// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/causes.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>

using namespace hillstar;
using namespace hillstar::stream;

namespace {

const Source kSource{RunId("R1"), WorkflowId("import"), "import/nightly", 0};

NodeFailed node_failed(const char* node) {
  NodeFailed event;
  event.node = NodeId(node);
  return event;
}

}  // namespace

TEST_CASE("causes: an event matches if all that is said of it does") {
  EventTrigger trigger;
  CHECK_FALSE(matches(trigger, kSource, RunCompleted{}));
  trigger.types = {"run_failed", "node_failed"};
  CHECK(matches(trigger, kSource, RunFailed{}));
  CHECK(matches(trigger, kSource, node_failed("a")));
  CHECK_FALSE(matches(trigger, kSource, RunCompleted{}));
  trigger.workflow = "import";
  CHECK(matches(trigger, kSource, RunFailed{}));
  trigger.stream = "import/nightly";
  CHECK(matches(trigger, kSource, RunFailed{}));
  CHECK_FALSE(matches(trigger, {RunId("R1"), WorkflowId("import"), {}, 0}, RunFailed{}));
  trigger.node = "a";
  CHECK(matches(trigger, kSource, node_failed("a")));
  CHECK_FALSE(matches(trigger, kSource, node_failed("b")));
  CHECK_FALSE(matches(trigger, kSource, RunFailed{}));
  trigger.workflow = "other";
  CHECK_FALSE(matches(trigger, kSource, node_failed("a")));
}

TEST_CASE("causes: runs that cause one another end at a depth") {
  EventTrigger trigger;
  auto source = kSource;
  CHECK(*depth_after(trigger, source) == 1);
  source.depth = kDepthDefault - 1;
  CHECK(*depth_after(trigger, source) == kDepthDefault);
  source.depth = kDepthDefault;
  const auto beyond = depth_after(trigger, source);
  REQUIRE_FALSE(beyond);
  CHECK(beyond.error().code == Errc::depth_exceeded);
  trigger.depth = 1;
  CHECK(depth_after(trigger, kSource));
  source.depth = 1;
  CHECK_FALSE(depth_after(trigger, source));
}

TEST_CASE("causes: the document has the event's members and its place") {
  auto event = node_failed("a");
  event.failure.message = "no such file";
  const auto document = event_document(kSource, {7, UtcTime{0}, event}).value();
  const auto& said = document.at("event");
  CHECK(said.at("run").as_string() == "R1");
  CHECK(said.at("seq").to_number<int>() == 7);
  CHECK(said.at("type").as_string() == "node_failed");
  CHECK(said.at("at").as_string() == "1970-01-01T00:00:00.000000Z");
  CHECK(said.at("workflow").as_string() == "import");
  CHECK(said.at("stream").as_string() == "import/nightly");
  CHECK(said.at("node").as_string() == "a");
  CHECK(said.at("failure").at("message").as_string() == "no such file");
  CHECK(event_key(RunId("R1"), 7) == "event:R1:7");
}
