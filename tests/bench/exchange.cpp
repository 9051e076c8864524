// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/exchange.hpp"

#include <stdexcept>
#include <string>
#include <variant>

#include "providers/adapter.hpp"
#include "providers/pool/admission.hpp"
#include "providers/pool/token_bound.hpp"
#include "tests/bench/measure.hpp"

namespace hillstar::bench {
namespace {

constexpr int kCalls = 20'000;
constexpr std::uint64_t kInFlight = 64;
constexpr int kChunks = 20;

ModelRequest request() {
  ModelRequest request;
  request.model = "mock";
  request.system = "You read tables of measurements.";
  request.prompt = std::string(2'000, 'x');
  request.max_tokens = 400;
  return request;
}

std::string stream() {
  std::string body;
  for (int i = 0; i < kChunks; ++i)
    body += R"(data: {"id":"r","model":"mock","choices":[{"index":0,"delta":{"content":"some words of text "}}]})"
            "\n\n";
  body += R"(data: {"id":"r","model":"mock","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],)"
          R"("usage":{"prompt_tokens":500,"completion_tokens":80,"total_tokens":580}})"
          "\n\ndata: [DONE]\n\n";
  return body;
}

/// Limits that are all kept and never reached: each call waits in the line and leaves it.
double admission_s() {
  providers::PoolLimits limits;
  limits.concurrency = kInFlight;
  limits.rpm = 1'000'000;
  limits.tpm = 1'000'000'000;
  limits.usd_per_day = MicroUsd{1'000'000'000'000};
  providers::Admission pool("bench", limits);
  const auto asked = request();
  const auto cost = measure([&] {
    for (std::uint64_t ticket = 1; ticket <= kCalls; ++ticket) {
      const providers::Moment now{Millis(static_cast<std::int64_t>(ticket)),
                                  UtcTime{static_cast<std::int64_t>(ticket) * 1'000}};
      providers::PoolCall call{ticket, "run" + std::to_string(ticket % 200), ""};
      call.tokens = providers::input_token_bound(asked) + providers::output_token_bound(asked);
      call.cost = MicroUsd{2'000};
      pool.offer(std::move(call), now);
      // Each run has one call at a time: what was offered 64 calls ago has gone by now.
      if (ticket > kInFlight) {
        providers::PoolOutcome outcome;
        outcome.tokens = 580;
        outcome.cost = MicroUsd{900};
        pool.ended(ticket - kInFlight, outcome, now);
      }
    }
  });
  return cost.cpu_s / kCalls;
}

double exchange_s() {
  const auto* adapter = providers::find_adapter("openai_compatible");
  const auto asked = request();
  const auto body = stream();
  providers::Endpoint endpoint;
  endpoint.base_url = "http://127.0.0.1:9";
  providers::HttpReply reply;
  reply.status = 200;
  reply.headers = {{"content-type", "text/event-stream"},
                   {"x-ratelimit-limit-requests", "10000"},
                   {"x-ratelimit-remaining-requests", "9999"},
                   {"x-ratelimit-reset-requests", "6ms"}};
  const auto cost = measure([&] {
    for (int i = 0; i < kCalls; ++i) {
      if (!adapter->encode(asked, endpoint)) throw std::runtime_error("a request that cannot be written");
      const auto reader = adapter->reader(endpoint);
      const auto chunk = body.size() / kChunks + 1;
      for (std::size_t at = 0; at < body.size(); at += chunk) reader->feed(std::string_view(body).substr(at, chunk));
      const auto hints = providers::rate_hints(reply);
      if (!std::holds_alternative<ModelReply>(reader->finish(reply)) || hints.empty())
        throw std::runtime_error("a reply that cannot be read");
    }
  });
  return cost.cpu_s / kCalls;
}

}  // namespace

void exchange() {
  const auto admission = admission_s() * 1e6;
  const auto exchanged = exchange_s() * 1e6;
  print("One model call without its network: request of 2 KB, reply of 20 pieces",
        {{"admission under four limits, CPU", number(admission, 2, "us"), ""},
         {"request written, reply read, limits learned, CPU", number(exchanged, 2, "us"), ""},
         {"both", number(admission + exchanged, 2, "us"), "under 60 us"}});
}

}  // namespace hillstar::bench
