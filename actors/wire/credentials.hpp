// SPDX-License-Identifier: Apache-2.0
// Whom a side of a connection trusts, and what it shows of itself. Only this folder includes it.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "actors/wire/wire.hpp"
#include "runtime/platform/certificates.hpp"
#include "runtime/platform/openssl_parts.hpp"

namespace hillstar::actors::wire {

struct FreeTls {
  void operator()(SSL* part) const { SSL_free(part); }
  void operator()(SSL_CTX* part) const { SSL_CTX_free(part); }
};
using Tls = std::unique_ptr<SSL, FreeTls>;

/// What both sides call what they speak (ALPN).
inline constexpr std::string_view kProtocolName = "hillstar-frames";

/// What the other side of a handshake showed of itself.
struct Shown {
  x509::Owned<X509> leaf;  ///< Null: nothing.
  x509::Owned<STACK_OF(X509)> chain;
  static Shown of(const SSL* tls);
};

/// The call of TLS that a failure comes from.
struct TlsCall {
  bool is_open = false;  ///< The other side was let in before.
  bool writes = false;
};
/// Why it failed, from SSL_get_error and the errors of this thread, which are none afterwards.
Error tls_failure(const SSL* tls, int why, TlsCall call);

/// Certificates, keys and lists as they are in the files now. Belongs to one thread.
class Trust {
 public:
  /// @param own  what our certificate must be: host, where we listen
  /// Errors: storage for files that cannot be read, certificate_invalid for what is in them.
  static Result<std::unique_ptr<Trust>> load(const Credentials& files, x509::Role own, bool lets_join);

  /// Looks at the files again; true if they have changed and were taken. An error: they were not, the old ones hold.
  Result<bool> refresh();
  /// A key for claims of attempts, that nobody has who has not our own. Error: certificate_invalid.
  [[nodiscard]] Result<Secret> claim_key() const;
  /// A new connection over this descriptor, which stays the caller's. Null if there is no memory for it.
  [[nodiscard]] Tls begin(int descriptor) const;
  /// Whether the certificate of the other side holds now, is the other role's, and names `host` if that is not empty.
  [[nodiscard]] Result<x509::Facts> check(const Shown& shown, const std::string& host, UtcTime now) const;
  /// The other side asked for `hillstar-join`.
  [[nodiscard]] static bool wants_to_join(SSL* tls);
  [[nodiscard]] static bool speaks_frames(SSL* tls);

 private:
  Trust(Credentials files, x509::Role own, bool lets_join)
      : files_(std::move(files)), own_(own), lets_join_(lets_join) {}
  Result<void> read();
  [[nodiscard]] std::string stamp() const;

  Credentials files_;
  x509::Role own_;
  bool lets_join_;
  std::string seen_;
  std::unique_ptr<SSL_CTX, FreeTls> context_;
};

}  // namespace hillstar::actors::wire
