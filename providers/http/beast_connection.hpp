// SPDX-License-Identifier: Apache-2.0
// Connections and what exchanges share. Part of beast_transport.cpp; no other file includes it.
#pragma once

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "providers/http/transport.hpp"

namespace hillstar::providers {

class Exchange;

namespace beast_detail {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;
using boost::system::error_code;
using SteadyTime = std::chrono::steady_clock::time_point;

inline constexpr std::uint32_t kHeaderBytesMax = 64U << 10U;
inline constexpr std::size_t kReadBytes = 4U << 10U;           // First buffer of a connection; grows for large headers.
inline constexpr std::chrono::seconds kIdleConnectionMax{30};  // Servers close idle connections after 5 to 75 seconds.

/// Receives body bytes as the parser finds them, so that no second buffer is needed.
class BodySink {
 public:
  /// False: enough.
  virtual bool on_body_bytes(std::string_view bytes) = 0;

 protected:
  ~BodySink() = default;
};

/// A Beast body type over BodySink.
struct SinkBody {
  using value_type = BodySink*;
  class reader {
   public:
    template <bool is_request, class Fields>
    reader(boost::beast::http::header<is_request, Fields>& /*header*/, value_type& sink) : sink_(sink) {}
    void init(const boost::optional<std::uint64_t>& /*length*/, error_code& code) { code = {}; }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, error_code& code) {
      code = {};
      std::size_t size = 0;
      for (auto at = asio::buffer_sequence_begin(buffers); at != asio::buffer_sequence_end(buffers); ++at) {
        const asio::const_buffer buffer = *at;
        size += buffer.size();
        if (!sink_->on_body_bytes({static_cast<const char*>(buffer.data()), buffer.size()}))
          code = boost::beast::http::make_error_code(boost::beast::http::error::body_limit);
      }
      return size;
    }
    void finish(error_code& code) { code = {}; }

   private:
    value_type& sink_;  // The parser makes its reader before anyone can name the sink.
  };
};

/// A TCP connection, with TLS if the origin asks for it.
struct Connection {
  explicit Connection(asio::io_context& io) : socket(io) {}

  tcp::socket socket;
  std::optional<ssl::stream<tcp::socket&>> tls;
  boost::beast::flat_buffer buffer{kHeaderBytesMax + kReadBytes};
  SteadyTime idle_since;

  template <class Function>
  void with_stream(Function&& function) {
    if (tls)
      function(*tls);
    else
      function(socket);
  }

  /// An idle connection with bytes or an end to read is of no use: the server has closed it, or talks out of turn.
  bool is_quiet() {
    error_code code;
    socket.non_blocking(true, code);
    char byte = 0;
    if (!code) socket.receive(asio::buffer(&byte, 1), tcp::socket::message_peek, code);
    return code == asio::error::would_block;
  }
};

/// What the exchanges share. Lives until the last cancellation handle has let go.
struct Core {
  explicit Core(const TransportOptions& given) : options(given) {}

  void load_certificates();

  std::unique_ptr<Connection> take_idle(const std::string& origin);
  void keep(const std::string& origin, std::unique_ptr<Connection> connection);
  void sweep();

  TransportOptions options;
  asio::io_context io{1};
  std::optional<ssl::context> tls;  ///< Made when it is first needed: to read the certificates takes 20 ms.
  std::string tls_problem;
  std::unordered_map<std::string, std::deque<std::unique_ptr<Connection>>> idle;
  asio::steady_timer sweeper{io};
  bool sweeping = false;
  std::unordered_set<std::shared_ptr<Exchange>> live;  ///< Answered by the transport's end if by nothing else.
};

/// Does nothing the second time; `tls_problem` says why there is no context that could be used.
inline void Core::load_certificates() {
  if (tls) return;
  auto& context = tls.emplace(ssl::context::tls_client);
  error_code code;
  SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.native_handle(), SSL_MODE_RELEASE_BUFFERS);
  context.set_verify_mode(ssl::verify_peer);
  context.set_default_verify_paths(code);
  if (!options.ca_file.empty()) context.load_verify_file(options.ca_file, code);
  if (code) tls_problem = "the certificates in '" + options.ca_file + "' cannot be loaded: " + code.message();
}

inline std::unique_ptr<Connection> Core::take_idle(const std::string& origin) {
  const auto found = idle.find(origin);
  if (found == idle.end()) return nullptr;
  auto& connections = found->second;
  std::unique_ptr<Connection> taken;
  while (!connections.empty() && taken == nullptr) {
    // The youngest: the most likely to be alive.
    auto candidate = std::move(connections.back());
    connections.pop_back();
    if (std::chrono::steady_clock::now() - candidate->idle_since < kIdleConnectionMax && candidate->is_quiet())
      taken = std::move(candidate);
  }
  if (connections.empty()) idle.erase(found);
  return taken;
}

inline void Core::keep(const std::string& origin, std::unique_ptr<Connection> connection) {
  if (options.idle_connections_max == 0) return;
  auto& connections = idle[origin];
  connection->idle_since = std::chrono::steady_clock::now();
  connections.push_back(std::move(connection));
  if (connections.size() > options.idle_connections_max) connections.pop_front();
  if (!sweeping) sweep();
}

/// Closes what nobody has used for a while; sleeps as long as there is nothing to watch.
inline void Core::sweep() {
  const auto limit = std::chrono::steady_clock::now() - kIdleConnectionMax;
  for (auto entry = idle.begin(); entry != idle.end();) {
    auto& connections = entry->second;
    while (!connections.empty() && connections.front()->idle_since <= limit) connections.pop_front();
    entry = connections.empty() ? idle.erase(entry) : std::next(entry);
  }
  sweeping = !idle.empty();
  if (!sweeping) return;
  sweeper.expires_after(kIdleConnectionMax);
  sweeper.async_wait([this](const error_code& code) {
    if (!code) sweep();
  });
}

}  // namespace beast_detail
}  // namespace hillstar::providers
