// SPDX-License-Identifier: Apache-2.0
// Names of traces and spans, and the W3C header that carries them. Pure: every id follows from the run, the node and
// the attempt, so that a restart, another machine or a later export comes to the same ones.
//
// Source: W3C Trace Context, level 1; OpenTelemetry specification, samplers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "messages/events.hpp"
#include "messages/ids.hpp"

namespace hillstar::telemetry {

struct TraceContext {
  std::string trace_id;  ///< 32 lower-case hex digits, not all zero.
  std::string span_id;   ///< 16 of them, not all zero.
  bool sampled = true;

  bool operator==(const TraceContext&) const = default;
};

/// Of a `traceparent` header; nothing if it is none. Versions to come are read by the parts that they share with this.
std::optional<TraceContext> read_traceparent(std::string_view header);
std::string to_traceparent(const TraceContext& context);

/// Which traces are kept.
struct Sampler {
  double ratio = 1.0;        ///< Part of the traces that begin here.
  bool parent_based = true;  ///< What whoever asked has decided holds.

  bool operator==(const Sampler&) const = default;
};

/// `parent`: what whoever asked has decided; absent: the trace begins here.
bool is_sampled(const Sampler& sampler, std::string_view trace_id, std::optional<bool> parent);

/// Where a run stands in its trace.
struct RunTrace {
  TraceContext self;           ///< The run's own span.
  std::string parent_span_id;  ///< Of whoever asked; empty: the trace begins with the run.

  bool operator==(const RunTrace&) const = default;
};

/// `asked`: the traceparent that the run came with. One that is no traceparent counts as none.
RunTrace run_trace(const RunId& run, const std::optional<std::string>& asked, const Sampler& sampler = {});
/// The same by a run's first event.
RunTrace run_trace(const RunId& run, const RunStarted& started, const Sampler& sampler = {});

/// Of one attempt of a node, or of an item of a map.
std::string attempt_span_id(const RunId& run, const NodeId& node, std::optional<std::uint32_t> item,
                            std::uint32_t attempt);
/// Of a map as a whole, and of the `number`-th wait of a node for a person or a signal.
std::string map_span_id(const RunId& run, const NodeId& node);
std::string wait_span_id(const RunId& run, const NodeId& node, std::optional<std::uint32_t> item, std::uint32_t number);

/// What an attempt hands on to those it calls. `run_traceparent`: of the run's own span; empty, or none: nothing.
std::string traceparent_of(std::string_view run_traceparent, const RunId& run, const NodeId& node,
                           std::optional<std::uint32_t> item, std::uint32_t attempt);

}  // namespace hillstar::telemetry
