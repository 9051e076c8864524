// SPDX-License-Identifier: Apache-2.0
// What the actors of remote workers tell each other on the host. Part of actors/handles.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/engine.hpp"
#include "actors/reply.hpp"
#include "actors/wire/wire.hpp"
#include "messages/commands.hpp"
#include "messages/remote.hpp"
#include "messages/secret.hpp"
#include "runtime/platform/authority.hpp"

namespace hillstar::actors {

/// actors/remote/placed_node.hpp.
struct PlacedAttempt;
using PlacedPtr = std::shared_ptr<PlacedAttempt>;

struct PlaceAttempt {
  PlacedPtr placed;
};
/// Withdrawn while it waits; stopped where it is made; with Halt::leave it goes on there without us.
struct WithdrawPlaced {
  std::string key;
  Halt why = Halt::cancel;
};
/// The end of the attempt is durable: the machine that made it may forget it.
struct AttemptKept {
  std::string key;
};
/// To itself: all that an end names has arrived, or does not come.
struct ReportHere {
  std::string key;
  std::shared_ptr<const remote::Report> report;
  std::optional<Error> error;
  std::optional<remote::Report> told{};  ///< The end itself, if it came as a blob: to be looked at now.
};
struct ListWorkers {
  Reply<std::vector<WorkerStatus>> reply;
};
struct TellWorker {
  std::string name;
  WorkerChange change = WorkerChange::cordon;
  Reply<bool> reply;
};
struct WorkersTick {};
/// To itself: workers are told which ends are durable.
struct KeptDue {};
/// What claims of attempts are made with from now on.
struct UseClaimKey {
  Secret key;
};
/// As Authority::renew. Thread-safe.
using RenewCertificate = std::function<Result<Issued>(const std::string& request, const std::string& fingerprint)>;
/// Who renews certificates from now on; empty: nobody.
struct UseAuthority {
  RenewCertificate renew;
};
/// To itself: what came of asking it.
struct CertificateMade {
  std::uint64_t peer = 0;
  Result<Issued> made;
};

}  // namespace hillstar::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::PlaceAttempt)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::WithdrawPlaced)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::AttemptKept)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::ReportHere)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::ListWorkers)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::TellWorker)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::WorkersTick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::KeptDue)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::UseClaimKey)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::UseAuthority)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::CertificateMade)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::PlaceMissing)
