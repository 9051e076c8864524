// SPDX-License-Identifier: Apache-2.0
#include "providers/http/connector.hpp"

#include <boost/beast/http.hpp>
#include <utility>

#include "providers/http/address.hpp"
#include "providers/http/tls_client.hpp"
#include "runtime/platform/hash.hpp"

namespace hillstar::providers::beast_detail {

namespace http = boost::beast::http;

namespace {

constexpr std::uint32_t kTunnelHeaderBytesMax = 16U << 10U;

std::string described(const Proxy& proxy) { return proxy.authority() + " (" + proxy.variable + ")"; }

}  // namespace

Result<void> choose_way(Destination& to, const std::string& url, const NetworkSettings& network,
                        const policy::Reach* reach) {
  if (reach == nullptr) {
    HILLSTAR_TRY(to.proxy, choose_proxy(network.proxy, to.url));
    return {};
  }
  to.near_only = !reach->endpoints;
  if (policy::may_reach(*reach, url, to.url.host, to.url.port)) return {};
  return Error{Errc::air_gapped, "The run is air-gapped, and " + to.url.authority() + " was not declared."};
}

Failure unready(const Error& error) {
  const auto kind = error.code == Errc::io           ? FailureClass::io
                    : error.code == Errc::air_gapped ? FailureClass::permission
                                                     : FailureClass::invalid_request;
  return {kind, error.hint.empty() ? error.message : error.message + " " + error.hint, std::nullopt};
}

Failure redirected(const Url& url, unsigned status, std::string_view location) {
  return {FailureClass::invalid_request,
          "HTTP " + std::to_string(status) + ": " + url.authority() + " redirects to " +
              redirect_target(url, location) + "; redirects are not followed, set the endpoint to the final address",
          std::nullopt};
}

std::string endpoint_of(const Url& url) { return policy::endpoint_of(url.host, url.port); }

std::string route_of(const Destination& to, const NetworkSettings& network) {
  std::string route = to.url.origin();
  if (to.proxy) route += " " + to.proxy->authority() + " " + sha256_hex(to.proxy->authorization.reveal());
  if (to.url.tls) route += " " + network.ca_file + "\n" + network.ca_folder;
  if (to.near_only) route += " near";
  return route;
}

/// The talk with a proxy before it steps aside.
struct Connector::Tunnel {
  Secret request;
  boost::beast::flat_buffer buffer{kTunnelHeaderBytesMax};
  http::response_parser<http::empty_body> parser;
};

Connector::Connector(asio::io_context& io, Destination destination)
    : to_(std::move(destination)), resolver_(io), connection_(std::make_unique<Connection>(io)) {}
Connector::~Connector() = default;

Failure proxy_wants_password(const Proxy& proxy) {
  return {FailureClass::auth,
          "The proxy " + described(proxy) +
              (proxy.authorization.empty() ? " asks for a user name and a password; write them before its host."
                                           : " does not accept the user name and the password."),
          std::nullopt};
}

std::string Connector::phase() const {
  return std::string(phase_) + " " + (phase_is_proxys_ ? "the proxy " + described(*to_.proxy) : to_.url.authority());
}

void Connector::start(std::function<void(Outcome)> done) {
  done_ = std::move(done);
  phase_is_proxys_ = to_.proxy.has_value();
  error_code no_address;
  const auto target = asio::ip::make_address(to_.url.host, no_address);
  // What the proxy looks up, nobody here can see; an address is seen.
  if (!no_address && !is_permitted(target)) return on_resolved({}, {});
  const auto& host = to_.proxy ? to_.proxy->host : to_.url.host;
  const auto port = to_.proxy ? to_.proxy->port : to_.url.port;
  const auto address = asio::ip::make_address(host, no_address);
  if (!no_address) return on_resolved({}, {tcp::endpoint(address, port)});
  phase_ = "looking up the address of";
  resolver_.async_resolve(
      host, std::to_string(port),
      [self = shared_from_this()](const error_code& code, const tcp::resolver::results_type& found) {
        if (self->done_) self->on_resolved(code, {found.begin(), found.end()});
      });
}

void Connector::cancel() {
  done_ = nullptr;
  resolver_.cancel();
  if (connection_ == nullptr) return;
  error_code ignored;
  connection_->socket.close(ignored);
}

void Connector::finish(Outcome outcome) {
  const auto done = std::exchange(done_, nullptr);
  tunnel_.reset();
  if (done) done(std::move(outcome));
}

void Connector::fail(FailureClass kind, std::string message) {
  if (connection_ != nullptr) {
    error_code ignored;
    connection_->socket.close(ignored);
  }
  finish(Failure{kind, std::move(message), std::nullopt});
}

void Connector::on_resolved(const error_code& code, std::vector<tcp::endpoint> endpoints) {
  const auto peer = to_.proxy ? "the proxy " + described(*to_.proxy) : to_.url.authority();
  if (code) return fail(FailureClass::network, "The address of " + peer + " cannot be found: " + code.message());
  // The addresses that are checked are the ones that are used: no second look-up that could answer otherwise. A proxy
  // is the person's own choice.
  if (!to_.proxy)
    std::erase_if(endpoints, [](const tcp::endpoint& endpoint) { return !is_permitted(endpoint.address()); });
  if (endpoints.empty())
    return fail(FailureClass::invalid_request,
                to_.url.authority() + " has a link-local, multicast or unspecified address; it is not called.");
  if (to_.near_only) {
    std::erase_if(endpoints, [](const tcp::endpoint& endpoint) { return !is_local(endpoint.address()); });
    if (endpoints.empty())
      return fail(FailureClass::permission, "The run is air-gapped, and " + to_.url.authority() +
                                                " stands for addresses that are not on this machine or network.");
  }
  phase_ = "connecting to";
  const auto hold = std::make_shared<std::vector<tcp::endpoint>>(std::move(endpoints));
  asio::async_connect(connection_->socket, *hold,
                      [self = shared_from_this(), hold](const error_code& failed, const tcp::endpoint& /*used*/) {
                        if (self->done_) self->on_connected(failed);
                      });
}

void Connector::on_connected(const error_code& code) {
  if (code) {
    const auto peer = to_.proxy ? "the proxy " + described(*to_.proxy) : to_.url.authority();
    return fail(FailureClass::network, "No connection to " + peer + ": " + code.message());
  }
  error_code ignored;
  connection_->socket.set_option(tcp::no_delay(true), ignored);
  if (to_.trust == nullptr) return finish(std::move(connection_));
  to_.proxy ? ask_proxy() : handshake();
}

void Connector::ask_proxy() {
  phase_ = "waiting for";
  // CONNECT names the port always (RFC 9110, section 9.3.6).
  const auto& host = to_.url.host;
  const auto target =
      (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(to_.url.port);
  std::string text;
  text.reserve(2 * target.size() + to_.proxy->authorization.reveal().size() + 64);
  text.append("CONNECT ").append(target).append(" HTTP/1.1\r\nHost: ").append(target).append("\r\n");
  if (!to_.proxy->authorization.empty())
    text.append("Proxy-Authorization: ").append(to_.proxy->authorization.reveal()).append("\r\n");
  text.append("\r\n");
  tunnel_ = std::make_unique<Tunnel>();
  tunnel_->request = Secret(std::move(text));
  tunnel_->parser.header_limit(kTunnelHeaderBytesMax);
  tunnel_->parser.skip(true);  // A reply to CONNECT has no body, whatever its fields say.
  asio::async_write(connection_->socket, asio::buffer(tunnel_->request.reveal()),
                    [self = shared_from_this()](const error_code& failed, std::size_t /*bytes*/) {
                      if (!self->done_) return;
                      if (failed) return self->on_tunnel(failed);
                      http::async_read_header(self->connection_->socket, self->tunnel_->buffer, self->tunnel_->parser,
                                              [self](const error_code& code, std::size_t /*bytes*/) {
                                                if (self->done_) self->on_tunnel(code);
                                              });
                    });
}

void Connector::on_tunnel(const error_code& code) {
  const auto proxy = "The proxy " + described(*to_.proxy);
  if (code) {
    const bool talks = code.category() == http::make_error_code(http::error::bad_version).category() &&
                       code != http::error::end_of_stream && code != http::error::partial_message;
    return fail(talks ? FailureClass::malformed_reply : FailureClass::network,
                proxy + " broke the connection to " + to_.url.authority() + ": " + code.message());
  }
  const auto status = tunnel_->parser.get().result_int();
  if (status == 407) return finish(proxy_wants_password(*to_.proxy));
  if (status / 100 != 2)
    return fail(status >= 500 ? FailureClass::network : FailureClass::permission,
                proxy + " refuses a connection to " + to_.url.authority() + ": HTTP " + std::to_string(status));
  if (tunnel_->buffer.size() > 0)
    return fail(FailureClass::malformed_reply, proxy + " sends bytes before the connection is used.");
  handshake();
}

void Connector::handshake() {
  phase_ = "making the TLS connection to";
  phase_is_proxys_ = false;
  connection_->trust = to_.trust;
  auto& stream = connection_->tls.emplace(connection_->socket, *to_.trust);
  expect_host(stream, to_.url.host);
  stream.async_handshake(ssl::stream_base::client, [self = shared_from_this()](const error_code& code) {
    if (!self->done_) return;
    if (!code) return self->finish(std::move(self->connection_));
    auto failed = handshake_failure(*self->connection_->tls, code, self->to_.url.authority());
    self->fail(failed.kind, std::move(failed.message));
  });
}

}  // namespace hillstar::providers::beast_detail
