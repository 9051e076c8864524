// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/why_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "apps/cli/carry.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/report.hpp"
#include "apps/cli/run_parts.hpp"
#include "apps/cli/run_words.hpp"
#include "apps/cli/selector.hpp"
#include "apps/cli/store_owner.hpp"
#include "apps/cli/text.hpp"
#include "messages/json_codec.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/talk.hpp"
#include "runtime/run/why.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

/// Columns of one reason; longer messages are cut, `logs` has them whole.
constexpr std::size_t kReasonColumns = 320;
constexpr std::size_t kStepsMax = 8;

/// A command line and what it is good for.
struct Command {
  std::string remedy;
  std::string line;
  std::string what;
};

/// The least that the run's budget must be for the call that it refused.
std::string enough_money(const StoredRun& stored) {
  for (auto it = stored.history.rbegin(); it != stored.history.rend(); ++it)
    if (const auto* event = std::get_if<BudgetExhausted>(&it->event)) return to_dollars(event->spent + event->needed);
  return "USD";
}

/// Whether the answer of `who` would count.
bool may_answer(const StoredRun& stored, const run::Step& step, const std::string& who) {
  const auto& approval = stored.state.nodes[step.unit->node].approval;
  return approval && run::would_count(*approval, who, step.remedy != run::Remedy::reject);
}

Command command_of(const StoredRun& stored, const run::Step& step, bool hosted) {
  const auto& run = stored.run.str();
  const auto unit = step.unit ? run::name_of(stored.state, *step.unit) : std::string();
  const auto node = step.unit ? shell_word(stored.state.plan->nodes[step.unit->node].id.str()) : std::string();
  const std::string remedy(json::enum_name(step.remedy));
  const auto is = [&](const std::string& line, const std::string& what) {
    return Command{remedy, "hillstar-actors " + line, what};
  };
  switch (step.remedy) {
    case run::Remedy::approve:
      return is("approve " + run + " " + node, "let it run");
    case run::Remedy::reject:
      return is("reject " + run + " " + node + " --reason WHY", "let it fail");
    case run::Remedy::settle_run_again:
      return is("resume " + run + " --settle " + shell_word(unit + "=run-again"), "it had no effect: run it again");
    case run::Remedy::settle_failed:
      return is("resume " + run + " --settle " + shell_word(unit + "=failed"), "it shall not run again");
    case run::Remedy::raise_budget:
      return is("resume " + run + " --budget " + enough_money(stored), "at least so much, in all, for its next call");
    case run::Remedy::resume:
      if (hosted && stored.state.status != run::RunStatus::paused)
        return is("events " + run + " --follow", "watch what happens");
      return is("resume " + run, "go on with it");
    case run::Remedy::new_run:
      return is("resume " + run, "a new run takes over what is done, and goes on");
    case run::Remedy::run_again_from:
      return is("fork " + run + " --from " + node, "a new run does this node again, and all after it");
    case run::Remedy::why:
      return is("why " + run + " " + node, "why that one");
    case run::Remedy::result:
      return is("result " + run + (node.empty() ? "" : " " + node), "what it made");
    case run::Remedy::input:
      return is("input " + run + " " + shell_word(run::question_of(stored.state, *step.unit).request) + " JSON",
                "answer it");
    case run::Remedy::signal:
      return is("signal " + run + " " + shell_word(run::signal_of(stored.state.plan->nodes[step.unit->node])),
                "give it the signal");
    case run::Remedy::log:
      return is("logs " + run + " " + node, "its output and all that happened");
  }
  return {};
}

struct Answer {
  std::optional<run::UnitRef> unit;
  std::string status;
  pid_t host = 0;  ///< 0: nobody has the store open.
  run::Why why;
  std::vector<Command> next;
};

/// Whether the run, or the node, would go on by itself if a process drove it.
bool wants_process(const run::RunState& state, const std::optional<run::UnitRef>& unit) {
  if (run::is_terminal(state) || run::waits_for_person(state)) return false;
  if (!unit) return true;
  const auto status = state.nodes[unit->node].status;
  return status != run::NodeStatus::completed && status != run::NodeStatus::failed &&
         status != run::NodeStatus::skipped;
}

/// Like that of a node: once its map or the run has ended, an item without an end was not run, or was stopped.
std::string status_of_item(const run::RunState& state, const run::UnitRef& unit) {
  const auto& map = state.nodes[unit.node];
  const auto& item = map.map->units[*unit.item];
  const bool open = map.status == run::NodeStatus::mapping && !run::is_terminal(state);
  const bool has_end = item.status == run::NodeStatus::completed || item.status == run::NodeStatus::failed ||
                       item.status == run::NodeStatus::lost;
  if (open || has_end) return std::string(run::status_name(item.status));
  return item.attempt == 0 ? "not_run" : "stopped";
}

