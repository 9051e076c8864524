// SPDX-License-Identifier: Apache-2.0
#include "actors/child_node.hpp"

#include <boost/json.hpp>
#include <utility>

#include "actors/blobs.hpp"
#include "actors/job.hpp"
#include "actors/tool_node.hpp"
#include "persistence/run_start.hpp"
#include "runtime/run/child.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/talk.hpp"
#include "runtime/run/view.hpp"
#include "runtime/workflow/references.hpp"

namespace hillstar::actors {
namespace {

namespace bj = boost::json;

AttemptFailed failed(const Attempt& attempt, FailureClass kind, const Error& error) {
  return {attempt.command.ref, Failure{kind, to_string(error), {}}, {}, {}};
}

NodeOutcome fill(const Attempt& attempt, const Services& services, ChildOrder& order) {
  const auto input = workflow::render(attempt.node->input, attempt.command, services.read_blob);
  if (!input) return failed(attempt, FailureClass::io, input.error());
  if (input->text.size() > kChildInputBytesMax)
    return failed(attempt, FailureClass::invalid_input,
                  Error{Errc::inputs_invalid,
                        "the inputs of the run are " + std::to_string(input->text.size()) + " bytes; " +
                            std::to_string(kChildInputBytesMax) + " are the most",
                        attempt.node->id.str(), "Write them to a file, and give its path."});
  bj::object values;
  if (!input->is_null) {
    auto given = json::parse(input->text);
    if (!given) return failed(attempt, FailureClass::invalid_input, given.error());
    if (!given->is_object())
      return failed(attempt, FailureClass::invalid_input,
                    Error{Errc::inputs_invalid, "'input' is no object of inputs"});
    for (auto& [name, value] : given->get_object()) {
      if (value.is_string())
        order.texts.emplace(name, value.get_string());
      else
        values.emplace(name, std::move(value));
    }
  }
  order.values = Json::of(bj::value(std::move(values)));
  return AttemptCancelled{attempt.command.ref};
}

Result<run::RunState> ended_run(const persistence::EventStore& store, const RunId& run) {
  HILLSTAR_TRY(const auto history, store.read(run));
  HILLSTAR_TRY(const auto* started, persistence::run_start(history, run));
  HILLSTAR_TRY(const auto text, store.read_blob(started->plan_sha256));
  HILLSTAR_TRY(auto plan, workflow::plan_from_text(text));
  try {
    return run::replay(std::make_shared<const workflow::Plan>(std::move(plan)), history);
  } catch (const InvariantError& bug) {
    return Error{Errc::internal, bug.message, run.str()};
  }
}

NodeOutcome end_of(const Attempt& attempt, const Services& services, const RunId& run, bool cancelled) {
  const auto child = ended_run(*services.store, run);
  if (!child) return failed(attempt, FailureClass::io, child.error());
  const auto row = run::summarize(*child, run);
  auto detail = run::child_detail(row);
  if (cancelled && child->status == run::RunStatus::cancelled)
    return AttemptCancelled{attempt.command.ref, false, std::move(detail), {}, child->usage};
  auto result = run::child_result(*child, run);
  if (auto failure = run::failure_of(*child, run)) {
    result.json = attempt.run->redactor.redact(result.json);
    if (const auto kept = keep_small(result, *services.store); !kept)
      return failed(attempt, FailureClass::io, kept.error());
    return AttemptFailed{attempt.command.ref, *std::move(failure), std::move(result), child->usage, std::move(detail)};
  }
  auto outcome = succeed(attempt, std::move(result), services);
  if (auto* succeeded = std::get_if<AttemptSucceeded>(&outcome)) {
    succeeded->usage = child->usage;
    succeeded->detail = std::move(detail);
  }
  return outcome;
}

}  // namespace

bool is_run(const Attempt& attempt, const Services& services) {
  return run::runs_workflow(*attempt.node) && !services.catalog.contains(attempt.node->tool) &&
         !attempt.command.lists_items;
}

std::shared_ptr<ChildOrder> order_of(const Attempt& attempt) {
  const auto& command = attempt.command;
  auto order = std::make_shared<ChildOrder>();
  order->run =
      derived_run(RunId(attempt.run->run), run::child_name(attempt.node->id, command.ref.item, command.failed));
  order->ref = command.ref;
  order->frame = attempt.frame;
  order->node = attempt.node;
  order->above = attempt.run;
  order->seq = attempt.seq;
  if (command.call) order->budget = command.call->cost;
  order->ends_by = command.ends_by;
  return order;
}

JobPtr order_job(const Attempt& attempt, const ServicesPtr& services, NodeActor node,
                 std::shared_ptr<ChildOrder> order) {
  Job::Parts parts;
  parts.ref = attempt.command.ref;
  parts.node = std::move(node);
  parts.work = [attempt, services, order = std::move(order)](tools::CancelFlag&) -> NodeOutcome {
    // One that is there has what it was given.
    if (services->store->summary(order->run)) return AttemptCancelled{attempt.command.ref};
    return fill(attempt, *services, *order);
  };
  return std::make_shared<Job>(std::move(parts));
}

JobPtr child_end_job(const Attempt& attempt, const ServicesPtr& services, NodeActor node, const RunId& run,
                     bool cancelled) {
  Job::Parts parts;
  parts.ref = attempt.command.ref;
  parts.node = std::move(node);
  parts.work = [attempt, services, run, cancelled](tools::CancelFlag&) {
    return end_of(attempt, *services, run, cancelled);
  };
  return std::make_shared<Job>(std::move(parts));
}

AttemptFailed child_refused(const Attempt& attempt, const Error& error) {
  auto kind = FailureClass::child_failed;
  if (error.code == Errc::inputs_invalid || error.code == Errc::workflow_invalid) kind = FailureClass::invalid_input;
  if (error.code == Errc::data_refused || error.code == Errc::permission_denied || error.code == Errc::credential_found)
    kind = FailureClass::permission;
  auto refused = failed(attempt, kind, error);
  // Nothing was spent.
  refused.usage = Usage{};
  return refused;
}

}  // namespace hillstar::actors
