// SPDX-License-Identifier: Apache-2.0
#include "actors/provider_pool.hpp"

#include <algorithm>
#include <caf/actor_cast.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <utility>

#include "actors/call_record.hpp"
#include "actors/live_output.hpp"
#include "actors/services.hpp"
#include "providers/adapter.hpp"
#include "providers/pool/token_bound.hpp"
#include "providers/two_step.hpp"
#include "runtime/policy/budget.hpp"
#include "runtime/policy/local_models.hpp"

namespace hillstar::actors {
namespace {

/// What Ollama has is asked of it just before the call.
constexpr std::string_view kLister = "ollama";
constexpr Millis kListTime{5'000};
/// Of one call: it has few, and its record must stay small.
constexpr std::size_t kConnectionsMax = 16;

Result<providers::HttpRequest> list_request(const providers::Endpoint& endpoint,
                                            const providers::HttpRequest& for_call) {
  HILLSTAR_TRY(auto list, providers::find_adapter(kLister)->encode_models(endpoint));
  list.network = for_call.network;
  list.reach = for_call.reach;
  list.connect_timeout = list.first_byte_timeout = list.idle_timeout = list.total_timeout =
      std::min(kListTime, for_call.total_timeout);
  return list;
}

/// Providers that trace their part of it hang it below the attempt. Not part of what is recorded of a request.
void add_trace(providers::HttpRequest& request, const std::string& trace) {
  if (!trace.empty()) request.headers.emplace_back("traceparent", trace);
}

/// Makes the call's request of the list of models that are there.
providers::NextRequest seat_filler(const ModelCall::Parts& parts, const providers::Endpoint& endpoint,
                                   providers::HttpRequest prepared) {
  const auto none = [seat = parts.backend.model, at = endpoint.base_url](const std::string& why) {
    return Failure{FailureClass::auth,
                   "no backend for seat '" + seat +
                       "': neither model_config.custom_providers nor HILLSTAR_ROUTER_URL says where it is, and Ollama "
                       "at " +
                       at + " " + why,
                   {}};
  };
  return [none, trace = parts.trace, request = parts.request, adapter = parts.backend.adapter, endpoint,
          prepared = std::move(prepared)](
             const providers::HttpOutcome& outcome) mutable -> std::variant<providers::HttpRequest, Failure> {
    if (const auto* failure = std::get_if<Failure>(&outcome)) return none("does not answer: " + failure->message);
    auto listed = providers::find_adapter(kLister)->decode_models(std::get<providers::HttpReply>(outcome), endpoint);
    if (const auto* failure = std::get_if<Failure>(&listed))
      return none("does not list its models: " + failure->message);
    std::vector<std::string> names;
    for (const auto& model : std::get<std::vector<ModelListing>>(listed)) names.push_back(model.id);
    const auto model = policy::model_for_seat(request.model, names);
    if (!model) return none("has no model of its own that would do");
    request.model = *model;
    auto http = providers::find_adapter(adapter)->encode(request, endpoint);
    if (!http) return Failure{FailureClass::invalid_request, to_string(http.error()), {}};
    http->network = prepared.network;
    add_trace(*http, trace);
    http->reach = prepared.reach;
    http->total_timeout = prepared.total_timeout;
    return *std::move(http);
  };
}

}  // namespace

ModelCall::~ModelCall() {
  answer(AttemptLost{parts_.ref});
  settle(in_flight ? cost_max : MicroUsd{});
}

void ModelCall::settle(MicroUsd spent) {
  if (const auto settled = std::exchange(on_settled, nullptr)) settled(spent);
}

void ModelCall::note(const Connection& made) {
  const std::lock_guard lock(connections_mutex_);
  if (connections_.size() < kConnectionsMax) connections_.push_back(made);
}

std::vector<Connection> ModelCall::connections() const {
  const std::lock_guard lock(connections_mutex_);
  return connections_;
}

void ModelCall::answer(ModelAnswer what, std::string partial) {
  if (!std::exchange(answered_, true))
    caf::anon_send(parts_.node, ModelDone{parts_.ref, std::move(what), std::move(partial)});
}

void ProviderPoolState::open(PoolParts parts, const policy::Backend& backend) {
  parts_ = std::move(parts);
  const auto limits = parts_.limits ? parts_.limits(backend) : providers::PoolLimits{};
  status_.backend = backend.name;
  admission_ = std::make_unique<providers::Admission>(backend.name, limits);
  // Only counted limits remember anything; without one, no history is read.
  if (parts_.past && (limits.rpm || limits.tpm || limits.usd_per_day))
    admission_->restore(parts_.past(backend.name), now());
}

ProviderPoolState::~ProviderPoolState() {
  for (const auto& [ticket, call] : calls_)
    if (call->in_flight) call->in_flight->cancel();
}

void ProviderPoolState::tell_board() {
  status_.waiting = static_cast<std::uint32_t>(calls_.size()) - status_.in_flight;
  if (parts_.board) parts_.board->set(status_);
}

providers::Moment ProviderPoolState::now() const {
  const auto steady = parts_.clock->steady_now().time_since_epoch();
  return {std::chrono::duration_cast<Millis>(steady), parts_.clock->utc_now()};
}

void ProviderPoolState::on_call(CallModel& message) {
  auto& call = message.call;
  const auto& parts = call->parts();
  call->ticket = ++tickets_;
  const auto input = providers::input_token_bound(parts.request);
  const auto output = providers::output_token_bound(parts.request);
  call->tokens_max = input + output;
  if (parts.reserved && parts.reserved->tokens > 0)
    call->tokens_max = parts.reserved->tokens, call->cost_max = parts.reserved->cost;
  else if (parts.backend.prices)
    call->cost_max = policy::most_of(input, output, *parts.backend.prices);
  calls_.emplace(call->ticket, call);
  providers::PoolCall offer{call->ticket, parts.run.str(), parts.backend.lane};
  offer.weight = parts.priority;
  offer.tokens = call->tokens_max;
  offer.cost = call->cost_max;
  act(admission_->offer(std::move(offer), now()));
  if (parts.queue_timeout && calls_.contains(call->ticket) && !call->in_flight)
    caf::delayed_anon_send(ProviderPool(self_), *parts.queue_timeout, CallQueueOver{call});
}

/// Does what the step says. A call that cannot be started has ended, which is another step.
void ProviderPoolState::act(providers::Admission::Step step) {
  std::vector<providers::Ticket> unsent;
  while (true) {
    for (auto& refusal : step.refused) {
      if (auto call = calls_.extract(refusal.ticket)) call.mapped()->answer(std::move(refusal.failure));
    }
    for (const auto ticket : step.go) {
      const auto call = calls_.find(ticket);
      if (call == calls_.end() || !start(ModelCallPtr(call->second))) unsent.push_back(ticket);
    }
    arm(step.wake_at);
    if (unsent.empty()) return;
    calls_.erase(unsent.back());
    providers::PoolOutcome outcome;
    outcome.tokens = 0;
    outcome.cost = MicroUsd{};
    outcome.cancelled = true;
    step = admission_->ended(unsent.back(), outcome, now());
    unsent.pop_back();
  }
}

void ProviderPoolState::arm(std::optional<Millis> wake_at) {
  // A timer cannot be taken back; one that comes earlier than needed asks, and is told to come again.
  if (!wake_at || (armed_for_ && *armed_for_ <= *wake_at)) return;
  armed_for_ = wake_at;
  caf::delayed_anon_send(ProviderPool(self_), std::max(*wake_at - now().steady, Millis(1)), PoolWake{});
}

void ProviderPoolState::on_wake() {
  if (armed_for_ && now().steady >= *armed_for_) armed_for_.reset();
  act(admission_->wake(now()));
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
  const auto endpoint = endpoint_of(parts);
  auto request = adapter->encode(parts.request, endpoint);
  if (!request) return refuse(to_string(request.error()));
  add_trace(*request, parts.trace);
  request->network = parts.network;
  request->reach = parts.reach;
  if (parts.start_to_close) request->total_timeout = std::min(request->total_timeout, *parts.start_to_close);

  // The callbacks run on the transport's thread: they use the reader, which is theirs alone, and send. They hold this
  // actor weakly, so that a call that never ends cannot keep it.
  std::shared_ptr<providers::ReplyReader> reader = adapter->reader(endpoint);
  const auto pool = caf::actor_cast<caf::weak_actor_ptr>(ProviderPool(self_));
  providers::HttpCallbacks callbacks;
  const auto clean = std::make_shared<policy::StreamRedactor>(parts.redactor);
  callbacks.on_body = [reader, call, clean, on_text = parts_.on_text](std::string_view bytes) {
    const auto chunk = reader->feed(bytes);
    if (chunk.text.empty() || !on_text) return;
    if (const auto text = clean->feed(chunk.text); !text.empty()) on_text(*call, text);
  };
  if (parts.reach) callbacks.on_connection = [call](const Connection& made) { call->note(made); };
  callbacks.done = [reader, call, pool, clean, on_text = parts_.on_text](const providers::HttpOutcome& outcome) {
    if (const auto rest = clean->finish(); on_text && !rest.empty()) on_text(*call, rest);
    CallEnded ended{call, reader->finish(outcome), {}};
    if (const auto* reply = std::get_if<providers::HttpReply>(&outcome)) {
      ended.hints = providers::rate_hints(*reply);
      ended.status = reply->status;
    }
    if (std::holds_alternative<Failure>(ended.result)) ended.partial = reader->partial();
    if (const auto strong = caf::actor_cast<caf::strong_actor_ptr>(pool))
      caf::anon_send(caf::actor_cast<ProviderPool>(strong), std::move(ended));
  };
  call->sent = sent_request(*request);
  if (parts.backend.source == policy::kLocalDiscovery) {
    auto list = list_request(endpoint, *request);
    if (!list) return refuse(to_string(list.error()));
    call->in_flight = providers::send_two(*parts_.transport, *std::move(list),
                                          seat_filler(parts, endpoint, std::move(*request)), std::move(callbacks));
  } else {
    call->in_flight = parts_.transport->send(std::move(*request), std::move(callbacks));
  }
  ++status_.in_flight;
  return true;
}

void ProviderPoolState::on_cancel(const CancelModel& message) {
  const auto entry = calls_.find(message.call->ticket);
  if (entry == calls_.end() || entry->second != message.call) return;
  if (message.call->in_flight) {
    message.call->cancelled = true;
    message.call->in_flight->cancel();  // answered when the transport lets go
  } else if (auto step = admission_->withdraw(message.call->ticket, now())) {
    message.call->answer(AttemptCancelled{message.call->parts().ref, true});
    calls_.erase(entry);
    act(std::move(*step));
  }
}

void ProviderPoolState::on_queue_over(const CallQueueOver& message) {
  const auto entry = calls_.find(message.call->ticket);
  if (entry == calls_.end() || entry->second != message.call) return;
  auto step = admission_->withdraw(message.call->ticket, now());
  if (!step) return;
  message.call->answer(no_slot_within(message.call->parts().queue_timeout));
  calls_.erase(entry);
  act(std::move(*step));
}

void ProviderPoolState::on_ended(CallEnded& message) {
  auto& call = message.call;
  call->status = message.status;
  call->live.reset();
  ++status_.calls;
  providers::PoolOutcome outcome;
  outcome.hints = message.hints;
  outcome.chance_ppm = parts_.ids->chance_ppm();
  if (auto* reply = std::get_if<ModelReply>(&message.result)) {
    auto& usage = reply->usage;
    // Servers that count nothing are taken at the most that it can have been.
    const auto counted = usage.input_tokens + usage.output_tokens;
    if (const auto& prices = call->parts().backend.prices; prices && counted != 0)
      usage.cost = policy::cost_of(usage, *prices);
    if (counted != 0) outcome.tokens = counted, outcome.cost = usage.cost;
    call->answer(std::move(*reply));
  } else {
    auto& failure = std::get<Failure>(message.result);
    outcome.failure = failure.kind;
    outcome.cancelled = call->cancelled;
    if (!call->cancelled) ++status_.failed;
    outcome.hints.retry_after = std::max(outcome.hints.retry_after, failure.retry_after);
    if (call->cancelled)
      call->answer(AttemptCancelled{call->parts().ref}, std::move(message.partial));
    else
      call->answer(std::move(failure), std::move(message.partial));
  }
  const bool turned_away = outcome.failure && !outcome.cancelled && policy::is_turned_away(*outcome.failure);
  const auto spent = outcome.cost.value_or(turned_away ? MicroUsd{} : call->cost_max);
  status_.cost += spent;
  if (calls_.erase(call->ticket) != 0) --status_.in_flight;
  call->settle(spent);
  act(admission_->ended(call->ticket, outcome, now()));
}

ProviderPool::behavior_type provider_pool(ProviderPool::stateful_pointer<ProviderPoolState> self, PoolParts parts,
                                          const policy::Backend& backend) {
  die_quietly(self);
  self->state.open(std::move(parts), backend);
  auto& state = self->state;
  return {[&state](CallModel& message) {
            state.on_call(message);
            state.tell_board();
          },
          [&state](const CancelModel& message) {
            state.on_cancel(message);
            state.tell_board();
          },
          [&state](const CallQueueOver& message) {
            state.on_queue_over(message);
            state.tell_board();
          },
          [&state](CallEnded& message) {
            state.on_ended(message);
            state.tell_board();
          },
          [&state](PoolWake) {
            state.on_wake();
            state.tell_board();
          }};
}

OnText live_text(std::shared_ptr<FeedGate> gate, FeedActor feed) {
  return [gate = std::move(gate), feed = std::move(feed)](ModelCall& call, const std::string& text) {
    const auto& parts = call.parts();
    if (!call.live)
      call.live = std::make_unique<LiveOutput>(
          gate, feed, Progress{parts.run, parts.node_id, parts.ref.item, parts.ref.attempt, {}});
    call.live->say(text);
  };
}

}  // namespace hillstar::actors
