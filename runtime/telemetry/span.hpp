// SPDX-License-Identifier: Apache-2.0
// A span as OpenTelemetry means it, in plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "messages/units.hpp"
#include "runtime/telemetry/trace_context.hpp"

namespace hillstar::telemetry {

/// Of one span; more are counted and not kept.
inline constexpr std::size_t kSpanEventsMax = 128;
/// Of one attribute; longer texts are cut. Contents of prompts and replies may have more.
inline constexpr std::size_t kTextBytesMax = 1'024;
inline constexpr std::size_t kContentBytesMax = 64U << 10U;

using AttributeValue = std::variant<std::string, bool, std::int64_t, double, std::vector<std::string>>;
using Attributes = std::vector<std::pair<std::string, AttributeValue>>;

/// The numbers are those of the protocol.
enum class SpanKind : std::uint8_t { internal = 1, server = 2, client = 3 };
enum class SpanStatus : std::uint8_t { unset = 0, ok = 1, error = 2 };

struct SpanEvent {
  UtcTime at;
  std::string name;
  Attributes attributes;
};

struct SpanLink {
  TraceContext to;
  Attributes attributes;
};

/// What histograms count of a model call.
struct CallFacts {
  Attributes attributes;  ///< Operation, provider, models; error.type of one that failed.
  double seconds = 0;
  std::optional<std::uint64_t> input_tokens;
  std::optional<std::uint64_t> output_tokens;
};

struct Span {
  TraceContext context;
  std::string parent_span_id;  ///< Empty: the trace begins with it.
  bool parent_is_remote = false;
  std::string name;
  SpanKind kind = SpanKind::internal;
  UtcTime start;
  UtcTime end;  ///< Not before `start`.
  SpanStatus status = SpanStatus::unset;
  std::string message;  ///< Of an error.
  Attributes attributes;
  std::vector<SpanEvent> events;
  std::uint32_t dropped_events = 0;
  std::vector<SpanLink> links;
  std::optional<CallFacts> call;  ///< Of a model call.
};

}  // namespace hillstar::telemetry
