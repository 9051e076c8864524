// SPDX-License-Identifier: Apache-2.0
#include "runtime/placement/wait_queue.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>

namespace hillstar::placement {
namespace {

constexpr std::uint32_t kPriorityMax = 100;

/// Lengths go before texts, so that no two shapes look alike.
std::string shape_of(const Wish& wish) {
  auto shape = std::to_string(wish.placement.slots);
  const auto add = [&](const std::string& text) { shape += ":" + std::to_string(text.size()) + ":" + text; };
  for (const auto& [name, value] : wish.placement.labels) {
    add(name);
    add(value);
  }
  if (!wish.clearance || wish.clearance->needs == 0) return shape;
  shape += "!" + std::to_string(wish.clearance->needs);
  for (const auto& name : wish.clearance->classes) add(name);
  return shape;
}

std::uint32_t slots_of(const Wish& wish) { return std::max<std::uint32_t>(wish.placement.slots, 1); }

std::vector<bool> suited(const std::vector<Machine>& machines, const Wish& wish) {
  std::vector<bool> result;
  for (const auto& machine : machines) result.push_back(machine.is_open() && suits(machine, wish));
  return result;
}

bool overlap(const std::vector<bool>& a, const std::vector<bool>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] && b[i]) return true;
  }
  return false;
}

}  // namespace

/// One round through those that wait.
struct WaitQueue::Pass {
  std::set<std::string> refused;  ///< Shapes that found no room: there is only less of it from then on.
  std::vector<Entry*> large;      ///< That wait still, need many slots, and have been looked at.
  std::vector<bool> kept;         ///< Machines that those behind may not use.
};

std::optional<WaitQueue::Ticket> WaitQueue::add(Wish wish, std::uint32_t priority) {
  if (waiting_.size() >= kWaitingMax) return std::nullopt;
  const auto ticket = next_++;
  const Turn turn{kPriorityMax - std::min(priority, kPriorityMax), ticket};
  auto shape = shape_of(wish);
  waiting_.emplace(turn, Entry{std::move(wish), std::move(shape)});
  turns_.emplace(ticket, turn);
  return ticket;
}

bool WaitQueue::remove(Ticket ticket) {
  const auto found = turns_.find(ticket);
  if (found == turns_.end()) return false;
  waiting_.erase(found->second);
  turns_.erase(found);
  return true;
}

const Wish* WaitQueue::find(Ticket ticket) const {
  const auto found = turns_.find(ticket);
  return found == turns_.end() ? nullptr : &waiting_.at(found->second).wish;
}

void WaitQueue::count_passing(const Pass& pass, const Machine& taken) {
  for (auto* entry : pass.large) {
    if (entry->passed < kPassedMax && suits(taken, entry->wish)) ++entry->passed;
  }
}

/// The machine that has the fewest slots to wait for; it comes nearer with each attempt that ends there.
void WaitQueue::keep_machine(const std::vector<Machine>& machines, const Wish& wish, std::vector<bool>& kept) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < machines.size(); ++i) {
    if (kept[i] || !machines[i].is_open() || !suits(machines[i], wish)) continue;
    const auto& machine = machines[i];
    const bool nearer = !best || machine.free() > machines[*best].free() ||
                        (machine.free() == machines[*best].free() && machine.name < machines[*best].name);
    if (nearer) best = i;
  }
  if (best) kept[*best] = true;
}

std::vector<WaitQueue::Placed> WaitQueue::place(std::vector<Machine>& machines) {
  std::vector<Placed> placed;
  Pass pass;
  pass.kept.assign(machines.size(), false);
  std::uint64_t room = 0;
  for (const auto& machine : machines) room += machine.is_open() ? machine.free() : 0;
  for (auto at = waiting_.begin(); at != waiting_.end() && room > 0;) {
    auto& entry = at->second;
    std::optional<std::size_t> index;
    if (!pass.refused.contains(entry.shape)) {
      const auto choice = choose(machines, entry.wish, pass.kept);
      if (const auto* found = std::get_if<std::size_t>(&choice)) index = *found;
    }
    if (!index) {
      pass.refused.insert(entry.shape);
      if (slots_of(entry.wish) > 1) pass.large.push_back(&entry);
      if (entry.passed >= kPassedMax) keep_machine(machines, entry.wish, pass.kept);
      ++at;
      continue;
    }
    auto& machine = machines[*index];
    take(machine, entry.wish);
    room -= std::min<std::uint64_t>(room, slots_of(entry.wish));
    count_passing(pass, machine);
    placed.push_back({at->first.second, *index});
    turns_.erase(at->first.second);
    at = waiting_.erase(at);
  }
  return placed;
}

std::vector<WaitQueue::Held> WaitQueue::held(const std::vector<Machine>& machines) const {
  struct Shape {
    NoPlace why;
    std::vector<bool> suited;
    std::size_t before = 0;
  };
  std::unordered_map<std::string, Shape> shapes;
  std::vector<Held> held;
  for (const auto& [turn, entry] : waiting_) {
    auto found = shapes.find(entry.shape);
    if (found == shapes.end())
      found = shapes.emplace(entry.shape, Shape{why_not(machines, entry.wish), suited(machines, entry.wish)}).first;
    auto why = found->second.why;
    for (const auto& [name, shape] : shapes) {
      if (overlap(shape.suited, found->second.suited)) why.ahead += shape.before;
    }
    held.push_back({turn.second, std::move(why)});
    ++found->second.before;
  }
  return held;
}

}  // namespace hillstar::placement
