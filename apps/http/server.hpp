// SPDX-License-Identifier: Apache-2.0
// The HTTP/1.1 server: moves the bytes of requests, answers and streams, and keeps every limit on them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "apps/http/access_log.hpp"
#include "apps/http/exchange.hpp"
#include "apps/http/gate.hpp"
#include "apps/http/tokens.hpp"
#include "apps/http/traffic.hpp"
#include "messages/error.hpp"
#include "messages/units.hpp"
#include "runtime/platform/clock.hpp"

namespace hillstar::http {

/// Bytes of a request's head: request line and fields.
inline constexpr std::size_t kHeadBytesMax = 16U << 10U;

struct ServerOptions {
  std::string address = "127.0.0.1";  ///< An IPv4 or IPv6 address; the wildcards are allowed.
  std::uint16_t port = 0;             ///< 0: the kernel chooses.
  std::string certificate;            ///< PEM files; both empty: no TLS.
  std::string key;
  std::size_t connections_max = 16'384;
  double peer_share = 0.75;  ///< Part of the connections that one address may hold.
  unsigned io_threads = 2;
  unsigned handler_threads = 16;
  std::size_t waiting_max = 1'024;  ///< Requests that wait for a handler's thread, or have one.
  Millis head_deadline{10'000};     ///< From the first byte of a request, or from connecting, to the end of its head.
  Millis body_deadline{60'000};     ///< Of the whole body.
  Millis idle_timeout{75'000};      ///< Between two requests.
  Millis write_deadline{30'000};    ///< Of one answer, or one piece of a stream.
  Millis heartbeat{15'000};         ///< Of streams.
  std::size_t stream_bytes_max = 1U << 20U;  ///< That wait for one slow client of a stream.
  GateOptions gate;
  std::shared_ptr<TokenFile> tokens;
  std::shared_ptr<const Clock> clock;
  std::shared_ptr<Traffic> traffic;
  std::function<void(const std::string&)> log;  ///< One line; any thread.
  std::shared_ptr<AccessLog> access;            ///< Null: requests are not logged.
};

/// Threads of its own; calls may come from any thread.
class Server {
 public:
  /// Holds the address, so that nobody else has it; clients wait until it starts. Errors: usage (address),
  /// host_unreachable (in use, or not allowed), io (certificate).
  static Result<std::unique_ptr<Server>> bind(ServerOptions options);
  /// Cuts what is left. What handlers use must still be there.
  virtual ~Server() = default;

  /// Answers from now on. Once. Error internal: routes that contradict each other.
  virtual Result<void> start(std::vector<Route> routes) = 0;
  /// `http://127.0.0.1:8080`.
  [[nodiscard]] virtual std::string url() const = 0;
  /// Reads certificate and key again, for connections from now on; on an error the old ones stay.
  virtual Result<void> reload_certificate() = 0;
  /// Stops accepting, answers what was taken, closes streams; cuts what is not done after `patience`. Once.
  virtual void drain(Millis patience) = 0;
};

/// Raises the soft limit of open files to the hard one, and returns it.
std::size_t raise_open_files();

}  // namespace hillstar::http
