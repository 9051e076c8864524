// SPDX-License-Identifier: Apache-2.0
#include "apps/http/hook_table.hpp"

#include <utility>
#include <vector>

namespace hillstar::http {

HookTable::HookTable(Engine& engine) : engine_(engine) {
  const auto ticket = engine_.watch([stale = stale_](const RunId& run, const auto&) {
    if (is_stream_history(run)) stale->store(true);
  });
  if (ticket) ticket_ = *ticket;
}

HookTable::~HookTable() {
  if (ticket_) engine_.unwatch(*ticket_);
}

std::shared_ptr<const EntryPoint> HookTable::find(const std::string& stream) {
  std::shared_ptr<const Hooks> hooks;
  {
    const std::lock_guard lock(mutex_);
    // First said to be fresh, then made: what changes meanwhile makes it stale again.
    if (stale_->exchange(!ticket_) || !hooks_) {
      auto made = std::make_shared<Hooks>();
      for (auto& status : engine_.streams()) {
        auto& declared = status.declared;
        if (declared.entry.trigger == TriggerKind::webhook && declared.entry.webhook)
          made->emplace(declared.stream, std::make_shared<const EntryPoint>(std::move(declared.entry)));
      }
      hooks_ = std::move(made);
    }
    hooks = hooks_;
  }
  const auto found = hooks->find(stream);
  return found == hooks->end() ? nullptr : found->second;
}

}  // namespace hillstar::http
