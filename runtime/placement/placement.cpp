// SPDX-License-Identifier: Apache-2.0
#include "runtime/placement/placement.hpp"

#include <algorithm>
#include <tuple>

namespace hillstar::placement {
namespace {

/// Of the workers that are there, as many are named in a sentence.
constexpr std::size_t kNamed = 5;

bool has_label(const Machine& machine, const std::string& name, const std::string& value) {
  const auto found = machine.labels.find(name);
  return found != machine.labels.end() && (value.empty() || found->second == value);
}

bool has_labels(const Machine& machine, const Wish& wish) {
  return std::all_of(wish.placement.labels.begin(), wish.placement.labels.end(),
                     [&](const auto& label) { return has_label(machine, label.first, label.second); });
}

bool is_cleared(const Machine& machine, const Wish& wish) {
  if (!wish.clearance || wish.clearance->needs == 0) return true;
  const auto label = machine.labels.find(std::string(kClearanceLabel));
  if (label == machine.labels.end()) return false;
  const auto& classes = wish.clearance->classes;
  const auto found = std::find(classes.begin(), classes.end(), label->second);
  return found != classes.end() && static_cast<std::size_t>(found - classes.begin()) >= wish.clearance->needs;
}

std::uint32_t slots_of(const Wish& wish) { return std::max<std::uint32_t>(wish.placement.slots, 1); }

/// What speaks for a machine; the greatest wins.
struct Merit {
  std::int64_t rule = 0;
  std::size_t preferred = 0;
  std::uint64_t bytes_there = 0;

