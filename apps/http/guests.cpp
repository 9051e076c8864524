// SPDX-License-Identifier: Apache-2.0
#include "apps/http/guests.hpp"

#include <utility>

namespace hillstar::http {

Guests::Place::Place(std::shared_ptr<Guests> guests, std::uint64_t number, std::string peer)
    : guests_(std::move(guests)), number_(number), peer_(std::move(peer)) {}

Guests::Place::~Place() {
  const std::lock_guard lock(guests_->mutex_);
  guests_->guests_.erase(number_);
  guests_->traffic_->connections = guests_->guests_.size();
  const auto peer = guests_->by_peer_.find(peer_);
  if (--peer->second == 0) guests_->by_peer_.erase(peer);
  if (guests_->guests_.empty()) guests_->empty_.notify_all();
}

void Guests::Place::taken_by(std::weak_ptr<Guest> guest) {
  const std::lock_guard lock(guests_->mutex_);
  guests_->guests_[number_] = std::move(guest);
}

Guests::Guests(std::size_t max, std::size_t per_peer_max, std::shared_ptr<Traffic> traffic)
    : max_(max), per_peer_max_(per_peer_max), traffic_(std::move(traffic)) {}

std::unique_ptr<Guests::Place> Guests::come(const std::string& peer) {
  const std::lock_guard lock(mutex_);
  const auto known = by_peer_.find(peer);
  if (guests_.size() >= max_ || (known != by_peer_.end() && known->second >= per_peer_max_)) return nullptr;
  ++by_peer_[peer];
  guests_[++next_] = {};
  traffic_->connections = guests_.size();
  return std::make_unique<Place>(shared_from_this(), next_, peer);
}

std::vector<std::shared_ptr<Guest>> Guests::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Guest>> guests;
  for (const auto& [number, weak] : guests_)
    if (auto guest = weak.lock()) guests.push_back(std::move(guest));
  return guests;
}

void Guests::leave_all() const {
  for (const auto& guest : all()) guest->leave();
}

void Guests::cut_all() const {
  for (const auto& guest : all()) guest->cut();
}

bool Guests::wait_until_gone(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return empty_.wait_for(lock, patience, [this] { return guests_.empty(); });
}

}  // namespace hillstar::http
