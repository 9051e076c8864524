// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/join.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <boost/json.hpp>
#include <chrono>
#include <csignal>
#include <cstring>

#include "messages/json.hpp"
#include "runtime/platform/authority.hpp"
#include "runtime/platform/certificate_facts.hpp"
#include "runtime/platform/descriptor.hpp"
#include "runtime/platform/file_access.hpp"
#include "runtime/platform/private_folder.hpp"
#include "runtime/platform/signal_block.hpp"

namespace hillstar {
namespace {

namespace bj = boost::json;
using std::chrono::steady_clock;

constexpr std::size_t kSecretSize = 43;
constexpr std::size_t kFingerprintSize = 64;
constexpr const char* kCertificateFile = "worker.pem";
constexpr const char* kKeyFile = "worker.key";

struct FreeSsl {
  void operator()(SSL* part) const { SSL_free(part); }
  void operator()(SSL_CTX* part) const { SSL_CTX_free(part); }
};
struct FreeList {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

Error refused(const std::string& why, std::string hint = {}) {
  return Error{Errc::join_refused, why, {}, std::move(hint)};
}

/// A blocking talk with a deadline.
class Talk {
 public:
  Talk(const JoinOptions& options, std::string pinned)
      : where_(options.host + ":" + std::to_string(options.port)),
        host_(options.host),
        port_(std::to_string(options.port)),
        pinned_(std::move(pinned)),
        ends_(steady_clock::now() + options.time_max) {}

  Result<void> connect();
  Result<std::string> ask(const std::string& request);

 private:
  [[nodiscard]] Error unreachable(const std::string& why) const {
    return Error{Errc::host_unreachable, "The host cannot be reached: " + why + ".", where_,
                 "Is it there, with `serve --workers`, and is the port open?"};
  }
  /// Whether `events` came before the deadline.
  bool wait(short events) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(ends_ - steady_clock::now()).count();
    pollfd one{socket_.get(), events, 0};
    return left > 0 && ::poll(&one, 1, static_cast<int>(left)) == 1;
  }
  bool connect_to(const addrinfo& place);
  Result<void> handshake();
  Result<void> check_host();
  /// Waits as OpenSSL's answer `result` wants; false once there is nothing to wait for.
  bool again(int result) {
    const int why = SSL_get_error(ssl_.get(), result);
    if (why == SSL_ERROR_WANT_READ) return wait(POLLIN);
    return why == SSL_ERROR_WANT_WRITE && wait(POLLOUT);
  }

  std::string where_;
  std::string host_;
  std::string port_;
  std::string pinned_;
  steady_clock::time_point ends_;
  Descriptor socket_;
  std::unique_ptr<SSL_CTX, FreeSsl> context_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
};

bool Talk::connect_to(const addrinfo& place) {
  socket_ = Descriptor(::socket(place.ai_family, place.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, place.ai_protocol));
  if (!socket_.is_open()) return false;
  if (::connect(socket_.get(), place.ai_addr, place.ai_addrlen) == 0) return true;
  if (errno != EINPROGRESS || !wait(POLLOUT)) return false;
  int failed = 0;
  socklen_t size = sizeof failed;
  ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &failed, &size);
  errno = failed;
  return failed == 0;
}

Result<void> Talk::connect() {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int failed = ::getaddrinfo(host_.c_str(), port_.c_str(), &wanted, &list);
  const std::unique_ptr<addrinfo, FreeList> owned(list);
  if (failed != 0) return unreachable(::gai_strerror(failed));
  bool connected = false;
  for (const auto* place = list; place != nullptr && !connected; place = place->ai_next) connected = connect_to(*place);
  if (!connected) return unreachable(errno_text(errno == 0 || errno == EINPROGRESS ? ETIMEDOUT : errno));
  return handshake();
}

Result<void> Talk::handshake() {
  ERR_clear_error();
  context_.reset(SSL_CTX_new(TLS_client_method()));
  if (!context_ || SSL_CTX_set_min_proto_version(context_.get(), TLS1_3_VERSION) != 1)
    return Error{Errc::internal, "TLS cannot be set up: " + x509::openssl_words() + "."};
  // Whom it talks to is checked below, against the token: there is no store of authorities yet.
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_NONE, nullptr);
  ssl_.reset(SSL_new(context_.get()));
  std::string protocol(1, static_cast<char>(kJoinProtocol.size()));
  protocol += kJoinProtocol;
  if (!ssl_ || SSL_set_fd(ssl_.get(), socket_.get()) != 1 ||
      SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(protocol.data()),
                          static_cast<unsigned>(protocol.size())) != 0)
    return Error{Errc::internal, "TLS cannot be set up: " + x509::openssl_words() + "."};
  for (;;) {
    ERR_clear_error();
    const int result = SSL_connect(ssl_.get());
    if (result == 1) return check_host();
    if (!again(result)) return unreachable("TLS was not spoken: " + x509::openssl_words());
  }
}

