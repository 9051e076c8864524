// SPDX-License-Identifier: Apache-2.0
// The engine of a service elsewhere, as commands see it.
#pragma once

#include <memory>

#include "apps/cli/client.hpp"
#include "apps/http/remote.hpp"

namespace hillstar::http {

/// Runs that it starts work with the folders and the environment of the service.
std::unique_ptr<cli::Client> remote_client(std::shared_ptr<const Remote> remote);

}  // namespace hillstar::http
