// SPDX-License-Identifier: Apache-2.0
// Spans and metrics of the engine that a command hosts, as the OTEL_* variables of its process say.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/engine.hpp"
#include "apps/cli/engine_notes.hpp"
#include "apps/telemetry/exporter.hpp"

namespace hillstar::cli {

/// Nothing: nothing is exported. What is wrong with the variables is said, and keeps nobody from work.
std::optional<telemetry::Settings> telemetry_settings(const std::vector<std::string>& environment, EngineNotes& notes);

/// Null: it may not be, which is said. `since`: before the engine was started.
std::unique_ptr<telemetry::Exporter> start_export(Engine& engine, const telemetry::Settings& settings,
                                                  const std::shared_ptr<EngineNotes>& notes, UtcTime since);

/// Of the run's trace; empty: there is no such run.
std::string trace_id_of(const persistence::EventStore& store, const RunId& run);

}  // namespace hillstar::cli
