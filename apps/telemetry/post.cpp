// SPDX-License-Identifier: Apache-2.0
#include "apps/telemetry/post.hpp"

#include <algorithm>

#include "providers/http/url.hpp"
#include "runtime/platform/id_source.hpp"

namespace hillstar::telemetry {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::uint64_t kReplyBytesMax = 1U << 20U;
/// How often a request in flight looks whether it is time to end.
constexpr std::chrono::milliseconds kLookEvery{100};

}  // namespace

bool reaches(const policy::Reach& reach, const Settings& settings) {
  for (const auto* target : {&settings.traces, &settings.metrics}) {
    if (target->url.empty()) continue;
    const auto url = providers::parse_url(target->url);
    if (!url || !policy::may_reach(reach, target->url, url->host, url->port)) return false;
  }
  return true;
}

std::string shown(const std::string& url) {
  const auto read = providers::parse_url(url);
  return read ? read->origin() : std::string("the collector");
}

/// Shared with the transport, which may answer after everybody has gone.
struct Post::Flight {
  std::mutex mutex;
  std::condition_variable landed;
  std::optional<providers::HttpOutcome> outcome;
};

Post::Post(PostOptions options) : options_(std::move(options)) {
  if (options_.transport) return;
  providers::TransportOptions own;
  own.ca_file = options_.ca_file;
  options_.transport = providers::make_beast_transport(own);
}

void Post::end_by(Steady::time_point moment) {
  {
    const std::lock_guard lock(mutex_);
    end_ = moment;
  }
  ending_.notify_all();
}

bool Post::rest(Millis pause) {
  std::unique_lock lock(mutex_);
  return !ending_.wait_for(lock, pause, [this] { return end_.has_value(); });
}

Verdict Post::deliver(const Target& target, std::string body) {
  SystemIdSource dice;
  for (std::uint32_t tried = 1;; ++tried) {
    auto verdict = verdict_of(try_once(target, body));
    if (verdict.kind != Verdict::Kind::again || tried >= kTriesMax) return verdict;
    if (!rest(verdict.wait.value_or(pause_after(tried, dice.chance_ppm())))) {
      // The last try was made before the end was known: one more.
      auto last = verdict_of(try_once(target, body));
      return last;
    }
  }
}

providers::HttpOutcome Post::try_once(const Target& target, const std::string& body) {
  const Failure no_time{FailureClass::timeout, "there was no more time", {}};
  const auto time_left = [this] {
    const std::lock_guard lock(mutex_);
    return !end_ || Steady::now() < *end_;
  };
  if (!time_left()) return no_time;
  providers::HttpRequest request;
  request.url = target.url;
  request.headers = target.headers;
  request.headers.emplace_back("content-type", "application/json");
  request.body = body;
  request.network = options_.network;
  request.reach = options_.reach;
  request.connect_timeout = request.first_byte_timeout = request.idle_timeout = request.total_timeout = target.timeout;
  request.body_bytes_max = kReplyBytesMax;
  const auto flight = std::make_shared<Flight>();
  providers::HttpCallbacks callbacks;
  callbacks.done = [flight](providers::HttpOutcome outcome) {
    const std::lock_guard lock(flight->mutex);
    flight->outcome = std::move(outcome);
    flight->landed.notify_all();
  };
  const auto cancellation = options_.transport->send(std::move(request), std::move(callbacks));
  std::unique_lock lock(flight->mutex);
  while (!flight->landed.wait_for(lock, kLookEvery, [&] { return flight->outcome.has_value(); })) {
    if (time_left()) continue;
    lock.unlock();
    cancellation->cancel();
    return no_time;
  }
  return *std::move(flight->outcome);
}

}  // namespace hillstar::telemetry
