// SPDX-License-Identifier: Apache-2.0
#include "providers/pool/fair_queue.hpp"

#include <algorithm>

namespace hillstar::providers {
namespace {

/// A step of a run of weight 1. 64 bits of virtual time last for 2^43 such steps.
constexpr std::uint64_t kStep = 1'000'000;

std::uint64_t step_of(std::uint32_t weight) { return kStep / weight; }

}  // namespace

bool FairQueue::is_free(const Entry& entry) const { return entry.lane.empty() || !busy_lanes_.contains(entry.lane); }

bool FairQueue::push(Entry entry) {
  if (places_.size() >= entries_max_ || places_.contains(entry.ticket)) return false;
  auto& run = runs_[entry.run];
  run.weight = std::clamp<std::uint32_t>(entry.weight, 1, kWeightMax);
  if (run.line.empty()) {
    run.order = {virtual_time_ + step_of(run.weight), ++joined_};
    order_.emplace(run.order, entry.run);
  }
  if (!entry.lane.empty()) {
    ++waiting_in_lane_[entry.lane];
    if (busy_lanes_.contains(entry.lane)) ++behind_busy_lanes_;
  }
  const auto ticket = entry.ticket;
  const auto name = entry.run;
  places_.emplace(ticket, Place{name, run.line.insert(run.line.end(), std::move(entry))});
  return true;
}

std::optional<std::uint64_t> FairQueue::next() const {
  if (places_.size() == behind_busy_lanes_) return std::nullopt;
  for (const auto& [order, name] : order_)
    for (const auto& entry : runs_.at(name).line)
      if (is_free(entry)) return entry.ticket;
  return std::nullopt;
}

std::optional<FairQueue::Entry> FairQueue::extract(std::uint64_t ticket) {
  const auto place = places_.find(ticket);
  if (place == places_.end()) return std::nullopt;
  auto entry = std::move(*place->second.entry);
  runs_.at(entry.run).line.erase(place->second.entry);
  places_.erase(place);
  if (!entry.lane.empty()) {
    if (busy_lanes_.contains(entry.lane)) --behind_busy_lanes_;
    const auto lane = waiting_in_lane_.find(entry.lane);
    if (--lane->second == 0) waiting_in_lane_.erase(lane);
  }
  return entry;
}

std::optional<FairQueue::Entry> FairQueue::take(std::uint64_t ticket) {
  auto entry = extract(ticket);
  if (!entry) return entry;
  const auto found = runs_.find(entry->run);
  auto& run = found->second;
  virtual_time_ = std::max(virtual_time_, run.order.first);
  order_.erase(run.order);
  if (run.line.empty()) {
    runs_.erase(found);
  } else {
    // From what goes now, not from where it stood: a run that waited for its lane has saved nothing up.
    run.order = {virtual_time_ + step_of(run.weight), ++joined_};
    order_.emplace(run.order, entry->run);
  }
  if (!entry->lane.empty() && busy_lanes_.insert(entry->lane).second) {
    const auto waiting = waiting_in_lane_.find(entry->lane);
    if (waiting != waiting_in_lane_.end()) behind_busy_lanes_ += waiting->second;
  }
  return entry;
}

bool FairQueue::remove(std::uint64_t ticket) {
  const auto entry = extract(ticket);
  if (!entry) return false;
  const auto run = runs_.find(entry->run);
  if (run->second.line.empty()) {
    order_.erase(run->second.order);
    runs_.erase(run);
  }
  return true;
}

void FairQueue::free_lane(const std::string& lane) {
  if (busy_lanes_.erase(lane) == 0) return;
  const auto waiting = waiting_in_lane_.find(lane);
  if (waiting != waiting_in_lane_.end()) behind_busy_lanes_ -= waiting->second;
}

}  // namespace hillstar::providers
