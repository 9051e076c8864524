// SPDX-License-Identifier: Apache-2.0
// Why an attempt did not succeed, in classes that retry policies can name.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "messages/units.hpp"

namespace hillstar {

/// Names are public: workflow files list them under `retry.on`, and events record them.
BOOST_DEFINE_ENUM_CLASS(FailureClass, exit_code, signal, timeout, queue_timeout, output_limit, spawn, io, not_found,
                        path_refused, permission, invalid_input, nothing_to_commit, network, overloaded, rate_limited,
                        server, auth, quota, refused, context_too_long, invalid_request, malformed_reply, empty_reply,
                        schema_mismatch, budget, lost, loop_exhausted, min_success, rejected, dependency, child_failed,
                        internal, conflict)

struct Failure {
  FailureClass kind = FailureClass::internal;
  std::string message;                ///< One sentence, redacted.
  std::optional<Millis> retry_after;  ///< What the other side asked for, clamped to ten minutes.

  bool operator==(const Failure&) const = default;
};
BOOST_DESCRIBE_STRUCT(Failure, (), (kind, message, retry_after))

}  // namespace hillstar
