// SPDX-License-Identifier: Apache-2.0
#include "actors/engine_defaults.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <thread>

namespace hillstar::actors {
namespace {

constexpr int kExitStorage = 74;

}  // namespace

unsigned cores() { return std::max(1U, std::thread::hardware_concurrency()); }

unsigned threads_for(const EngineOptions& options) {
  return (options.scheduler_threads == 0 ? cores() : options.scheduler_threads) + 1;
}

std::function<providers::PoolLimits(const policy::Backend&)> limits_of(const EngineOptions& options) {
  return [said = options.pool_limits, calls_max = options.model_calls_max](const auto& backend) {
    if (auto limits = said ? said(backend.name) : std::nullopt) return *limits;
    providers::PoolLimits known;
    known.concurrency = backend.limits.concurrency.value_or(calls_max);
    known.rpm = backend.limits.requests_per_minute;
    known.tpm = backend.limits.tokens_per_minute;
    known.usd_per_day = backend.limits.usd_per_day;
    return known;
  };
}

void print_line(const std::string& line) {
  const auto text = line + "\n";
  std::fwrite(text.data(), 1, text.size(), stderr);
}

void end_process(const Error& error) {
  print_line("error " + to_string(error));
  ::_exit(kExitStorage);
}

}  // namespace hillstar::actors
