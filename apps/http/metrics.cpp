// SPDX-License-Identifier: Apache-2.0
// The numbers of a service for Prometheus: made when they are asked for, of what was counted as it happened.
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>

#include "apps/http/service_routes.hpp"

namespace hillstar::http {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

using Labels = std::vector<ClientMetric::Label>;

class Families {
 public:
  MetricFamily& add(const char* name, const char* help, MetricType type) {
    families_.push_back({std::string("hillstar_") + name, help, type, {}});
    return families_.back();
  }
  void gauge(const char* name, const char* help, double value) { put(add(name, help, MetricType::Gauge), {}, value); }
  void counter(const char* name, const char* help, std::uint64_t value) {
    put(add(name, help, MetricType::Counter), {}, static_cast<double>(value));
  }
  static void put(MetricFamily& family, Labels labels, double value) {
    ClientMetric metric;
    metric.label = std::move(labels);
    (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    family.metric.push_back(std::move(metric));
  }
  static void put(MetricFamily& family, Labels labels, const Traffic::Count& count) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.histogram.sample_count = count.answers;
    metric.histogram.sample_sum = static_cast<double>(count.micros) / 1e6;
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < count.within.size(); ++i) {
      below += count.within[i];
      const bool last = i == Traffic::kMillis.size();
      metric.histogram.bucket.push_back(
          {below, last ? std::numeric_limits<double>::infinity() : Traffic::kMillis[i] / 1000.0});
    }
    family.metric.push_back(std::move(metric));
  }
  [[nodiscard]] std::string text() const { return prometheus::TextSerializer().Serialize(families_); }
  [[nodiscard]] const std::vector<MetricFamily>& all() const { return families_; }

 private:
  std::vector<MetricFamily> families_;
};

void add_engine(Families& families, const EngineCounters::Numbers& numbers) {
  auto& live = families.add("runs", "Runs without an end, by status.", MetricType::Gauge);
  for (const char* status : {"queued", "running", "paused", "waiting", "cancelling", "timing_out", "failing"}) {
    const auto found = numbers.live.find(status);
    Families::put(live, {{"status", status}}, found == numbers.live.end() ? 0.0 : static_cast<double>(found->second));
  }
  auto& ended = families.add("runs_ended_total", "Runs that ended, by how.", MetricType::Counter);
  for (const char* status : {"completed", "failed", "cancelled", "timed_out"}) {
    const auto found = numbers.ended.find(status);
    Families::put(ended, {{"status", status}}, found == numbers.ended.end() ? 0.0 : static_cast<double>(found->second));
  }
  families.counter("runs_started_total", "Runs that started.", numbers.started);
  families.counter("commits_total", "Writes of facts to the log.", numbers.commits);
  families.counter("events_committed_total", "Facts in the log.", numbers.events);
  Families::put(families.add("commit_latency_seconds", "From a fact to its durability.", MetricType::Histogram), {},
                numbers.latency);
}

void add_streams(Families& families, const std::vector<StreamStatus>& streams) {
  const auto gauge = [&](const char* name, const char* help, auto value) {
    auto& family = families.add(name, help, MetricType::Gauge);
    for (const auto& stream : streams)
      Families::put(family, {{"stream", stream.declared.stream}}, static_cast<double>(value(stream)));
  };
  gauge("stream_running", "Runs of a stream under way.", [](const StreamStatus& s) { return s.running; });
  gauge("stream_queued", "Runs of a stream that wait their turn.", [](const StreamStatus& s) { return s.queued; });
  gauge("stream_waiting_callers", "Triggers that wait for room.",
        [](const StreamStatus& s) { return s.waiting_callers; });
  gauge("stream_held", "1: the stream is held back.", [](const StreamStatus& s) { return s.held ? 1 : 0; });
  auto& triggers =
      families.add("stream_triggers_total", "Triggers of a stream, by what became of them.", MetricType::Counter);
  for (const auto& s : streams) {
    for (const auto& [outcome, count] :
         {std::pair{"accepted", s.accepted}, std::pair{"repeated", s.repeated}, std::pair{"refused", s.refused},
          std::pair{"dropped", s.dropped}, std::pair{"chain_ended", s.chains_ended}})
      Families::put(triggers, {{"stream", s.declared.stream}, {"outcome", outcome}}, static_cast<double>(count));
  }
}

