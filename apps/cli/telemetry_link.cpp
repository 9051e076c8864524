// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/telemetry_link.hpp"

#include <unistd.h>

#include "apps/cli/environment.hpp"
#include "apps/cli/version.hpp"
#include "persistence/run_start.hpp"
#include "runtime/platform/clock.hpp"
#include "runtime/platform/id_source.hpp"
#include "runtime/policy/redaction.hpp"
#include "runtime/tools/policy_files.hpp"

namespace hillstar::cli {
namespace {

Result<std::unique_ptr<telemetry::Exporter>> begin(Engine& engine, telemetry::ExporterOptions options) {
  const auto environment = process_environment();
  HILLSTAR_TRY(const auto folder, current_folder());
  HILLSTAR_TRY(const auto rules, tools::load_rules(folder, environment));
  options.reach = policy::reach_of(rules.get());
  options.always_air_gapped = rules && rules->air_gap.always;
  options.redactor = policy::redactor_of(environment, policy::rule_choice(environment, rules.get()));
  options.network = std::make_shared<const providers::NetworkSettings>(providers::network_settings(environment));
  auto& told = options.settings.resource.attributes;
  // Numbers that count up are told apart by who counts.
  told.emplace_back("service.instance.id", SystemIdSource().new_run(SystemClock().utc_now()).str());
  told.emplace_back("process.pid", std::int64_t{::getpid()});
  return telemetry::Exporter::start(engine, std::move(options));
}

}  // namespace

std::optional<telemetry::Settings> telemetry_settings(const std::vector<std::string>& environment, EngineNotes& notes) {
  auto settings = telemetry::settings_of(environment, std::string(version()));
  if (!settings) {
    notes.add("warning: " + to_string(settings.error()));
    return std::nullopt;
  }
  if (settings->is_off()) return std::nullopt;
  return *std::move(settings);
}

std::unique_ptr<telemetry::Exporter> start_export(Engine& engine, const telemetry::Settings& settings,
                                                  const std::shared_ptr<EngineNotes>& notes, UtcTime since) {
  telemetry::ExporterOptions options;
  options.settings = settings;
  options.since = since;
  options.log = [notes](const std::string& line) { notes->add(line); };
  auto exporter = begin(engine, std::move(options));
  if (exporter) return *std::move(exporter);
  notes->add("warning: nothing is exported: " + to_string(exporter.error()));
  return nullptr;
}

std::string trace_id_of(const persistence::EventStore& store, const RunId& run) {
  const auto started = persistence::read_run_start(store, run);
  return started ? telemetry::run_trace(run, *started).self.trace_id : std::string();
}

}  // namespace hillstar::cli
