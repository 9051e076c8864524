// SPDX-License-Identifier: Apache-2.0
#include "actors/replay.hpp"

#include <map>
#include <set>
#include <utility>

#include "actors/call_record.hpp"
#include "actors/job.hpp"
#include "actors/model_node.hpp"
#include "actors/model_result.hpp"
#include "actors/run_context.hpp"
#include "actors/tool_node.hpp"
#include "messages/json_codec.hpp"
#include "persistence/overlay_store.hpp"
#include "providers/adapter.hpp"
#include "runtime/platform/hash.hpp"
#include "runtime/policy/known_secrets.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/units.hpp"
#include "runtime/run/view.hpp"
#include "runtime/tools/policy_files.hpp"
#include "runtime/workflow/item_list.hpp"

namespace hillstar {
namespace {

using namespace actors;

template <class T>
std::optional<Json> detail_of(const T& event) {
  if constexpr (requires { event.detail; }) return event.detail;
  return std::nullopt;
}

/// The outcome that an event recorded.
struct AsRecorded {
  AttemptRef ref;

  NodeOutcome operator()(const NodeCompleted& event) const {
    return AttemptSucceeded{ref, event.result, event.tests, event.usage, event.detail};
  }
  NodeOutcome operator()(const NodeAttemptFailed& event) const {
    return AttemptFailed{ref, event.failure, event.result, event.usage, event.detail};
  }
  template <class Other>
  NodeOutcome operator()(const Other&) const {
    return AttemptLost{ref};
  }
};

class Replay {
 public:
  Replay(const std::shared_ptr<const persistence::EventStore>& below, const RunId& run, const ReplayOptions& options)
      : options_(options), store_(below), services_(std::make_shared<Services>()) {
    services_->store = &store_;
    services_->catalog = tools::standard_catalog();
    services_->registry = options.registry;
    services_->read_blob = [this](const std::string& sha256) { return store_.read_blob(sha256); };
    services_->gate = std::make_shared<FeedGate>();
    services_->keys_needed = false;
    birth_ = {run, options.environment,
              policy::redactor_of(options.environment, policy::rule_choice(options.environment))};
  }

  Result<ReplayReport> run() {
    HILLSTAR_TRY(auto recovered, recover_run(store_, birth_.run));
    HILLSTAR_TRY(const auto history, store_.read(birth_.run));
    auto before = run::initial(recovered.state.plan, recovered.state.index);
    before.routes = recovered.state.routes;
    before.guard = recovered.state.guard;
    plan_ = recovered.state.plan;
    auto started = recovered.state.started;
    started.output_dir.clear();
    if (options_.run_tools) {
      // What may really run is said by those that hold today.
      HILLSTAR_TRY(birth_.rules, tools::load_rules(started.workspace, options_.environment));
      started.workspace = options_.workspace;
      started.allow_paths.clear();
    }
    context_ = std::make_shared<const tools::RunContext>(run_context(birth_, started));
    run::ReplayCheck check(std::move(before), history);
    while (auto ended = check.next()) HILLSTAR_CHECK(again(check, *ended));
    const auto summary = run::summarize(check.state(), birth_.run);
    report_.status = summary.status;
    report_.nodes = summary.nodes_done;
    report_.differences = check.differences();
    report_.differences_count = check.differences_count();
    report_.unrecorded.assign(unrecorded_.begin(), unrecorded_.end());
    report_.results_sha256 = to_hex(results_.finish());
    return std::move(report_);
  }

 private:
  /// Makes one attempt again, and compares.
  Result<void> again(run::ReplayCheck& check, run::ReplayCheck::Ended& ended) {
    const auto& event = ended.record->event;
    Attempt attempt;
    attempt.node = {plan_, &plan_->nodes[ended.command.ref.node]};
    attempt.command = std::move(ended.command);
    attempt.model_config = plan_->model_config;
    attempt.provider_config = plan_->provider_config;
    attempt.budget = plan_->budget;
    attempt.run = context_;
    const auto name = unit_name(attempt);
    ++report_.attempts;
    const bool seen = !std::holds_alternative<NodeAttemptLost>(event) && !std::holds_alternative<NodeCancelled>(event);
    if (!seen) ++report_.unseen;
    if (const auto cut = cut_item(attempt.command); !cut) return at(name, attempt, cut.error());
    const auto recorded = std::visit(AsRecorded{attempt.command.ref}, event);
    NodeOutcome now = recorded;
    if (attempt.command.lists_items) {
      if (seen) now = work(list_job(attempt, services_, {}));
    } else if (attempt.node->tool == "model_call") {
      const auto detail = std::visit([](const auto& what) { return detail_of(what); }, event);
      auto outcome = call(check, attempt, detail, recorded);
      if (!outcome) return at(name, attempt, outcome.error());
      now = *std::move(outcome);
    } else if (seen) {
      now = tool(attempt, recorded);
    }
    if (!seen) return {};
    check.compare(now);
    note_result(name, attempt.command.ref.attempt, now);
    return {};
  }

