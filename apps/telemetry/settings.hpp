// SPDX-License-Identifier: Apache-2.0
// What the OTEL_* variables say: where spans and metrics go, if they go anywhere, and what they hold.
//
// Source: OpenTelemetry specification, environment variables; OTLP exporter configuration.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "messages/error.hpp"
#include "messages/units.hpp"
#include "runtime/telemetry/otlp_json.hpp"
#include "runtime/telemetry/trace_context.hpp"

namespace hillstar::telemetry {

/// Where one kind of data goes.
struct Target {
  std::string url;  ///< Empty: nowhere.
  /// May hold keys: never shown.
  std::vector<std::pair<std::string, std::string>> headers;
  Millis timeout{10'000};  ///< Of one request.
};

struct Settings {
  Target traces;
  Target metrics;
  Resource resource;
  Sampler sampler;
  bool content = false;      ///< Prompts, replies, arguments and results.
  bool older_names = false;  ///< As SpanOptions::older_names.
  std::string ca_file;       ///< PEM, trusted beside the system's; empty: none.
  std::size_t queue_max = 16'384;
  std::size_t batch_max = 512;
  Millis delay{5'000};  ///< Spans wait at most so long for others to go with.
  Millis metric_interval{60'000};

  [[nodiscard]] bool is_off() const { return traces.url.empty() && metrics.url.empty(); }
};

/// Errors: usage, with the variable as place; never its value, which may be a key.
Result<Settings> settings_of(const std::vector<std::string>& environment, const std::string& version);

/// The same resource without saying where anything goes; for exports into files.
Result<Resource> resource_of(const std::vector<std::string>& environment, const std::string& version);

}  // namespace hillstar::telemetry
