// SPDX-License-Identifier: Apache-2.0
// A loopback HTTP server that behaves as badly as a test asks it to.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hillstar::testing {

/// What one connection does after it has read a request, in order. Afterwards it reads the next request.
struct Step {
  enum class Kind {
    send,    ///< Sends `bytes`.
    pause,   ///< Waits for `wait`.
    hold,    ///< Waits for HttpServer::release().
    stall,   ///< Does nothing more until the client closes.
    repeat,  ///< Sends `bytes` until the client closes.
    close,   ///< Ends the connection in order.
    reset,   ///< Ends it with RST.
  };
  Kind kind = Kind::send;
  std::string bytes;
  std::chrono::milliseconds wait{0};
};
Step send(std::string bytes);
Step pause(std::chrono::milliseconds wait);
Step hold();
Step stall();
Step repeat(std::string bytes);
Step close();
Step reset();

/// `HTTP/1.1 status`, `fields` (each with CR LF) and a body with Content-Length.
std::string reply(std::string_view body, std::string_view status = "200 OK", std::string_view fields = "");
/// One chunk of a chunked body; empty: the last one.
std::string chunk(std::string_view bytes);
/// Header of a chunked reply.
std::string chunked_header(std::string_view type = "text/event-stream");

struct SeenRequest {
  std::size_t connection = 0;  ///< 0, 1, 2, ... in order of acceptance.
  std::size_t number = 0;      ///< 0, 1, 2, ... over all connections.
  std::string head;            ///< Up to and including the blank line.
  std::string body;

  /// Value of a field, any case; empty if it is absent.
  [[nodiscard]] std::string field(std::string_view name) const;
};

/// PEM texts.
struct Certificate {
  std::string chain;
  std::string key;
};

/// Makes certificates with OpenSSL at test time: nothing secret and nothing that expires lies in the repository.
class CertificateMaker {
 public:
  CertificateMaker();
  ~CertificateMaker();
  CertificateMaker(const CertificateMaker&) = delete;
  CertificateMaker& operator=(const CertificateMaker&) = delete;
  /// The authority's certificate: what a client must trust.
  [[nodiscard]] const std::string& authority() const;
  /// For `name` (a host name or an IPv4 address); `expired`: it ended yesterday.
  [[nodiscard]] Certificate issue(const std::string& name, bool expired = false) const;
  /// Signed by itself only.
  [[nodiscard]] Certificate self_signed(const std::string& name) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct ServerOptions {
  Certificate certificate;  ///< Empty: no TLS.
  int tls_version_max = 0;  ///< As in OpenSSL's TLS1_1_VERSION; 0: no limit.
};

/// Listens on an ephemeral port of 127.0.0.1; one thread for all connections.
class HttpServer {
 public:
  using Script = std::function<std::vector<Step>(const SeenRequest&)>;

  /// `script` runs on the server's thread.
  explicit HttpServer(Script script, const ServerOptions& options = {});
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] unsigned short port() const;
  /// `http://127.0.0.1:PORT` or `https://HOST:PORT`.
  [[nodiscard]] std::string url(std::string_view host = "127.0.0.1") const;
  [[nodiscard]] std::vector<SeenRequest> requests() const;
  [[nodiscard]] std::size_t connections() const;
  /// Blocks until that many requests have been read.
  void await_requests(std::size_t count) const;
  /// Blocks until that many connections have ended.
  void await_ended(std::size_t count) const;
  /// Lets all `hold` steps pass, present and future.
  void release();

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace hillstar::testing
