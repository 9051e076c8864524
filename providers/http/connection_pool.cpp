// SPDX-License-Identifier: Apache-2.0
#include "providers/http/connection_pool.hpp"

#include <iterator>
#include <utility>

namespace hillstar::providers::beast_detail {

std::unique_ptr<Connection> ConnectionPool::take(const std::string& route) {
  const auto found = idle_.find(route);
  if (found == idle_.end()) return nullptr;
  auto& connections = found->second;
  std::unique_ptr<Connection> taken;
  while (!connections.empty() && taken == nullptr) {
    // The youngest: the most likely to be alive.
    auto candidate = std::move(connections.back());
    connections.pop_back();
    --count_;
    if (std::chrono::steady_clock::now() - candidate->idle_since < limits_.age && candidate->is_quiet())
      taken = std::move(candidate);
  }
  if (connections.empty()) idle_.erase(found);
  return taken;
}

void ConnectionPool::keep(const std::string& route, std::unique_ptr<Connection> connection) {
  if (limits_.per_route == 0) return;
  auto& connections = idle_[route];
  if (connections.size() >= limits_.per_route || (count_ >= limits_.in_all && !connections.empty())) {
    connections.pop_front();
    --count_;
  }
  if (count_ < limits_.in_all) {
    connection->idle_since = std::chrono::steady_clock::now();
    connections.push_back(std::move(connection));
    ++count_;
  }
  if (connections.empty()) idle_.erase(route);
  if (!sweeping_) sweep();
}

void ConnectionPool::clear() {
  idle_.clear();
  count_ = 0;
  sweeper_.cancel();
}

/// Closes what nobody has used for a while; sleeps as long as there is nothing to watch.
void ConnectionPool::sweep() {
  const auto limit = std::chrono::steady_clock::now() - limits_.age;
  for (auto entry = idle_.begin(); entry != idle_.end();) {
    auto& connections = entry->second;
    while (!connections.empty() && connections.front()->idle_since <= limit) {
      connections.pop_front();
      --count_;
    }
    entry = connections.empty() ? idle_.erase(entry) : std::next(entry);
  }
  sweeping_ = !idle_.empty();
  if (!sweeping_) return;
  sweeper_.expires_after(limits_.age);
  sweeper_.async_wait([this](const error_code& code) {
    if (!code) sweep();
  });
}

}  // namespace hillstar::providers::beast_detail
