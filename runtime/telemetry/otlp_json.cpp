// SPDX-License-Identifier: Apache-2.0
#include "runtime/telemetry/otlp_json.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "messages/json.hpp"
#include "runtime/telemetry/names.hpp"

namespace hillstar::telemetry {
namespace {

constexpr int kCumulative = 2;
constexpr std::uint32_t kFlagSampled = 0x01;
/// Whether the parent is elsewhere is known, and it is.
constexpr std::uint32_t kFlagKnowsRemote = 0x100;
constexpr std::uint32_t kFlagRemote = 0x200;

/// Writes JSON text; puts the commas between members and elements itself.
class Writer {
 public:
  Writer& key(std::string_view name) {
    comma();
    json::append_string(out_, name);
    out_ += ':';
    fresh_ = true;
    return *this;
  }
  void open(char bracket) {
    comma();
    out_ += bracket;
    fresh_ = true;
  }
  void close(char bracket) {
    out_ += bracket;
    fresh_ = false;
  }
  void text(std::string_view value) {
    comma();
    if (json::is_utf8(value))
      json::append_string(out_, value);
    else
      json::append_string(out_, json::to_utf8(value));
  }
  void raw(std::string_view value) {
    comma();
    out_ += value;
  }
  /// Of 64 bits, which travel as text.
  void wide(std::int64_t value) { raw("\"" + std::to_string(value) + "\""); }
  void wide(std::uint64_t value) { raw("\"" + std::to_string(value) + "\""); }
  void number(double value) {
    comma();
    // What JSON has no number for, the encoding has names for.
    if (std::isfinite(value))
      json::append_number(out_, value);
    else
      out_ += std::isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  }
  void time(UtcTime at) { raw("\"" + std::to_string(std::max<std::int64_t>(at.micros, 0)) + "000\""); }
  std::string take() { return std::move(out_); }

