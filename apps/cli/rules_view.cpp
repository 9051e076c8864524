// SPDX-License-Identifier: Apache-2.0
// show --rules: the rules that a run started with.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "apps/cli/carry.hpp"
#include "apps/cli/commands.hpp"
#include "apps/cli/report.hpp"
#include "apps/cli/selector.hpp"
#include "apps/cli/text.hpp"
#include "runtime/policy/rules.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

/// One line for each rule, by its path in a policy file.
void add_lines(const bj::value& value, const std::string& path, std::vector<std::vector<std::string>>& rows) {
  if (const auto* object = value.if_object(); object != nullptr && !object->empty()) {
    for (const auto& [name, member] : *object)
      add_lines(member, path.empty() ? std::string(name) : path + "." + std::string(name), rows);
    return;
  }
  rows.push_back({visible(path), one_line(json::canonical(value), 200)});
}

}  // namespace

Result<Exit> show_rules(Context& context, const std::string& selector) {
  HILLSTAR_TRY(const auto store, read_store(context));
  HILLSTAR_TRY(const auto row, select_run(*store, selector));
  HILLSTAR_TRY(const auto stored, load_run(*store, row.run));
  const auto& started = stored.state.started;
  auto rules = policy::default_rules();
  if (started.rules_sha256) {
    HILLSTAR_TRY(const auto text, store->read_blob(*started.rules_sha256));
    HILLSTAR_TRY(rules, policy::rules_from_text(text));
  }
  HILLSTAR_TRY(const auto tree, json::parse(policy::to_text(rules)));
  auto& output = context.output;
  if (output.is_json()) {
    output.data(Json::of(bj::object{{"run", row.run.str()}, {"air_gapped", started.air_gapped}, {"rules", tree}}));
    return Exit::done;
  }
  output.data(rules.files.empty()
                  ? "No policy file was there; these rules hold by default."
                  : fmt::format("Read from {} policy file{}:", rules.files.size(), rules.files.size() == 1 ? "" : "s"));
  std::vector<std::vector<std::string>> rows{{"RULE", "VALUE"}};
  add_lines(tree, "", rows);
  rows.push_back({"(this run is air-gapped)", started.air_gapped ? "true" : "false"});
  for (const auto& line : table(rows)) output.data(line);
  return Exit::done;
}

}  // namespace hillstar::cli