  [[nodiscard]] auto key() const { return std::tie(rule, preferred, bytes_there); }
};

Merit merit_of(const Machine& machine, const Wish& wish) {
  Merit merit;
  if (wish.placement.rule == workflow::PlaceRule::spread) {
    const auto found = machine.attempts_of_run.find(wish.run);
    merit.rule = found == machine.attempts_of_run.end() ? 0 : -static_cast<std::int64_t>(found->second);
  } else if (wish.placement.rule == workflow::PlaceRule::sticky) {
    merit.rule = std::find(machine.served.begin(), machine.served.end(), wish.run) != machine.served.end() ? 1 : 0;
  }
  for (const auto& [name, value] : wish.placement.prefer) merit.preferred += has_label(machine, name, value) ? 1 : 0;
  for (const auto& [sha256, bytes] : wish.inputs) merit.bytes_there += machine.blobs.contains(sha256) ? bytes : 0;
  return merit;
}

/// Whether `a` has the greater part of its slots free; with equal parts the name decides.
bool is_freer(const Machine& a, const Machine& b) {
  const auto left = static_cast<std::uint64_t>(a.free()) * b.slots;
  const auto right = static_cast<std::uint64_t>(b.free()) * a.slots;
  return left != right ? left > right : a.name < b.name;
}

std::string counted(std::size_t count, std::string_view one) {
  return std::to_string(count) + " " + std::string(one) + (count == 1 ? "" : "s");
}

std::string text_of(const std::string& name, const std::string& value) {
  return value.empty() ? name : name + "=" + value;
}

/// ` with the label gpu`, ` with the labels gpu and site=lab2`, or nothing.
std::string with_labels(const Wish& wish, std::string_view verb) {
  const auto& labels = wish.placement.labels;
  if (labels.empty()) return {};
  auto text = " " + std::string(verb) + (labels.size() == 1 ? " the label " : " the labels ");
  std::size_t at = 0;
  for (const auto& [name, value] : labels) {
    if (at > 0) text += at + 1 == labels.size() ? " and " : ", ";
    text += text_of(name, value);
    ++at;
  }
  return text;
}

/// ` (2 workers are there: a, b)`.
std::string who_is_there(const std::vector<Machine>& machines) {
  std::vector<std::string> names;
  for (const auto& machine : machines) names.push_back(machine.name);
  std::sort(names.begin(), names.end());
  auto text = " (" + counted(names.size(), "worker") + (names.size() == 1 ? " is" : " are") + " there: ";
  for (std::size_t i = 0; i < std::min(names.size(), kNamed); ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kNamed) text += " and " + std::to_string(names.size() - kNamed) + " more";
  return text + ")";
}

using Group = std::vector<const Machine*>;

template <class Test>
Group keep(const Group& group, Test test) {
  Group kept;
  for (const auto* machine : group) {
    if (test(*machine)) kept.push_back(machine);
  }
  return kept;
}

NoPlace without_label(const std::vector<Machine>& machines, const Wish& wish) {
  for (const auto& [name, value] : wish.placement.labels) {
    const auto has = [&](const Machine& machine) { return has_label(machine, name, value); };
    if (std::none_of(machines.begin(), machines.end(), has))
      return {Lack::label, "no worker has the label " + text_of(name, value) + who_is_there(machines)};
  }
  return {Lack::label, "no worker has all of" + with_labels(wish, "").substr(1) + who_is_there(machines)};
}

NoPlace without_size(const Group& group, const Wish& wish) {
  const auto* largest = *std::min_element(group.begin(), group.end(), [](const Machine* a, const Machine* b) {
    return a->slots != b->slots ? a->slots > b->slots : a->name < b->name;
  });
  const auto has =
      " has " + counted(largest->slots, "slot") + ", and the node asks for " + std::to_string(wish.placement.slots);
  if (group.size() == 1) return {Lack::size, "worker " + largest->name + has};
  return {Lack::size, "the largest worker" + with_labels(wish, "with") + ", " + largest->name + "," + has};
}

/// `worker a is`, `both workers with the label gpu are`, `all 3 workers are`.
std::string all_of(const Group& group, const Wish& wish) {
  if (group.size() == 1) return "worker " + group.front()->name + " is";
  const auto many = group.size() == 2 ? std::string("both") : "all " + std::to_string(group.size());
  return many + " workers" + with_labels(wish, "with") + " are";
}

NoPlace without_opening(const Group& group, const Wish& wish) {
  const auto drains = static_cast<std::size_t>(
      std::count_if(group.begin(), group.end(), [](const Machine* machine) { return !machine->cordoned; }));
  const auto* state = drains == 0 ? " cordoned" : drains == group.size() ? " draining" : " cordoned or draining";
  return {Lack::open, all_of(group, wish) + state};
}

/// All of the group suit and are open.
NoPlace without_room(const Group& group, const Wish& wish) {
  const auto slots = slots_of(wish);
  const auto has_room = [&](const Machine* machine) { return machine->free() >= slots; };
  if (std::any_of(group.begin(), group.end(), has_room))
    return {Lack::free, "what is free is kept for attempts that come first"};
  if (slots == 1) return {Lack::free, all_of(group, wish) + " busy"};
  const auto free = std::to_string(slots) + " slots free";
  if (group.size() == 1) return {Lack::free, "worker " + group.front()->name + " does not have " + free};
  return {Lack::free, "no worker" + with_labels(wish, "with") + " has " + free};
}

}  // namespace

std::string NoPlace::sentence() const {
  if (ahead == 0 || is_impossible()) return why;
  return why + ": " + counted(ahead, "attempt") + (ahead == 1 ? " waits" : " wait") + " before this one";
}

bool suits(const Machine& machine, const Wish& wish) {
  return slots_of(wish) <= machine.slots && has_labels(machine, wish) && is_cleared(machine, wish);
}

NoPlace why_not(const std::vector<Machine>& machines, const Wish& wish) {
  if (machines.empty()) return {Lack::machine, "no worker is there"};
  Group group;
  for (const auto& machine : machines) group.push_back(&machine);
  group = keep(group, [&](const Machine& machine) { return has_labels(machine, wish); });
  if (group.empty()) return without_label(machines, wish);
  group = keep(group, [&](const Machine& machine) { return is_cleared(machine, wish); });
  if (group.empty()) {
    const auto& clearance = *wish.clearance;
    const auto name = clearance.needs < clearance.classes.size() ? clearance.classes[clearance.needs] : "?";
    return {Lack::clearance, "no worker" + with_labels(wish, "with") + " is cleared for data of class '" + name +
                                 "': its label " + std::string(kClearanceLabel) +
                                 " must name that class or a higher one"};
  }
  const auto large = keep(group, [&](const Machine& machine) { return slots_of(wish) <= machine.slots; });
  if (large.empty()) return without_size(group, wish);
  const auto open = keep(large, [](const Machine& machine) { return machine.is_open(); });
  if (open.empty()) return without_opening(large, wish);
  return without_room(open, wish);
}

std::variant<std::size_t, NoPlace> choose(const std::vector<Machine>& machines, const Wish& wish,
                                          const std::vector<bool>& kept) {
  std::optional<std::size_t> best;
  Merit best_merit;
  for (std::size_t i = 0; i < machines.size(); ++i) {
    const auto& machine = machines[i];
    if (i < kept.size() && kept[i]) continue;
    if (!machine.is_open() || machine.free() < slots_of(wish) || !suits(machine, wish)) continue;
    const auto merit = merit_of(machine, wish);
    const bool wins = !best || merit.key() > best_merit.key() ||
                      (merit.key() == best_merit.key() && is_freer(machine, machines[*best]));
    if (!wins) continue;
    best = i;
    best_merit = merit;
  }
  if (best) return *best;
  return why_not(machines, wish);
}

void take(Machine& machine, const Wish& wish) {
  machine.used += slots_of(wish);
  ++machine.attempts_of_run[wish.run];
  const auto found = std::find(machine.served.begin(), machine.served.end(), wish.run);
  if (found != machine.served.end()) machine.served.erase(found);
  machine.served.push_back(wish.run);
  if (machine.served.size() > kServedMax) machine.served.erase(machine.served.begin());
}

void give_back(Machine& machine, const std::string& run, std::uint32_t slots) {
  machine.used -= std::min(machine.used, std::max<std::uint32_t>(slots, 1));
  const auto found = machine.attempts_of_run.find(run);
  if (found != machine.attempts_of_run.end() && --found->second == 0) machine.attempts_of_run.erase(found);
}

}  // namespace hillstar::placement
