// SPDX-License-Identifier: Apache-2.0
#include "providers/pool/admission.hpp"

#include <algorithm>

namespace hillstar::providers {

Admission::Admission(Limits limits) : limits_(limits) {
  limits_.concurrency = std::max<std::size_t>(limits_.concurrency, 1);
}

Admission::Verdict Admission::offer(Ticket ticket) {
  if (running_.contains(ticket) || places_.contains(ticket)) return Verdict::refused;
  // A newcomer never overtakes: after a lowered limit the line may be non-empty while slots are free again.
  if (line_.empty() && running_.size() < limits_.concurrency) {
    running_.insert(ticket);
    return Verdict::go;
  }
  if (line_.size() >= limits_.queue_max) return Verdict::refused;
  places_.emplace(ticket, line_.insert(line_.end(), ticket));
  return Verdict::queued;
}

std::vector<Ticket> Admission::finished(Ticket ticket) {
  if (running_.erase(ticket) == 0) return {};
  return fill();
}

bool Admission::withdraw(Ticket ticket) {
  const auto place = places_.find(ticket);
  if (place == places_.end()) return false;
  line_.erase(place->second);
  places_.erase(place);
  return true;
}

std::vector<Ticket> Admission::set_concurrency(std::size_t concurrency) {
  limits_.concurrency = std::max<std::size_t>(concurrency, 1);
  return fill();
}

std::vector<Ticket> Admission::fill() {
  std::vector<Ticket> started;
  while (!line_.empty() && running_.size() < limits_.concurrency) {
    const Ticket next = line_.front();
    line_.pop_front();
    places_.erase(next);
    running_.insert(next);
    started.push_back(next);
  }
  return started;
}

}  // namespace hillstar::providers
