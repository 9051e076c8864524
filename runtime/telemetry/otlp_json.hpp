// SPDX-License-Identifier: Apache-2.0
// OTLP as JSON: the bodies of POST /v1/traces and /v1/metrics.
//
// Source: OpenTelemetry protocol specification 1.x, JSON encoding: names in lowerCamelCase, ids in lower-case hex,
// integers of 64 bits as decimal strings, enumerations as numbers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/telemetry/metrics.hpp"
#include "runtime/telemetry/span.hpp"

namespace hillstar::telemetry {

/// Who says it.
struct Resource {
  Attributes attributes;  ///< service.name among them.
  std::string version;    ///< Of the program.
};

/// ExportTraceServiceRequest. `first` and `last` of one vector, so that a batch needs no copy.
std::string traces_json(const Resource& resource, const Span* first, const Span* last);
std::string traces_json(const Resource& resource, const std::vector<Span>& spans);

/// ExportMetricsServiceRequest.
std::string metrics_json(const Resource& resource, const std::vector<Metric>& metrics);

}  // namespace hillstar::telemetry
