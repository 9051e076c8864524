// SPDX-License-Identifier: Apache-2.0
// replay --live: the models are asked again in a run that leaves nothing behind; tools and people answer as recorded.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>

#include "actors/engine.hpp"
#include "apps/cli/carry.hpp"
#include "apps/cli/commands.hpp"
#include "apps/cli/live_run.hpp"
#include "apps/cli/registry_file.hpp"
#include "apps/cli/replay_views.hpp"
#include "apps/cli/selector.hpp"
#include "apps/cli/text.hpp"
#include "apps/cli/text_diff.hpp"
#include "messages/json_codec.hpp"
#include "persistence/overlay_store.hpp"
#include "runtime/run/run.hpp"
#include "runtime/stream/scope.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

constexpr std::size_t kDiffLinesMax = 60;
constexpr std::size_t kDiffColumnsMax = 200;

/// What the tools of a run gave, by unit and attempt. Immutable once it is made.
class RecordedTools {
 public:
  explicit RecordedTools(const std::vector<Recorded>& history) {
    for (const auto& recorded : history) {
      if (const auto* completed = std::get_if<NodeCompleted>(&recorded.event))
        keep(*completed, {completed->result, std::nullopt, false});
      if (const auto* failed = std::get_if<NodeAttemptFailed>(&recorded.event))
        keep(*failed, {failed->result, failed->failure, false});
    }
  }
  /// That of the attempt, else of the last one that has an end.
  tools::ToolReply reply(const tools::ToolCall& call) const {
    const auto unit = replies_.find(call.node);
    if (unit == replies_.end())
      return {{{}, Json::from_canonical("{}")},
              Failure{FailureClass::not_found, "this node did not run before, so there is no result to give", {}},
              false};
    const auto attempt = unit->second.find(call.attempt);
    auto reply = attempt == unit->second.end() ? unit->second.rbegin()->second : attempt->second;
    if (reply.failure) reply.failure->retry_after.reset();
    return reply;
  }

 private:
  template <class T>
  void keep(const T& event, tools::ToolReply reply) {
    replies_[to_string(Unit{event.node, event.item})][event.attempt] = std::move(reply);
  }
  std::map<std::string, std::map<std::uint32_t, tools::ToolReply>> replies_;
};

/// The tools that there are, each answering from the record.
tools::Catalog recorded_catalog(const std::vector<Recorded>& history) {
  const auto replies = std::make_shared<const RecordedTools>(history);
  auto catalog = tools::standard_catalog();
  for (auto& [name, entry] : catalog)
    entry = {[replies](const tools::ToolCall& call, const tools::ToolContext&) { return replies->reply(call); }, false};
  // State that runs share is not what it was then; of no scope anything is changed.
  catalog["state"] = catalog["file_read"];
  return catalog;
}

StartRun start_of(const StoredRun& stored, const std::string& workflow_text) {
  StartRun request;
  auto plan = *stored.state.plan;
  for (auto& node : plan.nodes) node.outputs.clear();  // nothing is written outside
  request.plan = std::make_shared<const workflow::Plan>(std::move(plan));
  request.workflow_text = workflow_text;
  request.workflow_file = stored.state.started.workflow_file;
  request.inputs = stored.state.started.inputs;
  request.workspace = stored.state.started.workspace;
  request.started_by = stored.state.started.started_by;
  request.isolation = stored.state.started.isolation;
  if (const auto stream = stream::shared_stream_of(stored.state.started); !stream.empty())
    request.state_stream = stream;
  for (const auto& recorded : stored.history)
    if (const auto* inherited = std::get_if<NodeInherited>(&recorded.event)) request.inherited.push_back(*inherited);
  return request;
}

/// Carries the new run to its end, or to where only a person could go on who did not before.
class Conductor {
 public:
  Conductor(Engine& engine, const StoredRun& stored, Output& output) : engine_(engine), output_(output) {
    for (const auto& recorded : stored.history)
      if (const auto* answer = std::get_if<ApprovalAnswered>(&recorded.event)) answers_[answer->node] = *answer;
    live_.state = run::initial(stored.state.plan);
  }

  Result<void> carry(const RunId& run) {
    live_.run = run;
    HILLSTAR_TRY(const auto ticket, engine_.follow(run, 1, [this](const FeedItem& item) {
      {
        const std::lock_guard lock(mutex_);
        items_.push_back(item);
      }
      changed_.notify_one();
    }));
    auto done = wait(run);
    engine_.unfollow(ticket);
    return done;
  }

