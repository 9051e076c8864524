// SPDX-License-Identifier: Apache-2.0
#include "providers/pool/call_log.hpp"

#include <boost/json.hpp>
#include <optional>
#include <tuple>
#include <variant>

#include "runtime/policy/budget.hpp"

namespace hillstar::providers {
namespace {

namespace bj = boost::json;

using Unit = std::tuple<std::string, std::int64_t, std::uint32_t>;

template <class E>
Unit unit_of(const E& event) {
  return {event.node.str(), event.item ? static_cast<std::int64_t>(*event.item) : -1, event.attempt};
}

std::optional<std::int64_t> number(const bj::object& detail, const char* name) {
  const auto* value = detail.if_contains(name);
  boost::system::error_code code;
  if (value == nullptr || !value->is_number() || value->is_double()) return std::nullopt;
  const auto count = value->to_number<std::int64_t>(code);
  return code || count < 0 ? std::nullopt : std::optional(count);
}

struct Scheduled {
  UtcTime at;
  std::optional<Reservation> call;
};

/// Nobody saw what it used: all that was reserved.
PastCall reserved_call(std::optional<UtcTime> ended, const Reservation& call) {
  // Without a price nothing was counted.
  if (call.tokens == 0) return {ended, {}, call.cost};
  return {ended, call.tokens, call.cost};
}

struct Reader {
  CallLog& log;
  std::map<Unit, Scheduled>& open;
  UtcTime at;

  void operator()(const NodeScheduled& event) {
    // A run of its own has calls of its own.
    if (!event.call || !event.call->backend.empty()) open.insert_or_assign(unit_of(event), Scheduled{at, event.call});
  }

  void operator()(const NodeCompleted& event) {
    open.erase(unit_of(event));
    const auto detail = tree(event.detail);
    const auto backend = name_of(detail);
    if (!backend || !event.usage) return;
    PastCall call{at, {}, event.usage->cost};
    if (const auto counted = event.usage->input_tokens + event.usage->output_tokens; counted != 0)
      call.tokens = counted;
    log.calls[*backend].push_back(call);
  }

  void operator()(const NodeAttemptFailed& event) {
    open.erase(unit_of(event));
    const auto detail = tree(event.detail);
    const auto backend = name_of(detail);
    if (!backend) return;  // it was not sent
    PastCall call{at, {}, {}};
    if (event.usage) {  // a whole reply that could not be used
      call.cost = event.usage->cost;
      if (const auto counted = event.usage->input_tokens + event.usage->output_tokens; counted != 0)
        call.tokens = counted;
    } else if (policy::is_turned_away(event.failure.kind)) {
      call.tokens = 0;
    } else {
      if (const auto tokens = number(detail, "tokens_reserved")) call.tokens = static_cast<std::uint64_t>(*tokens);
      if (const auto cost = number(detail, "cost_reserved")) call.cost = MicroUsd{*cost};
    }
    log.calls[*backend].push_back(call);
  }

  void operator()(const NodeAttemptLost& event) { unknown(event); }
  void operator()(const NodeCancelled& event) {
    if (event.unsent)
      open.erase(unit_of(event));
    else
      unknown(event);
  }

  template <class Other>
  void operator()(const Other&) {}

 private:
  template <class E>
  void unknown(const E& event) {
    const auto entry = open.extract(unit_of(event));
    if (entry && entry.mapped().call)
      log.calls[entry.mapped().call->backend].push_back(reserved_call(at, *entry.mapped().call));
    else
      log.unknown.push_back({event.node, {at, {}, {}}});
  }
  static bj::object tree(const std::optional<Json>& detail) {
    if (!detail) return {};
    auto value = detail->value();
    return value.is_object() ? value.get_object() : bj::object();
  }
  static std::optional<std::string> name_of(const bj::object& detail) {
    const auto* name = detail.if_contains("backend");
    if (name == nullptr || !name->is_string()) return std::nullopt;
    return std::string(name->get_string());
  }
};

}  // namespace

void add_calls(const std::vector<Recorded>& history, UtcTime opened, CallLog& log) {
  std::map<Unit, Scheduled> open;
  for (const auto& recorded : history) std::visit(Reader{log, open, recorded.at}, recorded.event);
  for (const auto& [unit, scheduled] : open) {
    if (scheduled.at >= opened || opened - scheduled.at >= kCallLifeMax) continue;
    if (scheduled.call)
      log.calls[scheduled.call->backend].push_back(reserved_call(std::nullopt, *scheduled.call));
    else
      log.unknown.push_back({NodeId(std::get<0>(unit)), {std::nullopt, {}, {}}});
  }
}

}  // namespace hillstar::providers
