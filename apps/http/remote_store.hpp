// SPDX-License-Identifier: Apache-2.0
// The store of a service elsewhere, for reading: the commands fold its histories as they fold those of a folder.
#pragma once

#include <memory>

#include "apps/http/remote.hpp"
#include "persistence/event_store.hpp"

namespace hillstar::http {

/// Chains and blobs are checked here, too. Nothing can be written.
std::shared_ptr<persistence::EventStore> remote_store(std::shared_ptr<const Remote> remote);

}  // namespace hillstar::http
