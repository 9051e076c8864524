// SPDX-License-Identifier: Apache-2.0
// What every service answers by itself: what it is, whether it is well, and what it does in numbers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "apps/http/engine_counters.hpp"
#include "apps/http/exchange.hpp"
#include "apps/http/service_state.hpp"
#include "apps/telemetry/exporter.hpp"

namespace hillstar::http {

struct ServiceFacts {
  std::string version;
  std::shared_ptr<ServiceState> state;
  std::shared_ptr<Traffic> traffic;
  std::shared_ptr<EngineCounters> counters;
  const Engine* engine = nullptr;           ///< Outlives the server.
  telemetry::Exporter* exporter = nullptr;  ///< The same; null: nothing is exported.
};

/// `/`, `/healthz`, `/readyz` without a token; `/metrics` for read.
std::vector<Route> service_routes(const ServiceFacts& facts);

/// The text format of Prometheus.
std::string metrics_text(const ServiceFacts& facts);
/// The same numbers for a collector; `start`: since when they count.
std::vector<telemetry::Metric> service_metrics(const ServiceFacts& facts, UtcTime start, UtcTime now);

}  // namespace hillstar::http
