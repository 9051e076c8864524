// SPDX-License-Identifier: Apache-2.0
#include "actors/provider_directory.hpp"

#include <algorithm>
#include <caf/actor_cast.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <utility>

#include "actors/services.hpp"

namespace hillstar::actors {

DirectoryState::~DirectoryState() {
  for (const auto& [backend, pool] : pools_) caf::anon_send_exit(pool, caf::exit_reason::user_shutdown);
}

void DirectoryState::on_call(CallModel& message) {
  auto* account = account_of(message.call);
  if (account == nullptr) return;
  const auto& workflow = message.call->parts().workflow;
  if (account->waiting.size() >= kLedgerQueueMax)
    return message.call->answer(
        Failure{FailureClass::overloaded,
                std::to_string(kLedgerQueueMax) + " calls wait for the workflow's budget already",
                {}});
  account->waiting.push_back(message.call);
  pump(workflow, *account);
  const auto limit = message.call->parts().queue_timeout;
  if (limit && !account->waiting.empty() && account->waiting.back() == message.call)
    caf::delayed_anon_send(ProviderDirectory(self_), *limit, CallQueueOver{message.call});
}

/// Nullptr: no shared budget is concerned and the call was handed on, or it was answered.
DirectoryState::Account* DirectoryState::account_of(const ModelCallPtr& call) {
  const auto& parts = call->parts();
  const auto found = accounts_.find(parts.workflow);
  if (found != accounts_.end()) return &found->second;
  if (!parts.shared.all && !parts.shared.day) {
    hand_on(call);
    return nullptr;
  }
  const auto now = parts_.pool.clock->utc_now();
  auto past = parts_.past_spending ? parts_.past_spending(parts.workflow, now)
                                   : Result<providers::Ledger::Past>(providers::Ledger::Past{});
  if (!past) {
    call->answer(
        Failure{FailureClass::io, "what the workflow has spent cannot be read: " + to_string(past.error()), {}});
    return nullptr;
  }
  return &accounts_.emplace(parts.workflow, Account{providers::Ledger(*past, now), {}}).first->second;
}

void DirectoryState::pump(const std::string& workflow, Account& account) {
  using Verdict = providers::Ledger::Verdict;
  while (!account.waiting.empty()) {
    auto call = account.waiting.front();
    const auto& parts = call->parts();
    const auto cost = parts.reserved ? parts.reserved->cost : MicroUsd{};
    const auto ticket = ++tickets_;
    const auto verdict = account.ledger.reserve(ticket, cost, parts.shared, parts_.pool.clock->utc_now());
    if (verdict == Verdict::waits) return;
    account.waiting.pop_front();
    if (verdict == Verdict::refused) {
      const auto& why = account.ledger.refusal();
      call->answer(BudgetRefused{parts.ref, why.scope, why.limit, why.spent, cost});
      continue;
    }
    call->on_settled = [directory = caf::actor_cast<caf::weak_actor_ptr>(ProviderDirectory(self_)), workflow,
                        ticket](MicroUsd spent) {
      if (const auto strong = caf::actor_cast<caf::strong_actor_ptr>(directory))
        caf::anon_send(caf::actor_cast<ProviderDirectory>(strong), CallSettled{workflow, ticket, spent});
    };
    hand_on(std::move(call));
  }
}

void DirectoryState::hand_on(ModelCallPtr call) {
  const auto& backend = call->parts().backend;
  auto& pool = pools_[backend.name];
  if (!pool) {
    if (pools_.size() > kBackendsMax) {
      pools_.erase(backend.name);
      return call->answer(Failure{
          FailureClass::overloaded, std::to_string(kBackendsMax) + " different backends are in use already", {}});
    }
    pool = self_->spawn<caf::monitored>(provider_pool, parts_.pool, backend);
  }
  caf::anon_send(pool, CallModel{std::move(call)});
}

bool DirectoryState::withdraw(const ModelCallPtr& call) {
  const auto account = accounts_.find(call->parts().workflow);
  return account != accounts_.end() && std::erase(account->second.waiting, call) > 0;
}

void DirectoryState::on_cancel(const CancelModel& message) {
  if (withdraw(message.call)) {
    message.call->answer(AttemptCancelled{message.call->parts().ref, true});
    const auto& workflow = message.call->parts().workflow;
    return pump(workflow, accounts_.at(workflow));
  }
  const auto entry = pools_.find(message.call->parts().backend.name);
  if (entry != pools_.end()) caf::anon_send(entry->second, message);
}

void DirectoryState::on_queue_over(const CallQueueOver& message) {
  if (!withdraw(message.call)) return;
  message.call->answer(no_slot_within(message.call->parts().queue_timeout));
  const auto& workflow = message.call->parts().workflow;
  pump(workflow, accounts_.at(workflow));
}

void DirectoryState::on_settled(const CallSettled& message) {
  const auto account = accounts_.find(message.workflow);
  if (account == accounts_.end()) return;
  account->second.ledger.settle(message.ticket, message.spent, parts_.pool.clock->utc_now());
  pump(message.workflow, account->second);
}

void DirectoryState::on_down(const caf::down_msg& message) {
  // Its calls answered "lost" when its state went; the next call starts another pool.
  const auto entry = std::find_if(pools_.begin(), pools_.end(),
                                  [&](const auto& item) { return item.second.address() == message.source; });
  if (entry != pools_.end()) pools_.erase(entry);
}

ProviderDirectory::behavior_type provider_directory(ProviderDirectory::stateful_pointer<DirectoryState> self,
                                                    DirectoryParts parts) {
  die_quietly(self);
  self->set_down_handler([self](caf::down_msg& message) { self->state.on_down(message); });
  self->state.open(std::move(parts));
  return {[self](CallModel& message) { self->state.on_call(message); },
          [self](const CancelModel& message) { self->state.on_cancel(message); },
          [self](const CallQueueOver& message) { self->state.on_queue_over(message); },
          [self](const CallSettled& message) { self->state.on_settled(message); }};
}

}  // namespace hillstar::actors
