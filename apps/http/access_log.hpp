// SPDX-License-Identifier: Apache-2.0
// One line for each request that a service answered. Written by a thread of its own: a slow disk makes nobody wait.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "messages/error.hpp"
#include "messages/units.hpp"

namespace hillstar::http {

/// Lines that may wait to be written; more are counted and not kept.
inline constexpr std::size_t kAccessLinesMax = 16'384;

/// Holds nothing that a token or a signature could be made of, and no query.
struct Access {
  UtcTime at;  ///< Of the answer.
  std::string method;
  std::string route;  ///< Template, such as `/v1/runs/{run}`; empty: there is nothing at the address.
  unsigned status = 0;
  std::size_t bytes = 0;  ///< Of the answer's body; of a stream, which is told of when it begins: 0.
  std::uint64_t micros = 0;
  std::string peer;
  std::string who;    ///< Name of the token; empty: none.
  std::string trace;  ///< Trace id of the request's traceparent; empty: none.
};

/// As text: time, peer, name, method, route, status, bytes, seconds, trace; `-` for what is not there.
std::string access_text(const Access& access);
std::string access_json(const Access& access);

/// Thread-safe.
class AccessLog {
 public:
  /// `path`: a file, which is appended to, or `-` for stdout. `log`: one line about what goes wrong, once.
  /// Errors: io.
  static Result<std::shared_ptr<AccessLog>> open(const std::string& path, bool as_json,
                                                 std::function<void(const std::string&)> log);
  /// Writes what waits.
  virtual ~AccessLog() = default;
  virtual void add(Access access) = 0;
  /// Opens the file again under its name: whoever rotates has moved the old one away.
  virtual void reopen() = 0;
};

}  // namespace hillstar::http
