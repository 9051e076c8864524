// SPDX-License-Identifier: Apache-2.0
// A peer that does as it likes: blocking TLS, and bytes of the test's choice.
#pragma once

#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <arpa/inet.h>

#include <memory>
#include <string>
#include <string_view>

#include "actors/wire/wire.hpp"
#include "runtime/platform/descriptor.hpp"

namespace hillstar::actors::wire {

inline Descriptor connect_plain(std::uint16_t port) {
  Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in place{};
  place.sin_family = AF_INET;
  place.sin_port = htons(port);
  place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval patience{20, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&place), sizeof place) != 0) socket.reset();
  return socket;
}

/// True once the other side has closed the connection; what it sends before is thrown away.
inline bool is_closed(int socket) {
  char buffer[4096];
  for (;;) {
    const auto count = ::recv(socket, buffer, sizeof buffer, 0);
    if (count > 0 || (count < 0 && errno == EINTR)) continue;  // EINTR: somebody stopped this process for a moment
    return count == 0 || errno == ECONNRESET;
  }
}

struct RawOptions {
  std::string protocol = "hillstar-frames";
  int version_max = TLS1_3_VERSION;
};

/// TLS as a client. No certificate if `credentials.certificate` is empty.
class RawPeer {
 public:
  RawPeer(std::uint16_t port, const Credentials& credentials, const RawOptions& options = {})
      : socket_(connect_plain(port)), context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_max_proto_version(context_.get(), options.version_max);
    if (!credentials.certificate.empty()) {
      SSL_CTX_use_certificate_chain_file(context_.get(), credentials.certificate.c_str());
      SSL_CTX_use_PrivateKey_file(context_.get(), credentials.key.c_str(), SSL_FILETYPE_PEM);
    }
    tls_.reset(SSL_new(context_.get()));
    const auto list = static_cast<char>(options.protocol.size()) + options.protocol;
    SSL_set_alpn_protos(tls_.get(), reinterpret_cast<const unsigned char*>(list.data()),
                        static_cast<unsigned>(list.size()));
    SSL_set_fd(tls_.get(), socket_.get());
    ERR_clear_error();
    connected_ = SSL_connect(tls_.get()) == 1;
  }

  [[nodiscard]] bool connected() const { return connected_; }
  bool write(std::string_view bytes) {
    ERR_clear_error();
    return SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size())) == static_cast<int>(bytes.size());
  }
  /// Exactly so many; fewer if the other side ended the connection.
  std::string read(std::size_t size) {
    std::string bytes(size, '\0');
    std::size_t have = 0;
    while (have < size) {
      ERR_clear_error();
      const int count = SSL_read(tls_.get(), bytes.data() + have, static_cast<int>(size - have));
      if (count <= 0) break;
      have += static_cast<std::size_t>(count);
    }
    bytes.resize(have);
    return bytes;
  }
  /// True once the other side has ended the connection, within patience.
  bool is_ended() {
    while (!read(1).empty()) continue;
    return errno != EAGAIN;
  }
  [[nodiscard]] int descriptor() const { return socket_.get(); }

 private:
  struct Free {
    void operator()(SSL* part) const { SSL_free(part); }
    void operator()(SSL_CTX* part) const { SSL_CTX_free(part); }
  };
  Descriptor socket_;
  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> tls_;
  bool connected_ = false;
};

}  // namespace hillstar::actors::wire