 private:
  void comma() {
    if (!fresh_) out_ += ',';
    fresh_ = false;
  }
  std::string out_;
  bool fresh_ = true;
};

void write_value(Writer& out, const AttributeValue& value) {
  out.open('{');
  if (const auto* text = std::get_if<std::string>(&value)) {
    out.key("stringValue").text(*text);
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    out.key("boolValue").raw(*flag ? "true" : "false");
  } else if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    out.key("intValue").wide(*whole);
  } else if (const auto* number = std::get_if<double>(&value)) {
    out.key("doubleValue").number(*number);
  } else {
    out.key("arrayValue").open('{');
    out.key("values").open('[');
    for (const auto& element : std::get<std::vector<std::string>>(value)) write_value(out, element);
    out.close(']');
    out.close('}');
  }
  out.close('}');
}

void write_attributes(Writer& out, const Attributes& attributes) {
  if (attributes.empty()) return;
  out.key("attributes").open('[');
  for (const auto& [name, value] : attributes) {
    out.open('{');
    out.key("key").text(name);
    out.key("value");
    write_value(out, value);
    out.close('}');
  }
  out.close(']');
}

void write_events(Writer& out, const Span& span) {
  if (!span.events.empty()) {
    out.key("events").open('[');
    for (const auto& event : span.events) {
      out.open('{');
      out.key("timeUnixNano").time(event.at);
      out.key("name").text(event.name);
      write_attributes(out, event.attributes);
      out.close('}');
    }
    out.close(']');
  }
  if (span.dropped_events > 0) out.key("droppedEventsCount").raw(std::to_string(span.dropped_events));
}

void write_links(Writer& out, const Span& span) {
  if (span.links.empty()) return;
  out.key("links").open('[');
  for (const auto& link : span.links) {
    out.open('{');
    out.key("traceId").text(link.to.trace_id);
    out.key("spanId").text(link.to.span_id);
    write_attributes(out, link.attributes);
    out.close('}');
  }
  out.close(']');
}

void write_span(Writer& out, const Span& span) {
  out.open('{');
  out.key("traceId").text(span.context.trace_id);
  out.key("spanId").text(span.context.span_id);
  if (!span.parent_span_id.empty()) out.key("parentSpanId").text(span.parent_span_id);
  auto flags = kFlagKnowsRemote | (span.context.sampled ? kFlagSampled : 0U);
  if (span.parent_is_remote) flags |= kFlagRemote;
  out.key("flags").raw(std::to_string(flags));
  out.key("name").text(span.name);
  out.key("kind").raw(std::to_string(static_cast<int>(span.kind)));
  out.key("startTimeUnixNano").time(span.start);
  out.key("endTimeUnixNano").time(span.end);
  write_attributes(out, span.attributes);
  write_events(out, span);
  write_links(out, span);
  out.key("status").open('{');
  if (span.status != SpanStatus::unset) out.key("code").raw(std::to_string(static_cast<int>(span.status)));
  if (!span.message.empty()) out.key("message").text(span.message);
  out.close('}');
  out.close('}');
}

/// Everything up to the list of what is said, and what closes it.
void begin_document(Writer& out, const Resource& resource, std::string_view kind, std::string_view list) {
  out.open('{');
  out.key("resource" + std::string(kind)).open('[');
  out.open('{');
  out.key("resource").open('{');
  write_attributes(out, resource.attributes);
  out.close('}');
  out.key("scope" + std::string(kind)).open('[');
  out.open('{');
  out.key("scope").open('{');
  out.key("name").text(names::kScope);
  out.key("version").text(resource.version);
  out.close('}');
  out.key(list).open('[');
}

std::string end_document(Writer& out) {
  for (const char bracket : {']', '}', ']', '}', ']', '}'}) out.close(bracket);
  return out.take();
}

void write_points(Writer& out, const std::vector<NumberPoint>& points) {
  out.key("dataPoints").open('[');
  for (const auto& point : points) {
    out.open('{');
    write_attributes(out, point.attributes);
    out.key("startTimeUnixNano").time(point.start);
    out.key("timeUnixNano").time(point.at);
    out.key("asDouble").number(point.value);
    out.close('}');
  }
  out.close(']');
}

void write_point(Writer& out, const HistogramPoint& point, const std::vector<double>& bounds) {
  out.open('{');
  write_attributes(out, point.attributes);
  out.key("startTimeUnixNano").time(point.start);
  out.key("timeUnixNano").time(point.at);
  out.key("count").wide(point.count);
  out.key("sum").number(point.sum);
  if (point.min) out.key("min").number(*point.min);
  if (point.max) out.key("max").number(*point.max);
  out.key("bucketCounts").open('[');
  for (const auto count : point.buckets) out.wide(count);
  out.close(']');
  out.key("explicitBounds").open('[');
  for (const auto bound : bounds) out.number(bound);
  out.close(']');
  out.close('}');
}

void write_metric(Writer& out, const Metric& metric) {
  out.open('{');
  out.key("name").text(metric.name);
  if (!metric.description.empty()) out.key("description").text(metric.description);
  if (!metric.unit.empty()) out.key("unit").text(metric.unit);
  if (const auto* gauge = std::get_if<Gauge>(&metric.data)) {
    out.key("gauge").open('{');
    write_points(out, gauge->points);
  } else if (const auto* sum = std::get_if<Sum>(&metric.data)) {
    out.key("sum").open('{');
    write_points(out, sum->points);
    out.key("aggregationTemporality").raw(std::to_string(kCumulative));
    out.key("isMonotonic").raw("true");
  } else {
    const auto& histogram = std::get<Histogram>(metric.data);
    out.key("histogram").open('{');
    out.key("dataPoints").open('[');
    for (const auto& point : histogram.points) write_point(out, point, histogram.bounds);
    out.close(']');
    out.key("aggregationTemporality").raw(std::to_string(kCumulative));
  }
  out.close('}');
  out.close('}');
}

}  // namespace

std::string traces_json(const Resource& resource, const Span* first, const Span* last) {
  Writer out;
  begin_document(out, resource, "Spans", "spans");
  for (; first != last; ++first) write_span(out, *first);
  return end_document(out);
}

std::string traces_json(const Resource& resource, const std::vector<Span>& spans) {
  return traces_json(resource, spans.data(), spans.data() + spans.size());
}

std::string metrics_json(const Resource& resource, const std::vector<Metric>& metrics) {
  Writer out;
  begin_document(out, resource, "Metrics", "metrics");
  for (const auto& metric : metrics) write_metric(out, metric);
  return end_document(out);
}

}  // namespace hillstar::telemetry