  static Error at(const std::string& name, const Attempt& attempt, Error error) {
    error.where = "node " + name + ", attempt " + std::to_string(attempt.command.ref.attempt) +
                  (error.where.empty() ? "" : ", " + error.where);
    return error;
  }

  Result<void> cut_item(ExecuteNode& command) {
    if (!command.ref.item) return {};
    auto list = lists_.find(command.ref.node);
    if (list == lists_.end()) {
      HILLSTAR_TRY(auto cut, workflow::ItemList::of(command.items, services_->read_blob));
      list = lists_.emplace(command.ref.node, std::move(cut)).first;
    }
    command.item = list->second.at(*command.ref.item);
    command.items = {};
    return {};
  }

  static NodeOutcome work(const JobPtr& job) { return job->parts().work(job->cancel()); }

  NodeOutcome tool(const Attempt& attempt, const NodeOutcome& recorded) {
    ++report_.tools;
    if (attempt.node->tool == "checkpoint") return checkpoint(attempt, *services_);
    const auto entry = services_->catalog.find(attempt.node->tool);
    if (options_.run_tools && entry != services_->catalog.end()) {
      ++report_.tools_run;
      return work(tool_job(attempt, entry->second, services_, {}));
    }
    const auto* succeeded = std::get_if<AttemptSucceeded>(&recorded);
    // What was concluded of the result is concluded again.
    if (succeeded == nullptr) return recorded;
    auto now = succeed(attempt, succeeded->result, *services_);
    if (auto* again = std::get_if<AttemptSucceeded>(&now)) {
      again->detail = succeeded->detail;
      again->usage = succeeded->usage;
    }
    return now;
  }

  /// Renders the request again and answers it with what was kept.
  Result<NodeOutcome> call(run::ReplayCheck& check, Attempt& attempt, const std::optional<Json>& detail,
                           const NodeOutcome& recorded) {
    const auto names = names_in(detail);
    const bool succeeded = std::holds_alternative<AttemptSucceeded>(recorded);
    if (names.request.empty() && (succeeded || detail)) {
      unrecorded_.insert(unit_name(attempt));
      return recorded;
    }
    // Refused in front of the provider, or its end was not seen: there is nothing that can be asked again.
    const bool unsent = names.request.empty();
    if (unsent && !std::holds_alternative<AttemptFailed>(recorded)) return recorded;
    if (attempt.command.call) attempt.command.call->tokens = 0;  // what it might cost today is no matter
    auto prepared = prepare_call(attempt, services_, {});
    if (auto* refused = std::get_if<AttemptFailed>(&prepared)) {
      if (!unsent) {
        HILLSTAR_TRY(auto kept, store_.read_blob(names.request));
        check.report(run::DifferenceKind::request, std::move(kept), "none: " + refused->failure.message);
      }
      return NodeOutcome(std::move(*refused));
    }
    const auto& model = *std::get<ModelCallPtr>(prepared);
    const auto rendered = render_request(model.parts());
    if (unsent) {
      if (rendered) return recorded;
      ModelDone refused{
          attempt.command.ref, Failure{FailureClass::invalid_request, to_string(rendered.error()), {}}, {}};
      return model_outcome(attempt, model, refused, *services_);
    }
    ++report_.calls;
    HILLSTAR_TRY(auto kept, store_.read_blob(names.request));
    auto now = rendered ? request_record(sent_request(*rendered), birth_.redactor).text()
                        : "none: " + to_string(rendered.error());
    if (now != kept) check.report(run::DifferenceKind::request, std::move(kept), std::move(now));
    HILLSTAR_TRY(const auto text, store_.read_blob(names.reply));
    HILLSTAR_TRY(auto done, read_reply_record(text, attempt.command.ref));
    return model_outcome(attempt, model, done, *services_);
  }

  void note_result(const std::string& name, std::uint32_t attempt, const NodeOutcome& outcome) {
    const auto note = [&](const Value& result) {
      results_.append(name + "\n" + std::to_string(attempt) + "\n" + json::to_text(result) + "\n");
    };
    if (const auto* succeeded = std::get_if<AttemptSucceeded>(&outcome)) note(succeeded->result);
    if (const auto* failed = std::get_if<AttemptFailed>(&outcome)) note(failed->result);
    if (const auto* listed = std::get_if<ItemsListed>(&outcome)) note(listed->items);
  }

  const ReplayOptions& options_;
  persistence::OverlayStore store_;
  std::shared_ptr<Services> services_;
  RunBirth birth_;
  std::shared_ptr<const workflow::Plan> plan_;
  std::shared_ptr<const tools::RunContext> context_;
  std::map<NodeIndex, workflow::ItemList> lists_;
  std::set<std::string> unrecorded_;
  Sha256Stream results_;
  ReplayReport report_;
};

}  // namespace

Result<ReplayReport> replay_offline(const std::shared_ptr<const persistence::EventStore>& store, const RunId& run,
                                    const ReplayOptions& options) {
  try {
    return Replay(store, run, options).run();
  } catch (const InvariantError& bug) {
    return Error{Errc::internal, bug.message, run.str()};
  }
}

}  // namespace hillstar
