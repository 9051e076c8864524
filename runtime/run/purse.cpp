// SPDX-License-Identifier: Apache-2.0
#include "runtime/run/purse.hpp"

#include <algorithm>
#include <utility>

#include "runtime/policy/call_bound.hpp"
#include "runtime/run/child.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/talk.hpp"
#include "runtime/run/units.hpp"
#include "runtime/workflow/measure.hpp"

namespace hillstar::run {
namespace {

/// A billion dollars: sums of what is reserved stay exact.
constexpr MicroUsd kCostMax{1'000'000'000'000'000};

std::uint64_t bytes_of(const Value& value) {
  std::uint64_t bytes = value.json.text().size();
  for (const auto& blob : value.blobs) bytes += blob.bytes;
  return bytes;
}

std::uint64_t prompt_bytes(const RunState& state, const UnitRef& ref) {
  const auto& node = state.plan->nodes[ref.node];
  ExecuteNode command;
  command.ref = {ref.node, ref.item, 1};
  command.inputs = state.started.inputs;
  for (const auto& source : node.sources)
    command.bindings.push_back({source, result_of(state, index_of_node(state, NodeId(source)))});
  std::uint64_t item = 0;
  if (ref.item) {
    const auto& map = *state.nodes[ref.node].map;
    item = map.longest > 0 ? map.longest : bytes_of(map.items);
  }
  return workflow::most_bytes(node.input, command, item);
}

}  // namespace

Reservation reservation_of(const RunState& state, const UnitRef& ref, const UnitState& unit,
                           const policy::Route& route) {
  Reservation call;
  call.provider = route.provider;
  call.model = route.model;
  call.backend = route.backend;
  if (!route.prices) return call;
  policy::CallSize size;
  size.prompt_bytes = prompt_bytes(state, ref);
  if (unit.call && unit.call->rejected) size.rejected_bytes = bytes_of(*unit.call->rejected);
  const auto bound =
      policy::bound_of(state.plan->nodes[ref.node], state.plan->model_config, size, route.context_tokens);
  call.tokens = bound.input + bound.output;
  call.cost = std::min(policy::most_of(bound.input, bound.output, *route.prices), kCostMax);
  return call;
}

std::optional<MicroUsd> Purse::run_limit() const {
  if (state_.budget) return state_.budget;
  return state_.plan->budget ? state_.plan->budget->run : std::nullopt;
}

bool Purse::refuse(const UnitRef& ref, BudgetScope scope, MicroUsd limit, MicroUsd spent, MicroUsd needed) {
  if (!exhausted_) exhausted_ = BudgetExhausted{state_.plan->nodes[ref.node].id, ref.item, scope, limit, spent, needed};
  return false;
}

std::optional<std::optional<Reservation>> Purse::allot(const UnitRef& ref, const UnitState& unit) {
  using Paid = std::optional<std::optional<Reservation>>;
  const auto* of_node = state_.plan->budget && state_.plan->budget->node ? &*state_.plan->budget->node : nullptr;
  const auto limit = run_limit();
  // The run that it goes on with has its money already.
  if (unit.call && unit.call->kept) return Paid(std::in_place, unit.call->reserved);
  if (!limit && of_node == nullptr) return Paid(std::in_place);
  const auto rest = [](MicroUsd whole, MicroUsd gone) {
    return whole.count > gone.count ? MicroUsd{whole.count - gone.count} : MicroUsd{};
  };
  auto cost = kCostMax;
  if (of_node != nullptr) cost = rest(*of_node, unit.call ? unit.call->spent : MicroUsd{});
  if (const auto* child = child_of(*state_.plan, state_.plan->nodes[ref.node]); child != nullptr && child->budget)
    cost = std::min(cost, *child->budget);
  const auto held = state_.reserved + taken_;
  if (limit) {
    const auto left = rest(*limit, state_.spent + held);
    // Nothing is left now, but something may come back. With nothing at all it may still do what costs nothing.
    if (waited_ > 0 || (left.count == 0 && held.count > 0)) {
      ++waited_;
      return std::nullopt;
    }
    cost = std::min(cost, left);
  }
  Reservation allotted;
  allotted.cost = cost;
  taken_ += cost;
  return Paid(std::in_place, std::move(allotted));
}

std::optional<std::optional<Reservation>> Purse::pay(const UnitRef& ref, const UnitState& unit) {
  using Paid = std::optional<std::optional<Reservation>>;
  const auto& node = state_.plan->nodes[ref.node];
  const bool lists_items = node.map && !ref.item;
  if (runs_workflow(node) && !lists_items) return allot(ref, unit);
  if (!state_.routes || lists_items) return Paid(std::in_place);
  const auto& places = state_.routes->of(ref.node);
  if (places.empty()) return Paid(std::in_place);
  const auto candidate = std::min<std::size_t>(unit.call ? unit.call->candidate : 0, places.size() - 1);
  // Whoever waits for money waits for its turn, too: what costs less must not starve it.
  if (waited_ > 0 && places[candidate].prices) {
    ++waited_;
    return std::nullopt;
  }
  auto call = reservation_of(state_, ref, unit, places[candidate]);
  call.candidate = static_cast<std::uint32_t>(candidate);
  if (const auto& budget = state_.plan->budget; budget && budget->node && call.cost.count > 0) {
    const auto spent = unit.call ? unit.call->spent : MicroUsd{};
    if (spent + call.cost > *budget->node) {
      refuse(ref, BudgetScope::node, *budget->node, spent, call.cost);
      return std::nullopt;
    }
  }
  const auto held = state_.reserved + taken_;
  if (const auto limit = run_limit(); limit && call.cost.count > 0 && state_.spent + held + call.cost > *limit) {
    if (held.count > 0 && state_.spent + call.cost <= *limit)
      ++waited_;
    else
      refuse(ref, BudgetScope::run, *limit, state_.spent, call.cost);
    return std::nullopt;
  }
  taken_ += call.cost;
  return Paid(std::in_place, std::move(call));
}

}  // namespace hillstar::run
