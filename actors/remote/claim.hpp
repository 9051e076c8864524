// SPDX-License-Identifier: Apache-2.0
// A claim: given to a worker with an attempt, and shown by it to a host that was started anew and knows of nothing.
// Pure.
//
// No event says where an attempt was placed; so the worker keeps that for the host, under a key that only hosts have.
#pragma once

#include <string>
#include <string_view>

#include "messages/secret.hpp"

namespace hillstar::actors {

/// Who is given an attempt. The name stands for the owner of the certificate, however often that is renewed; the
/// session for the process: what another one was given has died with it.
struct ClaimOwner {
  std::string_view worker;
  std::string_view session;
};

/// @param key      of the host; see wire::ListenOptions::claim_key. Empty: there are no claims, the text is empty.
/// @param attempt  `run/node[item]/attempt`
std::string claim_of(const Secret& key, std::string_view attempt, const ClaimOwner& owner);
/// Whether this host gave that claim for this attempt to that worker. In a time that tells nothing of the right one.
bool is_claim(const Secret& key, std::string_view attempt, const ClaimOwner& owner, std::string_view shown);

}  // namespace hillstar::actors