void add_traffic(Families& families, const Traffic& traffic) {
  const auto counts = traffic.counts();
  auto& requests = families.add("http_requests_total", "Requests that were answered.", MetricType::Counter);
  for (const auto& [key, count] : counts)
    Families::put(requests, {{"route", key.first}, {"status", std::to_string(key.second)}},
                  static_cast<double>(count.answers));
  auto& seconds =
      families.add("http_request_seconds", "From the first byte of a request to its answer.", MetricType::Histogram);
  for (const auto& [key, count] : counts)
    Families::put(seconds, {{"route", key.first}, {"status", std::to_string(key.second)}}, count);
  families.gauge("http_connections", "Open connections.", static_cast<double>(traffic.connections));
  families.gauge("http_streams", "Connections that are streams of events.", static_cast<double>(traffic.streams));
  families.gauge("http_requests_waiting", "Requests that wait for an answer.", static_cast<double>(traffic.waiting));
  families.counter("http_connections_refused_total", "Connections above the limits.", traffic.connections_refused);
  families.counter("http_streams_cut_total", "Streams whose client was too slow.", traffic.streams_cut);
}

void add_exporter(Families& families, const telemetry::Exporter::Counts& counts) {
  auto& spans = families.add("telemetry_spans_total", "Spans, by what became of them.", MetricType::Counter);
  for (const auto& [outcome, count] : {std::pair{"exported", counts.exported}, std::pair{"dropped", counts.dropped},
                                       std::pair{"refused", counts.refused}})
    Families::put(spans, {{"outcome", outcome}}, static_cast<double>(count));
  families.counter("telemetry_commits_dropped_total", "Commits that no span tells of.", counts.commits_dropped);
  families.counter("telemetry_runs_withheld_total", "Air-gapped runs that are not exported.", counts.withheld);
}

Families families_of(const ServiceFacts& facts) {
  Families families;
  Families::put(families.add("build_info", "1, with the version.", MetricType::Gauge), {{"version", facts.version}},
                1.0);
  add_engine(families, facts.counters->numbers());
  add_streams(families, facts.engine->streams());
  add_traffic(families, *facts.traffic);
  if (const auto free = facts.state->disk_free())
    families.gauge("disk_free_bytes", "Free space for the store.", static_cast<double>(*free));
  families.gauge("ready", "1: /readyz says so.", facts.state->not_ready().empty() ? 1.0 : 0.0);
  if (facts.exporter != nullptr) add_exporter(families, facts.exporter->counts());
  return families;
}

telemetry::Attributes attributes_of(const ClientMetric& metric) {
  telemetry::Attributes attributes;
  for (const auto& label : metric.label) attributes.emplace_back(label.name, label.value);
  return attributes;
}

telemetry::HistogramPoint point_of(const ClientMetric& metric, telemetry::Histogram& histogram, UtcTime start,
                                   UtcTime now) {
  telemetry::HistogramPoint point;
  point.attributes = attributes_of(metric);
  point.start = start;
  point.at = now;
  point.count = metric.histogram.sample_count;
  point.sum = metric.histogram.sample_sum;
  histogram.bounds.clear();
  std::uint64_t below = 0;
  for (const auto& bucket : metric.histogram.bucket) {
    point.buckets.push_back(bucket.cumulative_count - below);
    below = bucket.cumulative_count;
    if (bucket.upper_bound != std::numeric_limits<double>::infinity()) histogram.bounds.push_back(bucket.upper_bound);
  }
  return point;
}

}  // namespace

std::string metrics_text(const ServiceFacts& facts) { return families_of(facts).text(); }

std::vector<telemetry::Metric> service_metrics(const ServiceFacts& facts, UtcTime start, UtcTime now) {
  std::vector<telemetry::Metric> metrics;
  const auto families = families_of(facts);
  for (const auto& family : families.all()) {
    telemetry::Metric made{family.name, family.help, {}, telemetry::Gauge{}};
    if (family.type == MetricType::Histogram) {
      telemetry::Histogram histogram;
      for (const auto& metric : family.metric) histogram.points.push_back(point_of(metric, histogram, start, now));
      made.unit.push_back('s');
      made.data = std::move(histogram);
    } else {
      const bool counts = family.type == MetricType::Counter;
      std::vector<telemetry::NumberPoint> points;
      for (const auto& metric : family.metric)
        points.push_back({attributes_of(metric), start, now, counts ? metric.counter.value : metric.gauge.value});
      if (counts)
        made.data = telemetry::Sum{std::move(points)};
      else
        made.data = telemetry::Gauge{std::move(points)};
    }
    if (!family.metric.empty()) metrics.push_back(std::move(made));
  }
  return metrics;
}

}  // namespace hillstar::http
