// SPDX-License-Identifier: Apache-2.0
// What a worker that joins says that it has already. A part of WorkerDirectoryState.
//
// What this process gave to it, it knows itself. All else was given by a host before it, if by any: that counts only
// with a claim.
#include <algorithm>
#include <utility>

#include "actors/job.hpp"
#include "actors/remote/claim.hpp"
#include "actors/remote/placed_node.hpp"
#include "actors/remote/worker_directory.hpp"

namespace hillstar::actors {

void WorkerDirectoryState::take_back(Worker& worker, const remote::Hello& hello) {
  const auto& who = worker.peer.name;
  std::erase_if(unclaimed_, [&](const auto& item) { return item.second == who; });
  worker.unproved.clear();
  for (const auto& key : hello.attempts) {
    const auto known = placed_.find(key);
    if (known != placed_.end() && known->second.worker == who) continue;
    if (may_prove(key))
      worker.unproved.insert(key);
    else
      forget(key, worker);
  }
  if (worker.protocol < kProtocolClaims) refuse_unproved(worker, "its program is too old to show that");
  // What was sent and never arrived has not begun: it is sent again.
  std::vector<Placed*> unsent;
  for (auto& [key, placed] : placed_)
    if (placed.worker == who && placed.stage == Stage::running &&
        std::find(hello.attempts.begin(), hello.attempts.end(), key) == hello.attempts.end())
      unsent.push_back(&placed);
  for (auto* placed : unsent) {
    placed->offered.clear();
    send(*placed, worker);
  }
}

/// Whether an attempt may have been given by a host before this one.
bool WorkerDirectoryState::may_prove(const std::string& key) {
  const auto known = placed_.find(key);
  return known != placed_.end() ? known->second.stage == Stage::adopting : now() < adopt_until_;
}

void WorkerDirectoryState::on_claims(Worker& worker, const remote::Claims& shown) {
  for (const auto& [key, claim] : shown.claims) {
    const auto named = worker.unproved.find(key);
    if (named == worker.unproved.end() || !is_claim(claim_key_, key, owner_of(worker), claim)) continue;
    worker.unproved.erase(named);
    take_proved(key, worker);
  }
  if (shown.last) refuse_unproved(worker, "it cannot show that");
}

void WorkerDirectoryState::take_proved(const std::string& key, Worker& worker) {
  const auto known = placed_.find(key);
  if (!may_prove(key)) return forget(key, worker);
  if (known == placed_.end())
    unclaimed_[key] = worker.peer.name;
  else
    adopt(known->second, worker);
}

void WorkerDirectoryState::refuse_unproved(Worker& worker, const std::string& why) {
  const auto refused = std::exchange(worker.unproved, {});
  if (refused.empty()) return;
  say(worker.peer.name, "warning: worker " + worker.peer.name + " names " + std::to_string(refused.size()) +
                            " attempts that a host gave before this one was started, such as " +
                            plain(*refused.begin()) + ", and " + why + ": they are not its");
  for (const auto& key : refused) forget(key, worker);
}

void WorkerDirectoryState::adopt(Placed& placed, Worker& worker) {
  placed.stage = Stage::running;
  placed.worker = worker.peer.name;
  ++worker.making;
  placement::take(machine_of(worker), wish_of(placed));
  parts_.services->log("attempt " + placed.what->key + " goes on at worker " + worker.peer.name);
}

}  // namespace hillstar::actors
