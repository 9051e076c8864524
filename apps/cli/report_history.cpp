// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/report_history.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "apps/cli/text.hpp"
#include "apps/cli/text_diff.hpp"
#include "messages/call_names.hpp"
#include "messages/json_codec.hpp"
#include "runtime/policy/data_guard.hpp"
#include "runtime/run/run.hpp"

namespace hillstar::cli::doc {
namespace {

namespace bj = boost::json;

std::string member_text(const bj::value& object, std::string_view key) {
  const auto* value = json::member(object, key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

bool asks_model(const workflow::PlanNode& node) { return node.tool == "model_call"; }

}  // namespace

Walk::Walk(Document& document, Texts& texts, const StoredRun& stored)
    : document_(document), texts_(texts), stored_(stored) {
  live_.run = stored.run;
  live_.state = run::initial(stored.state.plan);
  for (NodeIndex i = 0; i < stored.state.nodes.size(); ++i) {
    const auto& map = stored.state.nodes[i].map;
    if (!map) continue;
    auto& told = failures_[i];
    for (std::uint32_t k = 0; k < map->units.size() && told.size() < kItemsMax; ++k)
      if (map->units[k].status == run::NodeStatus::failed) told.insert(k);
    std::uint64_t shown = std::min<std::uint64_t>(kItemsMax, map->units.size());
    for (const auto k : told) shown += k >= kItemsMax ? 1 : 0;
    document_.nodes[i].items_left_out = map->units.size() - shown;
  }
}

bool Walk::is_told(const Key& key) const {
  if (!key.second || *key.second < kItemsMax) return true;
  const auto told = failures_.find(key.first);
  return told != failures_.end() && told->second.contains(*key.second);
}

Unit* Walk::unit_at(const Key& key) {
  if (!is_told(key)) return nullptr;
  auto& node = document_.nodes[key.first];
  const auto [place, added] = units_.emplace(key, node.units.size());
  if (added) {
    node.units.push_back({});
    node.units.back().name = node.id + (key.second ? fmt::format("[{}]", *key.second) : "");
  }
  return &node.units[place->second];
}

void Walk::see(const Recorded& recorded) {
  live_.observe(recorded);
  now_ = recorded.at;
  if (const auto* node = node_of(recorded.event); node != nullptr && live_.took)
    document_.nodes[index_of(*node)].time += *live_.took;
  std::visit([this](const auto& event) { on(event); }, recorded.event);
  const auto line = progress_line(live_, recorded);
  if (!line) return;
  if (document_.timeline.size() >= kListedMax)
    ++document_.timeline_left_out;
  else
    document_.timeline.push_back({recorded.seq, recorded.at, texts_.clean(*line)});
}

void Walk::on(const NodeScheduled& event) {
  const auto key = key_of(event.node, event.item);
  const auto& plan = live_.state.plan->nodes[key.first];
  auto& node = document_.nodes[key.first];
  if (event.item || !plan.map) ++node.attempts;
  if (event.call) {
    node.reserved += event.call->cost;
    reserved_[key] = *event.call;
  }
  auto* unit = unit_at(key);
  if (unit == nullptr) return;
  Attempt attempt;
  attempt.number = event.attempt;
  attempt.from = now_;
  attempt.end = "running";
  if (event.call) {
    attempt.provider = texts_.clean(event.call->provider);
    attempt.asked = texts_.clean(event.call->model);
    attempt.model = attempt.asked;
    attempt.reserved = event.call->cost;
  }
  if (unit->attempts.size() < kListedMax) unit->attempts.push_back(std::move(attempt));
  if (!unit->texts.empty() || (plan.map && !event.item)) return;
  for (auto& command : run::commands_of(live_.state, event)) {
    auto* execute = std::get_if<ExecuteNode>(&command);
    if (execute == nullptr || execute->lists_items) continue;
    unit->texts.push_back(texts_.input(plan, std::move(*execute)));
    if (unit->texts.back().text.empty() && unit->texts.back().left_out.empty()) unit->texts.pop_back();
  }
}

void Walk::on(const MapExpanded& event) {
  const auto key = key_of(event.node);
  if (auto* unit = unit_at(key)) {
    unit->note = fmt::format("a list of {} items", grouped(event.count));
    results_[key] = &event.items;
  }
}

void Walk::end(const End& end) {
  if (end.result != nullptr && is_told(end.key) && (!end.result->json.is_null() || !end.result->blobs.empty()))
    results_[end.key] = end.result;
  const auto names = names_in(end.detail);
  if (!names.request.empty() && is_told(end.key)) requests_[end.key] = names.request;
  Attempt unseen;
  Attempt* attempt = &unseen;
  if (auto* unit = unit_at(end.key); unit != nullptr)
    for (auto& one : unit->attempts)
      if (one.number == end.attempt && !one.to) attempt = &one;
  attempt->to = now_;
  attempt->end = end.how;
  attempt->message = texts_.clean(end.message);
  attempt->usage = end.usage;
  const auto detail = end.detail ? end.detail->value() : bj::value();
  const auto take = [&](std::string& field, std::string_view key) {
    if (auto text = member_text(detail, key); !text.empty()) field = texts_.clean(text);
  };
  take(attempt->provider, "provider");
  take(attempt->asked, "model_asked");
  if (!attempt->asked.empty()) attempt->model = attempt->asked;
  take(attempt->model, "model");
  take(attempt->fingerprint, "fingerprint");
  take(attempt->request_id, "request_id");
  take(attempt->finish, "finish_reason");
  count(end, *attempt);
}

/// Adds up what a call that was sent has used.
void Walk::count(const End& end, const Attempt& attempt) {
  const auto reserved = reserved_.extract(end.key);
  auto& node = document_.nodes[end.key.first];
  if (end.usage) {
    node.tokens += end.usage->input_tokens + end.usage->output_tokens;
    node.cost += end.usage->cost;
  }
  const bool is_list = live_.state.plan->nodes[end.key.first].map && !end.key.second;
  if (!asks_model(live_.state.plan->nodes[end.key.first]) || is_list || (!end.usage && !end.detail)) return;
  auto provider = attempt.provider.empty() ? node.provider : attempt.provider;
  auto model = attempt.model.empty() ? node.model : attempt.model;
  auto& uses = end.usage ? models_ : unanswered_;
  if (uses.size() >= kListedMax && !uses.contains({provider, model})) provider = "others", model = "others";
  auto& use = uses[{provider, model}];
  use.provider = provider;
  use.model = model;
  if (!attempt.asked.empty()) use.asked = attempt.asked;
  if (!attempt.fingerprint.empty()) use.fingerprint = attempt.fingerprint;
  ++use.calls;
  if (!reserved.empty()) use.reserved += reserved.mapped().cost;
  if (!end.usage) {
    ++use.unanswered;
    return;
  }
  use.input_tokens += end.usage->input_tokens;
  use.output_tokens += end.usage->output_tokens;
  use.cost += end.usage->cost;
}

void Walk::on(const NodeCompleted& event) {
  end({key_of(event.node, event.item), event.attempt, "completed", {}, event.usage, event.detail, &event.result});
}

void Walk::on(const NodeAttemptFailed& event) {
  const auto kind = std::string(json::enum_name(event.failure.kind));
  end({key_of(event.node, event.item), event.attempt, kind, event.failure.message, event.usage, event.detail,
       &event.result});
  if (document_.retries.size() >= kListedMax || (!event.repair && !event.next_candidate && !event.retry_at)) return;
  Retry retry;
  retry.unit = texts_.clean(to_string(cli::Unit{event.node, event.item}));
  retry.attempt = event.attempt;
  retry.at = now_;
  retry.why = kind + ": " + texts_.clean(event.failure.message);
  if (event.repair)
    retry.next = "the model was asked to mend its reply";
  else if (event.next_candidate)
    retry.next = "went on with " + texts_.clean(event.next_provider.value_or("another provider"));
  else
    retry.next = "again after " + duration(*event.retry_at - now_);
  document_.retries.push_back(std::move(retry));
}

void Walk::on(const NodeAttemptLost& event) {
  end({key_of(event.node, event.item), event.attempt, "lost", "Nobody saw its end.", {}, event.detail});
}

void Walk::on(const NodeCancelled& event) {
  end({key_of(event.node, event.item), event.attempt, "stopped", {}, {}, event.detail});
}

void Walk::on(const NodeInherited& event) {
  const auto key = key_of(event.node);
  auto* unit = unit_at(key);
  unit->note = event.origin
                   ? fmt::format("taken over from event {} of run {}", event.origin->seq, event.origin->run.str())
                   : "taken over from a checkpoint file";
  if (event.edited) unit->note += ", edited by a person";
  results_[key] = &event.result;
}

void Walk::on(const ApprovalRequested& event) {
  if (document_.approvals.size() >= kListedMax) return;
  Approval approval;
  approval.node = texts_.clean(event.node.str());
  approval.at = now_;
  approval.prompt = texts_.clean(event.prompt);
  approval.needed = event.approvals.value_or(1);
  if (event.release) approval.release = texts_.clean(policy::describe(*event.release));
  document_.approvals.push_back(std::move(approval));
}

void Walk::on(const ApprovalAnswered& event) {
  const auto node = texts_.clean(event.node.str());
  const auto asked = std::find_if(document_.approvals.rbegin(), document_.approvals.rend(),
                                  [&](const Approval& approval) { return approval.node == node; });
  if (asked == document_.approvals.rend() || asked->answers.size() >= kListedMax) return;
  asked->answers.push_back({now_, texts_.clean(event.who), event.approved, texts_.clean(event.reason)});
}

void Walk::on(const RunPaused&) {
  const bool is_open = !document_.pauses.empty() && !document_.pauses.back().to;
  if (!is_open && document_.pauses.size() < kListedMax) document_.pauses.push_back({now_, {}});
}

void Walk::on(const RunResumed&) {
  if (!document_.pauses.empty() && !document_.pauses.back().to) document_.pauses.back().to = now_;
}

void Walk::add_texts(const Key& key, Unit& unit) {
  const auto& plan = live_.state.plan->nodes[key.first];
  const auto parameters = plan.parameters.value();
  if (const auto* object = parameters.if_object(); object != nullptr && !object->empty() && !key.second)
    unit.texts.push_back(texts_.of("Parameters", pretty(parameters)));
  if (const auto sent = requests_.find(key); sent != requests_.end())
    unit.texts.push_back(texts_.request(sent->second));
  const auto result = results_.find(key);
  if (result == results_.end()) return;
  const auto before = unit.texts.size();
  texts_.add_result(unit.texts, *result->second);
  // A map as a whole has no result of its own: what is kept is its list.
  if (plan.map && !key.second && unit.texts.size() > before) unit.texts[before].label = "Items";
}

void Walk::add_models() {
  for (auto& [name, use] : models_) document_.models.push_back(std::move(use));
  const auto answered = document_.models.size();
  for (auto& [name, use] : unanswered_) {
    const auto end = document_.models.begin() + static_cast<std::ptrdiff_t>(answered);
    const auto same = std::find_if(document_.models.begin(), end, [&use = use](const ModelUse& one) {
      return one.provider == use.provider && (one.asked == use.model || one.model == use.model);
    });
    if (same == end) {
      document_.models.push_back(std::move(use));
      continue;
    }
    same->calls += use.calls;
    same->unanswered += use.unanswered;
    same->reserved += use.reserved;
  }
}

void Walk::finish() {
  for (auto& [key, place] : units_) add_texts(key, document_.nodes[key.first].units[place]);
  add_models();
}

}  // namespace hillstar::cli::doc