 private:
  Result<void> wait(const RunId& run) {
    while (true) {
      FeedItem item;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !items_.empty(); });
        item = std::move(items_.front());
        items_.pop_front();
      }
      if (const auto* parked = std::get_if<RunParked>(&item)) return parked->error;
      if (std::holds_alternative<FeedCut>(item)) return Error{Errc::internal, "The run could not be followed."};
      const auto* event = std::get_if<FeedEvent>(&item);
      if (event == nullptr) continue;
      live_.observe(event->recorded);
      if (const auto line = progress_line(live_, event->recorded)) output_.say(*line);
      if (const auto* asked = std::get_if<ApprovalRequested>(&event->recorded.event)) answer(run, *asked);
      if (run::is_terminal(live_.state)) return {};
      if (live_.state.running == 0 && run::waits_for_person(live_.state) && told_ == 0) return {};
      if (std::holds_alternative<ApprovalAnswered>(event->recorded.event) && told_ > 0) --told_;
    }
  }

  void answer(const RunId& run, const ApprovalRequested& asked) {
    const auto before = answers_.find(asked.node);
    if (before == answers_.end()) return;
    const auto& given = before->second;
    ++told_;
    const auto node = live_.state.index->at(asked.node.str());
    const auto facts = engine_.tell(
        run, Input{SystemClock().utc_now(), 0, ApprovalGiven{node, given.approved, given.who, given.reason}});
    if (!facts) --told_;
  }

  Engine& engine_;
  Output& output_;
  std::map<NodeId, ApprovalAnswered> answers_;
  LiveRun live_;
  std::size_t told_ = 0;  ///< Answers on their way.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<FeedItem> items_;
};

void print(Output& output, const std::vector<UnitChange>& changes, bool diff) {
  std::vector<std::vector<std::string>> rows{{"NODE", "", "STATUS", "MODEL", "FINISH", "TOKENS", "COST"}};
  for (const auto& change : changes) {
    const auto row = [&](const char* which, const UnitView& view) {
      rows.push_back({which[0] == 'b' ? one_line(change.unit, 48) : "", which, one_line(view.status, 40),
                      one_line(view.model, 40), one_line(view.finish, 20), std::to_string(view.tokens),
                      view.cost.count > 0 ? money(view.cost) : ""});
    };
    row("before", change.before);
    row("now", change.now);
  }
  for (const auto& line : table(rows)) output.data(line);
  if (!diff) return;
  for (const auto& change : changes) {
    const auto lines = unified_diff(change.before.text, change.now.text, kDiffLinesMax);
    output.data("");
    output.data(visible(change.unit) + (lines.empty() ? ": the same text" : ":"));
    for (const auto& line : lines) output.data("  " + cut_line(line, kDiffColumnsMax));
  }
}

Json as_json(const RunId& run, std::string_view status, const std::vector<UnitChange>& changes, bool diff) {
  bj::array nodes;
  for (const auto& change : changes) {
    bj::object entry{{"node", change.unit},
                     {"changed", change.before != change.now},
                     {"before", view_object(change.before)},
                     {"now", view_object(change.now)}};
    if (diff) {
      bj::array lines;
      for (const auto& line : unified_diff(change.before.text, change.now.text, kDiffLinesMax))
        lines.push_back(bj::string(json::to_utf8(line)));
      entry["diff"] = std::move(lines);
    }
    nodes.push_back(std::move(entry));
  }
  return Json::of(bj::object{{"run", run.str()}, {"status", std::string(status)}, {"nodes", std::move(nodes)}});
}

}  // namespace

Result<Exit> replay_live_run(Context& context, const ReplayArgs& args) {
  HILLSTAR_TRY(const auto below, read_store(context));
  HILLSTAR_TRY(const auto row, select_run(*below, args.run));
  HILLSTAR_TRY(const auto stored, load_run(*below, row.run));
  const auto& started = stored.state.started;
  HILLSTAR_TRY(const auto workflow_text, below->read_blob(started.workflow_sha256));
  auto request = start_of(stored, workflow_text);
  HILLSTAR_TRY(request.environment, variables_for(context, started.workflow_file, started.workspace, args.env_file,
                                                  stored.state.plan.get()));
  persistence::OverlayStore store(below);
  EngineOptions options;
  options.catalog = recorded_catalog(stored.history);
  HILLSTAR_TRY(options.registry, load_registry(context.environment));
  options.recovers_all = false;
  options.log = [](const std::string&) {};
  const auto engine = Engine::start_up(store, std::move(options), request.environment);
  HILLSTAR_TRY(const auto run, engine->start(std::move(request)));
  HILLSTAR_CHECK(Conductor(*engine, stored, context.output).carry(run));
  engine->stop();
  HILLSTAR_TRY(const auto history, store.read(run));
  HILLSTAR_TRY(const auto summary, store.summary(run));
  const auto read = [&store](const std::string& sha256) { return store.read_blob(sha256); };
  HILLSTAR_TRY(const auto before, model_views(*stored.state.plan, stored.history, read));
  HILLSTAR_TRY(const auto now, model_views(*stored.state.plan, history, read));
  const auto changes = changes_between(before, now);
  auto& output = context.output;
  if (output.is_json()) {
    output.data(as_json(row.run, summary.status, changes, args.diff));
    return Exit::done;
  }
  print(output, changes, args.diff);
  output.say(fmt::format("now {}; before {}. Nothing was kept of the new run.", summary.status, row.status));
  return Exit::done;
}

}  // namespace hillstar::cli
