// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/spending.hpp"

#include <cstdint>
#include <map>
#include <tuple>
#include <variant>

#include "runtime/policy/budget.hpp"

namespace hillstar::policy {
namespace {

/// Node, item (-1: none), attempt.
using Unit = std::tuple<std::string, std::int64_t, std::uint32_t>;

template <class E>
Unit unit_of(const E& event) {
  return {event.node.str(), event.item ? static_cast<std::int64_t>(*event.item) : -1, event.attempt};
}

class Spender {
 public:
  explicit Spender(UtcTime since) : since_(since) {}

  void read(const Recorded& recorded) {
    at_ = recorded.at;
    std::visit(*this, recorded.event);
  }
  Spending end(UtcTime opened) {
    for (const auto& [unit, open] : open_)
      if (open.at < opened) add(open.call.cost, opened);
    return sum_;
  }

  void operator()(const NodeScheduled& event) {
    // What a run of its own costs stands in its own history.
    if (event.call && !event.call->backend.empty()) open_.insert_or_assign(unit_of(event), Open{at_, *event.call});
  }
  void operator()(const NodeCompleted& event) {
    close(event, [&](const Reservation& held) { return charge_of(event, held); });
  }
  void operator()(const NodeAttemptFailed& event) {
    close(event, [&](const Reservation& held) { return charge_of(event, held); });
  }
  void operator()(const NodeCancelled& event) {
    close(event, [&](const Reservation& held) { return charge_of(event, held); });
  }
  void operator()(const NodeAttemptLost& event) {
    close(event, [](const Reservation& held) { return held.cost; });
  }
  template <class Other>
  void operator()(const Other&) {}

 private:
  struct Open {
    UtcTime at;
    Reservation call;
  };
  template <class E, class Charge>
  void close(const E& event, Charge charge) {
    if (const auto entry = open_.extract(unit_of(event))) add(charge(entry.mapped().call), at_);
  }
  void add(MicroUsd cost, UtcTime at) {
    sum_.all += cost;
    if (at >= since_) sum_.since += cost;
  }

  UtcTime since_;
  UtcTime at_;
  std::map<Unit, Open> open_;
  Spending sum_;
};

}  // namespace

Spending spending_of(const std::vector<Recorded>& history, UtcTime since, UtcTime opened) {
  Spender spender(since);
  for (const auto& recorded : history) spender.read(recorded);
  return spender.end(opened);
}

}  // namespace hillstar::policy