/// The certificate must be a host's, name the address that was dialled, and come from the authority of the token.
Result<void> Talk::check_host() {
  const auto hint = std::string(
      "Is this the host that the token was made for? After `ca rotate` a host needs a new "
      "certificate before anybody joins.");
  auto* leaf = SSL_get0_peer_certificate(ssl_.get());
  auto* chain = SSL_get_peer_cert_chain(ssl_.get());
  if (leaf == nullptr) return refused("The host showed no certificate.", hint);
  const x509::Owned<X509_STORE> store(X509_STORE_new());
  bool found = false;
  for (int i = 1; i < sk_X509_num(chain); ++i) {
    const auto facts = x509::facts_of(sk_X509_value(chain, i));
    if (!facts || facts->role != x509::Role::authority || facts->fingerprint != pinned_) continue;
    found = X509_STORE_add_cert(store.get(), sk_X509_value(chain, i)) == 1;
  }
  if (!found) return refused("The host's certificate is not from the authority of the token.", hint);
  const x509::Owned<X509_STORE_CTX> check(X509_STORE_CTX_new());
  if (!check || X509_STORE_CTX_init(check.get(), store.get(), leaf, nullptr) != 1 ||
      X509_STORE_CTX_set_default(check.get(), "ssl_server") != 1)
    return Error{Errc::internal, "A certificate cannot be checked: " + x509::openssl_words() + "."};
  if (X509_verify_cert(check.get()) != 1)
    return refused("The host's certificate does not hold: " +
                       std::string(X509_verify_cert_error_string(X509_STORE_CTX_get_error(check.get()))) + ".",
                   hint);
  const auto facts = x509::facts_of(leaf);
  if (!facts || facts->role != x509::Role::host) return refused("The certificate shown is not that of a host.", hint);
  if (X509_check_ip_asc(leaf, host_.c_str(), 0) != 1 && X509_check_host(leaf, host_.c_str(), 0, 0, nullptr) != 1)
    return Error{Errc::join_refused, "The host's certificate does not name the address that was dialled.", where_,
                 "`hillstar-actors ca issue-host NAME --address ADDRESS` names it."};
  return {};
}

Result<std::string> Talk::ask(const std::string& request) {
  const auto line = request + "\n";
  for (;;) {
    ERR_clear_error();
    const int written = SSL_write(ssl_.get(), line.data(), static_cast<int>(line.size()));
    if (written > 0) break;
    if (!again(written)) return unreachable("it hung up");
  }
  std::string answer;
  while (answer.find('\n') == std::string::npos) {
    char buffer[4096];
    ERR_clear_error();
    const int count = SSL_read(ssl_.get(), buffer, sizeof buffer);
    if (count > 0)
      answer.append(buffer, static_cast<std::size_t>(count));
    else if (!again(count))
      return unreachable("it hung up before it had answered");
    if (answer.size() > kJoinBytesMax) return refused("The host's answer is too long.");
  }
  answer.resize(answer.find('\n'));
  return answer;
}

struct Answer {
  std::string certificate;
  std::string authority;
  std::string revoked;
};

