// SPDX-License-Identifier: Apache-2.0
// What moves bytes to a provider and back. One request, one answer, no redirects; sent again only where it is certain
// that the server did not see it (resend.hpp).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "messages/failure.hpp"
#include "messages/inputs.hpp"
#include "messages/secret.hpp"
#include "messages/units.hpp"
#include "providers/http/network.hpp"
#include "runtime/policy/air_gap.hpp"

namespace hillstar::providers {

struct ProgramContext;  // providers/program/context.hpp

struct HttpRequest {
  std::string method = "POST";
  std::string url;  ///< http:// or https://, host, optional port, path.
  std::vector<std::pair<std::string, std::string>> headers;
  Secret bearer;           ///< Sent as `Authorization: Bearer`; empty: not sent.
  std::string key_header;  ///< Lower case; the key is sent as the value of this field instead.
  std::string body;
  /// Proxies and certificates of the person it is sent for; null: TransportOptions::network.
  std::shared_ptr<const NetworkSettings> network;
  /// Whom it may connect to; null: anybody. Then no proxy is used.
  std::shared_ptr<const policy::Reach> reach;
  /// Of requests to `program:[...]` (providers/program/transport.hpp).
  std::shared_ptr<const ProgramContext> program;

  /// For everything up to the first byte of the request: look-up, TCP, proxy, TLS.
  Millis connect_timeout{10'000};
  Millis first_byte_timeout{600'000};  ///< From request sent to status line.
  Millis idle_timeout{120'000};        ///< Between two reads of the body.
  Millis total_timeout{1'800'000};
  std::uint64_t body_bytes_max = 64U << 20U;  ///< As sent, and decompressed.
};

struct HttpReply {
  unsigned status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  ///< Names in lower case.
  std::string body;                                          ///< Decompressed; empty if it was handed to `on_body`.

  /// First value of the header, or empty.
  [[nodiscard]] std::string_view header(std::string_view lower_case_name) const;
};

/// The reply, or why there is none: timeout, network, malformed_reply, output_limit; auth (certificate, proxy's
/// password); permission (the proxy refuses); io (certificates to trust cannot be loaded); invalid_request (address,
/// redirect).
using HttpOutcome = std::variant<HttpReply, Failure>;

/// Handle of a request in flight. Dropping it does not cancel.
class Cancellation {
 public:
  virtual ~Cancellation() = default;
  /// Closes the stream; `done` is then called with a network failure, unless it was called already. Thread-safe.
  virtual void cancel() = 0;
};

/// Callbacks run on the transport's thread; they must not block. `done` is called exactly once per send.
struct HttpCallbacks {
  /// Pieces of a 2xx body as they arrive; empty: the body is collected in HttpReply::body.
  std::function<void(std::string_view)> on_body;
  std::function<void(HttpOutcome)> done;
  /// Each connection that was used, refused or failed, before `done`; only of requests with a `reach`. May be empty.
  std::function<void(const Connection&)> on_connection = {};
};

class Transport {
 public:
  virtual ~Transport() = default;
  virtual std::shared_ptr<Cancellation> send(HttpRequest request, HttpCallbacks callbacks) = 0;
};

struct TransportOptions {
  std::string ca_file;                    ///< Extra trusted certificates (PEM); empty: system store only.
  std::size_t idle_connections_max = 64;  ///< Kept alive per host, person's proxy and certificates.
  std::size_t idle_connections_in_all_max = 1024;
  Millis idle_connection_age{30'000};  ///< Unused for longer: closed. Servers close theirs after 5 to 75 seconds.
  NetworkSettings network{};           ///< For requests that bring none.
};

/// The Beast client: TLS 1.2+ with verification, keep-alive, one thread of its own for all sockets.
std::unique_ptr<Transport> make_beast_transport(const TransportOptions& options = {});

}  // namespace hillstar::providers
