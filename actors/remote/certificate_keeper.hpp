// SPDX-License-Identifier: Apache-2.0
// Renews the certificate of a worker in good time, over the worker's own connection, or says that nobody does. On a
// thread of its own: it waits for the disk.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "actors/services.hpp"
#include "actors/wire/wire.hpp"
#include "messages/remote.hpp"
#include "runtime/platform/certificates.hpp"

namespace hillstar::actors {

/// How often it looks at its clock, which somebody may set: at most, also without a connection, and at least.
inline constexpr Millis kKeeperLookMin{250};
inline constexpr Millis kKeeperLookAway{5'000};
inline constexpr Millis kKeeperLookMax{60'000};

struct KeeperUp {
  wire::FrameSink sink;
  std::uint32_t protocol = 0;
};
struct KeeperDown {};
struct KeeperAnswer {
  remote::Renewed answer;
};
struct KeeperLook {};

using CertificateKeeper = caf::typed_actor<caf::reacts_to<KeeperUp>,  // the host has welcomed us
                                           caf::reacts_to<KeeperDown>, caf::reacts_to<KeeperAnswer>,
                                           caf::reacts_to<KeeperLook>>;  // to itself

struct CertificateKeeperParts {
  std::string folder;  ///< runtime/platform/renewal.hpp.
  ServicesPtr services;
  std::function<void()> renewed;  ///< The next connection is one with another certificate.
  Lifeline alive;
};

class CertificateKeeperState {
 public:
  explicit CertificateKeeperState(CertificateKeeper::pointer actor) : self_(actor) {}

  void open(CertificateKeeperParts parts);
  void on_up(const KeeperUp& message);
  void on_down() { up_.reset(); }
  void on_answer(const KeeperAnswer& message);
  void on_look();

  const char* name = "certificate_keeper";

 private:
  bool read();
  void ask_if_due();
  void ask();
  void warn(const std::string& why, const std::string& hint);

  CertificateKeeper::pointer self_;
  CertificateKeeperParts parts_;
  std::optional<KeeperUp> up_;
  std::optional<x509::Facts> facts_;
  UtcTime due_{};
  bool asked_ = false;
};

CertificateKeeper::behavior_type certificate_keeper(CertificateKeeper::stateful_pointer<CertificateKeeperState> self,
                                                    CertificateKeeperParts parts);

}  // namespace hillstar::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::KeeperUp)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::KeeperDown)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::KeeperAnswer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::KeeperLook)
