// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/retry.hpp"

#include <algorithm>

namespace hillstar::policy {

bool is_transient(FailureClass kind) {
  switch (kind) {
    case FailureClass::timeout:
    case FailureClass::queue_timeout:
    case FailureClass::network:
    case FailureClass::overloaded:
    case FailureClass::rate_limited:
    case FailureClass::server:
    case FailureClass::malformed_reply:
      return true;
    case FailureClass::exit_code:
    case FailureClass::signal:
    case FailureClass::output_limit:
    case FailureClass::spawn:
    case FailureClass::io:
    case FailureClass::not_found:
    case FailureClass::path_refused:
    case FailureClass::permission:
    case FailureClass::invalid_input:
    case FailureClass::nothing_to_commit:
    case FailureClass::auth:
    case FailureClass::quota:
    case FailureClass::refused:
    case FailureClass::context_too_long:
    case FailureClass::invalid_request:
    case FailureClass::empty_reply:
    case FailureClass::schema_mismatch:
    case FailureClass::budget:
    case FailureClass::lost:
    case FailureClass::loop_exhausted:
    case FailureClass::min_success:
    case FailureClass::rejected:
    case FailureClass::dependency:
    case FailureClass::child_failed:
    case FailureClass::internal:
    case FailureClass::conflict:
      return false;
  }
  return false;
}

namespace {

/// A script's author who asks for attempts means every way a script can end badly, not only the network's.
bool is_retried(const workflow::RetryPolicy& policy, FailureClass kind) {
  if (!policy.on.empty()) return std::find(policy.on.begin(), policy.on.end(), kind) != policy.on.end();
  return is_transient(kind) || kind == FailureClass::exit_code || kind == FailureClass::signal ||
         kind == FailureClass::io || kind == FailureClass::empty_reply || kind == FailureClass::child_failed;
}

}  // namespace

std::optional<Millis> next_delay(const workflow::RetryPolicy& policy, std::uint32_t counted, const Failure& failure,
                                 std::uint32_t chance_ppm) {
  if (counted >= policy.attempts || !is_retried(policy, failure.kind)) return std::nullopt;
  // In 128 bits and capped at every turn: no policy can overflow it.
  __int128 wait = std::min(policy.backoff, policy.cap).count();
  for (std::uint32_t i = 1; i < counted && wait < policy.cap.count() && policy.factor_permille > 1000; ++i)
    wait = std::min<__int128>(wait * policy.factor_permille / 1000, policy.cap.count());
  if (policy.jitter) wait = wait * chance_ppm / 1'000'000;
  const Millis delay(static_cast<std::int64_t>(wait));
  return failure.retry_after ? std::max(delay, *failure.retry_after) : delay;
}

bool may_go_elsewhere(FailureClass kind) {
  return is_transient(kind) || kind == FailureClass::quota || kind == FailureClass::context_too_long ||
         kind == FailureClass::empty_reply || kind == FailureClass::not_found;
}

}  // namespace hillstar::policy
