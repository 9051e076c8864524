// SPDX-License-Identifier: Apache-2.0
// In front of the pools: starts a pool at the first call to its backend, and keeps the budgets that many runs share,
// which no single pool or run sees whole.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "actors/provider_pool.hpp"
#include "providers/pool/ledger.hpp"

namespace hillstar::actors {

/// Backends of one engine; calls to further ones are refused with FailureClass::overloaded.
inline constexpr std::size_t kBackendsMax = 1'000;
/// Calls of one workflow that wait for money; further ones are refused with FailureClass::overloaded.
inline constexpr std::size_t kLedgerQueueMax = 100'000;

struct DirectoryParts {
  PoolParts pool;
  /// What the runs of a workflow have spent before now: all of it, and today. Empty: nothing.
  std::function<Result<providers::Ledger::Past>(const std::string& workflow, UtcTime now)> past_spending;
};

class DirectoryState {
 public:
  explicit DirectoryState(ProviderDirectory::pointer actor) : self_(actor) {}
  ~DirectoryState();

  void open(DirectoryParts parts) { parts_ = std::move(parts); }
  void on_call(CallModel& message);
  void on_cancel(const CancelModel& message);
  void on_queue_over(const CallQueueOver& message);
  void on_settled(const CallSettled& message);
  void on_down(const caf::down_msg& message);

  const char* name = "providers";

 private:
  struct Account {
    providers::Ledger ledger;
    std::deque<ModelCallPtr> waiting;
  };
  Account* account_of(const ModelCallPtr& call);
  /// Lets calls go in their order, as far as the money does.
  void pump(const std::string& workflow, Account& account);
  void hand_on(ModelCallPtr call);
  bool withdraw(const ModelCallPtr& call);

  ProviderDirectory::pointer self_;
  DirectoryParts parts_;
  std::map<std::string, ProviderPool> pools_;  ///< By Backend::name.
  std::map<std::string, Account> accounts_;    ///< By workflow; of those whose runs have such a budget.
  std::uint64_t tickets_ = 0;
};

ProviderDirectory::behavior_type provider_directory(ProviderDirectory::stateful_pointer<DirectoryState> self,
                                                    DirectoryParts parts);

}  // namespace hillstar::actors