Result<Answer> answer_of(const std::string& text) {
  const auto value = json::parse(text, {kJoinBytesMax, 4});
  if (!value) return refused("The host's answer cannot be read.");
  const auto member = [&](const char* name) {
    const auto* found = json::member(*value, name);
    return found != nullptr && found->is_string() ? std::string(found->as_string()) : std::string();
  };
  if (const auto why = member("error"); !why.empty())
    return refused("The host says: " + why, "`hillstar-actors ca issue-worker NAME --token` makes a new token.");
  Answer answer{member("certificate"), member("authority"), member("revoked")};
  if (answer.certificate.empty() || answer.authority.empty()) return refused("The host's answer is not complete.");
  return answer;
}

}  // namespace

Result<JoinRequest> join_request_of(const std::string& text) {
  const auto value = json::parse(text, {kJoinBytesMax, 4});
  if (!value || !value->is_object()) return refused("The request is not JSON.");
  const auto* version = json::member(*value, "version");
  const auto* token = json::member(*value, "token");
  const auto* request = json::member(*value, "request");
  if (version == nullptr || *version != 1) return refused("The request is of another version.");
  if (token == nullptr || !token->is_string() || request == nullptr || !request->is_string())
    return refused("The request has no token, or asks for no certificate.");
  return JoinRequest{std::string(token->as_string()), std::string(request->as_string())};
}

Result<TokenParts> join_token_of(std::string_view token) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto hint = "It begins with hsj1. and is one line, as `ca issue-worker NAME --token` printed it.";
  if (token.size() != kJoinTokenPrefix.size() + kSecretSize + 1 + kFingerprintSize ||
      !token.starts_with(kJoinTokenPrefix))
    return refused("This is not a join token.", hint);
  token.remove_prefix(kJoinTokenPrefix.size());
  TokenParts parts{std::string(token.substr(0, kSecretSize)), std::string(token.substr(kSecretSize + 1))};
  if (token[kSecretSize] != '.' || parts.fingerprint.find_first_not_of(kHex) != std::string::npos)
    return refused("This is not a join token.", hint);
  return parts;
}

Result<x509::Facts> join(const JoinOptions& options) {
  HILLSTAR_TRY(const auto token, join_token_of(options.token));
  HILLSTAR_TRY(const auto folder, PrivateFolder::open(options.folder, true));
  HILLSTAR_TRY(auto key, folder.read_or_empty(kKeyFile));
  if (key.empty()) {
    HILLSTAR_TRY(key, x509::new_key());
    HILLSTAR_CHECK(folder.write(kKeyFile, key, true));
  }
  HILLSTAR_TRY(const auto request, x509::request_for(key));
  const SignalBlock no_sigpipe(SIGPIPE);
  Talk talk(options, token.fingerprint);
  HILLSTAR_CHECK(talk.connect());
  const bj::object asked{{"version", 1}, {"token", options.token}, {"request", request}};
  HILLSTAR_TRY(const auto text, talk.ask(json::canonical(asked)));
  HILLSTAR_TRY(const auto answer, answer_of(text));
  HILLSTAR_CHECK(x509::check_key(answer.certificate, key));
  HILLSTAR_TRY(const auto facts, x509::facts_of(answer.certificate));
  if (facts.role != x509::Role::worker) return refused("The certificate given is not that of a worker.");
  HILLSTAR_TRY(const auto authorities, x509::split(answer.authority));
  bool pinned = false;
  for (const auto& authority : authorities) {
    HILLSTAR_TRY(const auto above, x509::facts_of(authority));
    pinned = pinned || above.fingerprint == token.fingerprint;
  }
  if (!pinned) return refused("The host's answer is not from the authority of the token.");
  HILLSTAR_CHECK(folder.write("authority.pem", answer.authority, false));
  HILLSTAR_CHECK(folder.write("revoked.pem", answer.revoked, false));
  HILLSTAR_CHECK(folder.write(kCertificateFile, answer.certificate, false));
  return facts;
}

}  // namespace hillstar
