// SPDX-License-Identifier: Apache-2.0
// Tells a collector what an engine commits, as it happens: spans and metrics over OTLP/HTTP.
//
// Nothing waits for it: commits go into a bounded queue, spans into another, and what does not fit is counted and
// dropped. What was dropped or lost in a crash is still in the store, and can be exported from there with the same ids.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/engine.hpp"
#include "apps/telemetry/settings.hpp"
#include "messages/error.hpp"
#include "providers/http/transport.hpp"
#include "runtime/policy/air_gap.hpp"
#include "runtime/telemetry/metrics.hpp"
#include "runtime/telemetry/run_spans.hpp"

namespace hillstar::telemetry {

/// Commits that may wait to be looked at, and bytes of what is large in them.
inline constexpr std::size_t kCommitsMax = 8'192;
inline constexpr std::size_t kCommitBytesMax = 64U << 20U;

struct ExporterOptions {
  Settings settings;
  policy::Redactor redactor;  ///< For every text that leaves.
  /// Whom the operator lets air-gapped runs reach; whether nothing else may be reached at all.
  policy::Reach reach;
  bool always_air_gapped = false;
  std::shared_ptr<const providers::NetworkSettings> network;
  std::function<void(const std::string&)> log;      ///< One line for the operator; any thread.
  UtcTime since;                                    ///< When the engine was about to be started.
  Millis farewell{5'000};                           ///< At the end: for what has not been sent.
  std::shared_ptr<providers::Transport> transport;  ///< Null: one of its own.
};

class Exporter {
 public:
  struct Counts {
    std::uint64_t exported = 0;  ///< Spans that the collector took.
    std::uint64_t dropped = 0;   ///< For which there was no room, or no collector.
    std::uint64_t refused = 0;   ///< That it did not want.
    std::uint64_t withheld = 0;  ///< Runs that are air-gapped from it.
    std::uint64_t commits_dropped = 0;
  };

  /// The engine must outlive it; its last commits are told of if it is stopped before this ends.
  /// Errors: air_gapped, for a place that must not be reached; provider_config, for an address that is none.
  static Result<std::unique_ptr<Exporter>> start(Engine& engine, ExporterOptions options);
  virtual ~Exporter() = default;

  [[nodiscard]] virtual Counts counts() const = 0;
  /// Further metrics, asked for on the exporter's thread; empty: none any more, once this has returned.
  virtual void also_tell(std::function<std::vector<Metric>()> metrics) = 0;
};

}  // namespace hillstar::telemetry
