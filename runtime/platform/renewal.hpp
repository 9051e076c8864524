// SPDX-License-Identifier: Apache-2.0
// A worker's certificate is replaced by another before it ends: when, and which files change in which order.
//
// The folder has worker.pem and worker.key. The new key is made here and waits in next.key; its certificate comes into
// next.pem. Only then both take their places, and whatever a crash leaves of that is mended at the next start.
#pragma once

#include <string>

#include "messages/error.hpp"
#include "messages/units.hpp"
#include "runtime/platform/certificates.hpp"

namespace hillstar {

/// Before that, no authority gives another one: after half of its life.
UtcTime renewable_from(const x509::Facts& facts);
/// When its owner begins to ask: after two thirds of its life or up to a tenth of it earlier, so that many that were
/// issued at once do not ask at once.
/// @param chance  in [0, 1)
UtcTime renewal_due(const x509::Facts& facts, double chance);
/// From one time that it is asked in vain to the next: a tenth of what is left, from a second to a day.
Millis renewal_pause(const x509::Facts& facts, UtcTime now);

// Errors of all: io, permission_denied, not_found, certificate_invalid.

/// A request for a certificate for the new key, which is on disk when this returns. Asked again, it is the same key.
Result<std::string> begin_renewal(const std::string& folder);
/// The answer: it must be for the new key, and of the same name. Both are in their places when this returns.
Result<x509::Facts> end_renewal(const std::string& folder, const std::string& certificate);
/// Ends what was cut short. To be called before the files are used; does nothing otherwise.
Result<void> mend_renewal(const std::string& folder);

}  // namespace hillstar