Answer answer_of(const persistence::EventStore& store, const StoredRun& stored, const std::optional<run::UnitRef>& unit,
                 pid_t host, const std::string& who) {
  const auto& state = stored.state;
  Answer answer{unit, std::string(run::status_name(state)), host, run::why(state, stored.history, unit), {}};
  if (!unit) add_parts(store, stored, answer.why);
  if (unit && unit->item)
    answer.status = status_of_item(state, *unit);
  else if (unit)
    answer.status = run::status_name(state, state.nodes[unit->node]);
  auto steps = answer.why.steps;
  const run::Step resume{run::Remedy::resume, std::nullopt};
  if (host == 0 && wants_process(state, unit) && std::find(steps.begin(), steps.end(), resume) == steps.end())
    steps.insert(steps.begin(), resume);
  for (const auto& step : steps) {
    const bool asks = step.remedy == run::Remedy::approve || step.remedy == run::Remedy::reject;
    const bool itself = step.remedy == run::Remedy::why && step.unit == unit;
    if ((asks && !may_answer(stored, step, who)) || itself) continue;
    if (answer.next.size() < kStepsMax) answer.next.push_back(command_of(stored, step, host != 0));
  }
  return answer;
}

Json object_of(const StoredRun& stored, const Answer& answer) {
  bj::object object{{"run", stored.run.str()},
                    {"workflow", stored.state.started.workflow.str()},
                    {"run_status", std::string(run::status_name(stored.state))},
                    {"status", answer.status},
                    {"left_out", answer.why.left_out}};
  if (answer.unit) object["node"] = stored.state.plan->nodes[answer.unit->node].id.str();
  if (answer.unit && answer.unit->item) object["item"] = *answer.unit->item;
  if (answer.host > 0) object["host_process"] = answer.host;
  bj::array reasons;
  for (const auto& reason : answer.why.reasons) {
    bj::object entry{{"depth", reason.depth}, {"kind", reason.kind}, {"text", reason.text}};
    if (reason.unit) entry["node"] = stored.state.plan->nodes[reason.unit->node].id.str();
    if (reason.unit && reason.unit->item) entry["item"] = *reason.unit->item;
    if (reason.seq) entry["seq"] = *reason.seq;
    if (reason.at) entry["at"] = to_rfc3339(*reason.at);
    reasons.push_back(std::move(entry));
  }
  object["reasons"] = std::move(reasons);
  bj::array next;
  for (const auto& command : answer.next)
    next.push_back({{"remedy", command.remedy}, {"command", command.line}, {"what", command.what}});
  object["next"] = std::move(next);
  return Json::of(object);
}

void print(Output& output, const StoredRun& stored, const Answer& answer) {
  const auto run = fmt::format("run {} ({})", stored.run.str(), visible(stored.state.started.workflow.str()));
  const auto subject =
      answer.unit ? fmt::format("{} of {}", visible(run::name_of(stored.state, *answer.unit)), run) : run;
  output.data(output.paint_data(Tone::strong, subject + ": " + answer.status));
  for (const auto& reason : answer.why.reasons) {
    std::string line(2 + 2 * std::size_t{reason.depth}, ' ');
    line += one_line(reason.text, kReasonColumns);
    if (reason.seq) line += output.paint_data(Tone::faint, fmt::format("  [event {}]", *reason.seq));
    output.data(line);
  }
  if (answer.why.left_out > 0) output.data(fmt::format("  ... and {} more", answer.why.left_out));
  if (answer.host == 0 && wants_process(stored.state, answer.unit))
    output.data("  No process has the store open: nothing goes on until one does.");
  if (answer.next.empty()) return;
  output.data("");
  output.data("Next:");
  std::vector<std::vector<std::string>> rows;
  for (const auto& command : answer.next) rows.push_back({"  " + visible(command.line), command.what});
  for (const auto& line : table(rows)) output.data(line);
}

}  // namespace

Result<Exit> explain_why(Context& context, const WhyArgs& args) {
  HILLSTAR_TRY(const auto store, read_store(context));
  HILLSTAR_TRY(const auto row, select_run(*store, args.run));
  HILLSTAR_TRY(const auto stored, load_run(*store, row.run));
  std::optional<run::UnitRef> unit;
  if (!args.node.empty()) {
    HILLSTAR_TRY(unit, find_unit_named(stored, args.node));
  }
  const auto answer = answer_of(*store, stored, unit, owner_of(context.store), person());
  if (context.output.is_json())
    context.output.data(object_of(stored, answer));
  else
    print(context.output, stored, answer);
  return Exit::done;
}

Result<Json> why_document(const persistence::EventStore& store, const StoredRun& stored, const std::string& unit_name,
                          const Asker& asker) {
  std::optional<run::UnitRef> unit;
  if (!unit_name.empty()) {
    HILLSTAR_TRY(unit, find_unit_named(stored, unit_name));
  }
  return object_of(stored, answer_of(store, stored, unit, asker.host, asker.who));
}

}  // namespace hillstar::cli
