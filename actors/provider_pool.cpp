// SPDX-License-Identifier: Apache-2.0
#include "actors/provider_pool.hpp"

#include <algorithm>
#include <caf/actor_cast.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <utility>

#include "actors/services.hpp"
#include "providers/adapter.hpp"

namespace hillstar::actors {

ModelCall::~ModelCall() { answer(AttemptLost{parts_.ref}); }

void ModelCall::answer(ModelAnswer what, std::string partial) {
  if (!std::exchange(answered_, true))
    caf::anon_send(parts_.node, ModelDone{parts_.ref, std::move(what), std::move(partial)});
}

void ProviderPoolState::open(PoolParts parts) {
  parts_ = std::move(parts);
  providers::Admission::Limits limits;
  limits.concurrency = parts_.calls_max;
  admission_ = std::make_unique<providers::Admission>(limits);
}

ProviderPoolState::~ProviderPoolState() {
  for (const auto& [ticket, call] : calls_)
    if (call->in_flight) call->in_flight->cancel();
}

void ProviderPoolState::on_call(CallModel& message) {
  auto& call = message.call;
  call->ticket = ++tickets_;
  switch (admission_->offer(call->ticket)) {
    case providers::Admission::Verdict::go:
      calls_.emplace(call->ticket, call);
      if (!start(call)) release(call->ticket);
      return;
    case providers::Admission::Verdict::queued:
      calls_.emplace(call->ticket, call);
      if (const auto& wait = call->parts().queue_timeout)
        caf::delayed_anon_send(ProviderPool(self_), *wait, CallQueueOver{call});
      return;
    case providers::Admission::Verdict::refused:
      return call->answer(Failure{FailureClass::overloaded, "too many calls wait for this provider", {}});
  }
}

/// False: it was refused, and answered; its slot is still taken.
bool ProviderPoolState::start(const ModelCallPtr& call) {
  const auto& parts = call->parts();
  const auto refuse = [&](const std::string& reason) {
    call->answer(Failure{FailureClass::invalid_request, reason, {}});
    return false;
  };
  const auto* adapter = providers::find_adapter(parts.backend.adapter);
  if (adapter == nullptr) return refuse("there is no adapter '" + parts.backend.adapter + "'");
  providers::Endpoint endpoint;
  endpoint.base_url = parts.backend.base_url;
  endpoint.key = parts.key;
  endpoint.api_version = parts.backend.api_version;
  auto request = adapter->encode(parts.request, endpoint);
  if (!request) return refuse(to_string(request.error()));
  request->network = parts.network;
  if (parts.start_to_close) request->total_timeout = std::min(request->total_timeout, *parts.start_to_close);

  // The callbacks run on the transport's thread: they use the reader, which is theirs alone, and send. They hold this
  // actor weakly, so that a call that never ends cannot keep it.
  std::shared_ptr<providers::ReplyReader> reader = adapter->reader(endpoint);
  const auto pool = caf::actor_cast<caf::weak_actor_ptr>(ProviderPool(self_));
  providers::HttpCallbacks callbacks;
  callbacks.on_body = [reader, call, on_text = parts_.on_text,
                       clean = policy::StreamRedactor(parts.redactor)](std::string_view bytes) mutable {
    const auto chunk = reader->feed(bytes);
    if (chunk.text.empty() || !on_text) return;
    if (const auto text = clean.feed(chunk.text); !text.empty()) on_text(*call, text);
  };
  callbacks.done = [reader, call, pool](const providers::HttpOutcome& outcome) {
    CallEnded ended{call, reader->finish(outcome), {}};
    if (std::holds_alternative<Failure>(ended.result)) ended.partial = reader->partial();
    if (const auto strong = caf::actor_cast<caf::strong_actor_ptr>(pool))
      caf::anon_send(caf::actor_cast<ProviderPool>(strong), std::move(ended));
  };
  call->in_flight = parts_.transport->send(std::move(*request), std::move(callbacks));
  return true;
}

void ProviderPoolState::release(std::uint64_t ticket) {
  calls_.erase(ticket);
  auto ready = admission_->finished(ticket);
  for (std::size_t i = 0; i < ready.size(); ++i) {
    const auto entry = calls_.find(ready[i]);
    if (entry == calls_.end() || start(ModelCallPtr(entry->second))) continue;
    calls_.erase(ready[i]);
    const auto more = admission_->finished(ready[i]);
    ready.insert(ready.end(), more.begin(), more.end());
  }
}

void ProviderPoolState::on_cancel(const CancelModel& message) {
  const auto entry = calls_.find(message.call->ticket);
  if (entry == calls_.end() || entry->second != message.call) return;
  if (message.call->in_flight) {
    message.call->cancelled = true;
    message.call->in_flight->cancel();  // answered when the transport lets go
  } else if (admission_->withdraw(message.call->ticket)) {
    message.call->answer(AttemptCancelled{message.call->parts().ref});
    calls_.erase(entry);
  }
}

void ProviderPoolState::on_queue_over(const CallQueueOver& message) {
  const auto entry = calls_.find(message.call->ticket);
  if (entry == calls_.end() || entry->second != message.call || !admission_->withdraw(message.call->ticket)) return;
  message.call->answer(no_slot_within(message.call->parts().queue_timeout));
  calls_.erase(entry);
}

void ProviderPoolState::on_ended(CallEnded& message) {
  auto& call = message.call;
  if (auto* reply = std::get_if<ModelReply>(&message.result))
    call->answer(std::move(*reply));
  else if (call->cancelled)
    call->answer(AttemptCancelled{call->parts().ref});
  else
    call->answer(std::get<Failure>(std::move(message.result)), std::move(message.partial));
  release(call->ticket);
}

DirectoryState::~DirectoryState() {
  for (const auto& [backend, pool] : pools_) caf::anon_send_exit(pool, caf::exit_reason::user_shutdown);
}

void DirectoryState::on_call(CallModel& message) {
  auto& pool = pools_[message.call->parts().backend.name];
  if (!pool) {
    if (pools_.size() > kBackendsMax) {
      pools_.erase(message.call->parts().backend.name);
      return message.call->answer(Failure{
          FailureClass::overloaded, std::to_string(kBackendsMax) + " different backends are in use already", {}});
    }
    pool = self_->spawn<caf::monitored>(provider_pool, parts_);
  }
  caf::anon_send(pool, std::move(message));
}

void DirectoryState::on_cancel(const CancelModel& message) {
  const auto entry = pools_.find(message.call->parts().backend.name);
  if (entry != pools_.end()) caf::anon_send(entry->second, message);
}

void DirectoryState::on_down(const caf::down_msg& message) {
  // Its calls answered "lost" when its state went; the next call starts another pool.
  const auto entry = std::find_if(pools_.begin(), pools_.end(),
                                  [&](const auto& item) { return item.second.address() == message.source; });
  if (entry != pools_.end()) pools_.erase(entry);
}

ProviderPool::behavior_type provider_pool(ProviderPool::stateful_pointer<ProviderPoolState> self, PoolParts parts) {
  die_quietly(self);
  self->state.open(std::move(parts));
  return {[self](CallModel& message) { self->state.on_call(message); },
          [self](const CancelModel& message) { self->state.on_cancel(message); },
          [self](const CallQueueOver& message) { self->state.on_queue_over(message); },
          [self](CallEnded& message) { self->state.on_ended(message); }};
}

ProviderPool::behavior_type provider_directory(ProviderPool::stateful_pointer<DirectoryState> self, PoolParts parts) {
  die_quietly(self);
  self->set_down_handler([self](caf::down_msg& message) { self->state.on_down(message); });
  self->state.open(std::move(parts));
  return {[self](CallModel& message) { self->state.on_call(message); },
          [self](const CancelModel& message) { self->state.on_cancel(message); }, [](const CallQueueOver&) {},
          [](const CallEnded&) {}};
}

}  // namespace hillstar::actors
