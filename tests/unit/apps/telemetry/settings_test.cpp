// SPDX-License-Identifier: Apache-2.0
#include "apps/telemetry/settings.hpp"

#include <doctest/doctest.h>

using namespace hillstar;
using namespace hillstar::telemetry;

namespace {

Settings settings(std::vector<std::string> environment) {
  auto made = settings_of(environment, "1.0");
  REQUIRE_MESSAGE(made, (made ? std::string() : made.error().message));
  return *std::move(made);
}

std::string refused(std::vector<std::string> environment) {
  environment.emplace_back("OTEL_EXPORTER_OTLP_ENDPOINT=http://h:1");
  const auto made = settings_of(environment, "1.0");
  REQUIRE_FALSE(made);
  CHECK(made.error().code == Errc::usage);
  CHECK(to_string(made.error()).find("s3cr3t") == std::string::npos);
  return made.error().where;
}

std::string said(const Resource& resource, std::string_view name) {
  for (const auto& [known, value] : resource.attributes)
    if (known == name) return std::get<std::string>(value);
  return "(none)";
}

}  // namespace

TEST_CASE("telemetry settings: nothing is exported unless an endpoint is named") {
  CHECK(settings({}).is_off());
  CHECK(settings({"OTEL_SERVICE_NAME=x", "OTEL_EXPORTER_OTLP_HEADERS=a=b"}).is_off());
  CHECK(settings({"OTEL_EXPORTER_OTLP_ENDPOINT="}).is_off());
  CHECK(settings({"OTEL_EXPORTER_OTLP_ENDPOINT=http://h:1", "OTEL_SDK_DISABLED=TRUE"}).is_off());
  CHECK(settings({"OTEL_EXPORTER_OTLP_ENDPOINT=http://h:1", "OTEL_TRACES_EXPORTER=none", "OTEL_METRICS_EXPORTER=none"})
            .is_off());
}

TEST_CASE("telemetry settings: the endpoint of all gets a path, an endpoint of one kind is taken as it is") {
  auto made = settings({"OTEL_EXPORTER_OTLP_ENDPOINT=https://h:4318/base/"});
  CHECK(made.traces.url == "https://h:4318/base/v1/traces");
  CHECK(made.metrics.url == "https://h:4318/base/v1/metrics");
  made = settings({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://h:1/x"});
  CHECK(made.traces.url == "http://h:1/x");
  CHECK(made.metrics.url.empty());
  CHECK(settings({"OTEL_TRACES_EXPORTER=otlp"}).traces.url == "http://localhost:4318/v1/traces");
}

TEST_CASE("telemetry settings: headers, times and the resource are read as the specification writes them") {
  const auto made =
      settings({"OTEL_EXPORTER_OTLP_ENDPOINT=http://h:1", "OTEL_EXPORTER_OTLP_HEADERS= A-Key = b%20c ,d=e=f,",
                "OTEL_EXPORTER_OTLP_METRICS_HEADERS=x=y", "OTEL_EXPORTER_OTLP_TIMEOUT=250",
                "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT=300", "OTEL_RESOURCE_ATTRIBUTES=a=1%2C2,service.name=n",
                "OTEL_BSP_MAX_QUEUE_SIZE=100", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=1000"});
  using Headers = std::vector<std::pair<std::string, std::string>>;
  CHECK(made.traces.headers == Headers{{"a-key", "b c"}, {"d", "e=f"}});
  CHECK(made.metrics.headers == Headers{{"x", "y"}});
  CHECK(made.traces.timeout == Millis(250));
  CHECK(made.metrics.timeout == Millis(300));
  CHECK(said(made.resource, "a") == "1,2");
  CHECK(said(made.resource, "service.name") == "n");
  CHECK(said(made.resource, "service.version") == "1.0");
  CHECK(made.queue_max == 100);
  CHECK(made.batch_max == 100);
  CHECK(said(*resource_of({"OTEL_SERVICE_NAME=s", "OTEL_RESOURCE_ATTRIBUTES=service.name=n"}, "1"), "service.name") ==
        "s");
  CHECK(said(*resource_of({}, "1"), "service.name") == "hillstar-actors");
}

TEST_CASE("telemetry settings: samplers") {
  const auto sampler = [](std::vector<std::string> more) {
    more.emplace_back("OTEL_EXPORTER_OTLP_ENDPOINT=http://h:1");
    return settings(more).sampler;
  };
  CHECK(sampler({}) == Sampler{1.0, true});
  CHECK(sampler({"OTEL_TRACES_SAMPLER=always_on"}) == Sampler{1.0, false});
  CHECK(sampler({"OTEL_TRACES_SAMPLER=parentbased_always_off"}) == Sampler{0.0, true});
  CHECK(sampler({"OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.25"}) ==
        Sampler{0.25, true});
  CHECK(sampler({"OTEL_TRACES_SAMPLER=traceidratio"}) == Sampler{1.0, false});
}

TEST_CASE("telemetry settings: contents are exported only if somebody says so") {
  CHECK_FALSE(settings({}).content);
  CHECK(settings({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true"}).content);
  CHECK_FALSE(settings({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=maybe"}).content);
  CHECK(settings({"OTEL_SEMCONV_STABILITY_OPT_IN=http"}).older_names);
  CHECK_FALSE(settings({"OTEL_SEMCONV_STABILITY_OPT_IN=http,gen_ai_latest_experimental"}).older_names);
}

TEST_CASE("telemetry settings: what is wrong names the variable and never its value") {
  CHECK(refused({"OTEL_EXPORTER_OTLP_HEADERS=s3cr3t"}) == "OTEL_EXPORTER_OTLP_HEADERS");
  CHECK(refused({"OTEL_EXPORTER_OTLP_TRACES_HEADERS=a=s3cr3t%0d%0ab"}) == "OTEL_EXPORTER_OTLP_TRACES_HEADERS");
  CHECK(refused({"OTEL_EXPORTER_OTLP_HEADERS=a b=s3cr3t"}) == "OTEL_EXPORTER_OTLP_HEADERS");
  CHECK(refused({"OTEL_EXPORTER_OTLP_HEADERS=a=%s3"}) == "OTEL_EXPORTER_OTLP_HEADERS");
  CHECK(refused({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=h:4317"}) == "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
  CHECK(refused({"OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}) == "OTEL_EXPORTER_OTLP_PROTOCOL");
  CHECK(refused({"OTEL_TRACES_EXPORTER=console"}) == "OTEL_TRACES_EXPORTER");
  CHECK(refused({"OTEL_TRACES_SAMPLER=x"}) == "OTEL_TRACES_SAMPLER");
  CHECK(refused({"OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=1.5"}) == "OTEL_TRACES_SAMPLER_ARG");
  CHECK(refused({"OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=nan"}) == "OTEL_TRACES_SAMPLER_ARG");
  CHECK(refused({"OTEL_BSP_MAX_QUEUE_SIZE=0"}) == "OTEL_BSP_MAX_QUEUE_SIZE");
  CHECK(refused({"OTEL_BSP_SCHEDULE_DELAY=soon"}) == "OTEL_BSP_SCHEDULE_DELAY");
  CHECK(refused({"OTEL_RESOURCE_ATTRIBUTES=a"}) == "OTEL_RESOURCE_ATTRIBUTES");
}
