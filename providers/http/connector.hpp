// SPDX-License-Identifier: Apache-2.0
// From a name to a connection that a request can be written to: look-up, TCP, proxy, TLS. Only the transport's own
// files include it; one thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "messages/failure.hpp"
#include "providers/http/beast_connection.hpp"
#include "providers/http/network.hpp"
#include "providers/http/url.hpp"
#include "runtime/policy/air_gap.hpp"

namespace hillstar::providers::beast_detail {

/// Where to, and through what.
struct Destination {
  Url url;
  std::optional<Proxy> proxy;
  std::shared_ptr<ssl::context> trust;  ///< Null: no TLS.
  bool near_only = false;               ///< Addresses elsewhere are not connected to, whatever name stands for them.
};

/// The proxy, or for an air-gapped run none. Errors: air_gapped if the run may not go there.
Result<void> choose_way(Destination& to, const std::string& url, const NetworkSettings& network,
                        const policy::Reach* reach);
/// Why a request was not even tried.
Failure unready(const Error& error);
/// A reply that sends the request elsewhere, which is not done.
Failure redirected(const Url& url, unsigned status, std::string_view location);
/// `host:port`, as the air gap and records write it.
std::string endpoint_of(const Url& url);

/// What a connection may be used again for: the same origin by the same proxy and password, and with the same
/// certificates trusted. Nothing secret.
std::string route_of(const Destination& to, const NetworkSettings& network);

/// One attempt. Every handler holds a shared_ptr.
class Connector final : public std::enable_shared_from_this<Connector> {
 public:
  using Outcome = std::variant<std::unique_ptr<Connection>, Failure>;
  Connector(asio::io_context& io, Destination destination);
  ~Connector();

  /// `done` is called once, unless cancel() comes first; perhaps before this returns.
  void start(std::function<void(Outcome)> done);
  void cancel();
  /// What it is about at this moment, for messages: `connecting to h`.
  [[nodiscard]] std::string phase() const;

 private:
  struct Tunnel;

  void on_resolved(const error_code& code, std::vector<tcp::endpoint> endpoints);
  void on_connected(const error_code& code);
  void ask_proxy();
  void on_tunnel(const error_code& code);
  void handshake();
  void finish(Outcome outcome);
  void fail(FailureClass kind, std::string message);

  Destination to_;
  tcp::resolver resolver_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<Tunnel> tunnel_;
  std::function<void(Outcome)> done_;
  const char* phase_ = "connecting to";
  bool phase_is_proxys_ = false;
};

/// The proxy wants a name and a password, or does not accept the ones it was given.
Failure proxy_wants_password(const Proxy& proxy);

}  // namespace hillstar::providers::beast_detail
