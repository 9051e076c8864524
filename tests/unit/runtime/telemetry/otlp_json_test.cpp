// SPDX-License-Identifier: Apache-2.0
#include "runtime/telemetry/otlp_json.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <cmath>

#include "messages/json.hpp"

using namespace hillstar;
using namespace hillstar::telemetry;

namespace {

const Resource kResource{{{"service.name", std::string("demo")}}, "1.2.3"};

Span span() {
  Span made;
  made.context = {"4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", true};
  made.parent_span_id = "00f067aa0ba902b8";
  made.name = "chat m";
  made.kind = SpanKind::client;
  made.start = UtcTime{1'700'000'000'000'001};
  made.end = UtcTime{1'700'000'000'000'002};
  made.status = SpanStatus::error;
  made.message = "no";
  made.attributes = {{"s", std::string("x\"y")},
                     {"b", true},
                     {"i", std::int64_t{9'007'199'254'740'993}},
                     {"d", 0.5},
                     {"a", std::vector<std::string>{"p", "q"}}};
  made.events.push_back({made.start, "e", {{"n", std::int64_t{1}}}});
  made.dropped_events = 2;
  made.links.push_back({{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb", true}, {}});
  return made;
}

}  // namespace

TEST_CASE("otlp json: a span is written with the protocol's names and encodings") {
  CHECK(traces_json(kResource, {span()}) ==
        R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"demo"}}]},)"
        R"("scopeSpans":[{"scope":{"name":"hillstar-actors","version":"1.2.3"},"spans":[{)"
        R"("traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7",)"
        R"("parentSpanId":"00f067aa0ba902b8","flags":257,"name":"chat m","kind":3,)"
        R"("startTimeUnixNano":"1700000000000001000","endTimeUnixNano":"1700000000000002000",)"
        R"("attributes":[{"key":"s","value":{"stringValue":"x\"y"}},{"key":"b","value":{"boolValue":true}},)"
        R"({"key":"i","value":{"intValue":"9007199254740993"}},{"key":"d","value":{"doubleValue":0.5}},)"
        R"({"key":"a","value":{"arrayValue":{"values":[{"stringValue":"p"},{"stringValue":"q"}]}}}],)"
        R"("events":[{"timeUnixNano":"1700000000000001000","name":"e",)"
        R"("attributes":[{"key":"n","value":{"intValue":"1"}}]}],"droppedEventsCount":2,)"
        R"("links":[{"traceId":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","spanId":"bbbbbbbbbbbbbbbb"}],)"
        R"("status":{"code":2,"message":"no"}}]}]}]})");
}

TEST_CASE("otlp json: a span without anything more is short, and every text is valid") {
  Span plain;
  plain.context = {"4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", false};
  plain.name = "bad \xff byte";
  const auto text = traces_json(kResource, {plain});
  const auto tree = json::parse(text);
  REQUIRE(tree);
  const auto& made = tree->at_pointer("/resourceSpans/0/scopeSpans/0/spans/0").as_object();
  CHECK(made.at("flags") == 256);
  CHECK(made.at("status") == boost::json::object{});
  CHECK_FALSE(made.contains("parentSpanId"));
  CHECK_FALSE(made.contains("attributes"));
  CHECK(json::parse(traces_json(kResource, std::vector<Span>{})));
}

TEST_CASE("otlp json: model calls are counted in the buckets of the conventions") {
  CallMetrics metrics(UtcTime{1'000'000});
  CHECK(metrics.collect(UtcTime{2'000'000}).empty());
  CallFacts call{{{"gen_ai.operation.name", std::string("chat")}}, 0.01, 4, 5};
  metrics.add(call);
  call.seconds = 1'000;
  call.attributes.emplace_back("error.type", std::string("timeout"));
  metrics.add(call);
  const auto tree = json::parse(metrics_json(kResource, metrics.collect(UtcTime{2'000'000})));
  REQUIRE(tree);
  const auto& made = tree->at_pointer("/resourceMetrics/0/scopeMetrics/0/metrics").as_array();
  REQUIRE(made.size() == 2);
  const auto& duration = made[0].as_object();
  CHECK(duration.at("name") == "gen_ai.client.operation.duration");
  CHECK(duration.at("unit") == "s");
  CHECK(duration.at("histogram").at("aggregationTemporality") == 2);
  const auto& points = duration.at("histogram").at("dataPoints").as_array();
  REQUIRE(points.size() == 2);  // a failure has an attribute more
  CHECK(boost::json::serialize(points[0].at("explicitBounds")) ==
        "[1E-2,2E-2,4E-2,8E-2,1.6E-1,3.2E-1,6.4E-1,1.28E0,2.56E0,5.12E0,1.024E1,2.048E1,4.096E1,8.192E1]");
  CHECK(points[0].at("bucketCounts").as_array().front() == "1");  // a bound belongs to the bucket below it
  CHECK(points[0].at("count") == "1");
  CHECK(points[0].at("startTimeUnixNano") == "1000000000");
  CHECK(points[1].at("bucketCounts").as_array().back() == "1");
  const auto& tokens = made[1].as_object();
  CHECK(tokens.at("name") == "gen_ai.client.token.usage");
  CHECK(tokens.at("unit") == "{token}");
  const auto& counted = tokens.at("histogram").at("dataPoints").as_array();
  REQUIRE(counted.size() == 2);
  CHECK(counted[0].at("explicitBounds").as_array().size() == 14);
  CHECK(counted[0].at("explicitBounds").as_array().back().to_number<double>() == 67'108'864);
  CHECK(counted[0].at("count") == "2");
}

TEST_CASE("otlp json: too many series are counted together") {
  CallMetrics metrics(UtcTime{0});
  for (std::size_t i = 0; i < kSeriesMax + 10; ++i)
    metrics.add({{{"gen_ai.request.model", "m" + std::to_string(i)}}, 1.0, {}, {}});
  const auto made = metrics.collect(UtcTime{1});
  REQUIRE(made.size() == 1);
  const auto& points = std::get<Histogram>(made[0].data).points;
  CHECK(points.size() == kSeriesMax + 1);
  std::uint64_t all = 0;
  for (const auto& point : points) all += point.count;
  CHECK(all == kSeriesMax + 10);
}

TEST_CASE("otlp json: gauges and sums, and numbers that JSON has none for") {
  Metric gauge{"g", "", "1", Gauge{{{{}, UtcTime{0}, UtcTime{1}, std::nan("")}}}};
  Metric sum{"s", "d", "", Sum{{{{{"k", std::string("v")}}, UtcTime{1}, UtcTime{2}, 3}}}};
  const auto text = metrics_json(kResource, {gauge, sum});
  CHECK(text.find(R"("asDouble":"NaN")") != std::string::npos);
  CHECK(text.find(R"("sum":{"dataPoints":[{"attributes":[{"key":"k","value":{"stringValue":"v"}}],)"
                  R"("startTimeUnixNano":"1000","timeUnixNano":"2000","asDouble":3}],)"
                  R"("aggregationTemporality":2,"isMonotonic":true})") != std::string::npos);
  CHECK(json::parse(text));
}
