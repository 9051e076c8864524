// SPDX-License-Identifier: Apache-2.0
// providers test: asks each provider that could be used here for the list of its models.
#include <boost/json.hpp>

#include "apps/cli/commands.hpp"
#include "apps/cli/json_fields.hpp"
#include "apps/cli/provider_probe.hpp"
#include "apps/cli/registry_file.hpp"
#include "apps/cli/run_variables.hpp"
#include "apps/cli/text.hpp"
#include "messages/json_codec.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

bj::object json_of(const Probe& probe) {
  bj::object out{{"provider", probe.name},
                 {"state", state_of(probe)},
                 {"ok", !probe.failure},
                 {"models", or_null(probe.models)},
                 {"has_model", or_null(probe.has_model)},
                 {"time_ms", probe.took.count()},
                 {"note", probe.note},
                 {"reply", or_null(probe.reply)}};
  if (probe.backend) {
    out["address"] = probe.backend->base_url;
    out["model"] = probe.backend->model;
    out["key_variable"] = probe.backend->key_variable;
  }
  if (probe.failure)
    out["failure"] = bj::object{{"kind", json::enum_name(probe.failure->kind)}, {"message", probe.failure->message}};
  return out;
}

}  // namespace

Result<Exit> test_providers(Context& context, const ProviderArgs& args) {
  HILLSTAR_TRY(const auto registry, load_registry(context.environment));
  HILLSTAR_TRY(auto variables, read_variables(context.environment, {".", {}}, *registry));
  add_from_keyring(variables, missing_keys(*registry, args.names, variables.environment));
  for (const auto& warning : variables.warnings) context.output.warn("warning: " + visible(warning));
  const auto& environment = variables.environment;
  const auto names = names_to_test(*registry, args.names, environment);
  Prober prober(context.clock, *registry, environment);
  bj::array all;
  std::vector<std::vector<std::string>> rows{{"PROVIDER", "STATE", "TIME", "WHAT"}};
  bool good = true;
  for (const auto& name : names) {
    const auto probe = prober.test(name, {args.model, args.call});
    // A local server that nobody asked for may be off; a key that is set should work.
    const bool matters = !args.names.empty() || (probe.backend && !probe.backend->key_variable.empty());
    const bool lacks = !args.model.empty() && probe.has_model == false;
    if (matters && (probe.failure || lacks)) good = false;
    all.push_back(json_of(probe));
    rows.push_back({visible(probe.name), state_of(probe), duration(probe.took), visible(words_of(probe))});
  }
  if (context.output.is_json())
    context.output.data(Json::of(std::move(all)));
  else
    for (const auto& line : table(rows)) context.output.data(line);
  return good ? Exit::done : Exit::unreachable;
}

}  // namespace hillstar::cli
