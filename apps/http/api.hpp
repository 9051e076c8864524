// SPDX-License-Identifier: Apache-2.0
// The service's resources: what is below /v1 and /hooks, as routes over one engine and one store.
// docs/reference/http.md.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/engine.hpp"
#include "apps/http/exchange.hpp"
#include "persistence/event_store.hpp"
#include "runtime/platform/clock.hpp"
#include "runtime/platform/id_source.hpp"
#include "runtime/policy/registry.hpp"

namespace hillstar::http {

/// What the resources are made of. Engine and store must outlive the routes, and every request.
struct ApiParts {
  Engine& engine;
  persistence::EventStore& store;
  /// Why no new work is taken now, such as draining or a disk that is full; nothing: it is. May be empty.
  std::function<std::optional<Error>()> refuses = {};
  std::vector<std::string> environment = {};                   ///< `NAME=value`: of the runs that start here.
  std::shared_ptr<const policy::Registry> registry = nullptr;  ///< Null: the one that comes with the program.
  std::string workspace = {};                    ///< Where runs work; absolute. Empty: the current folder.
  std::string output_dir = {};                   ///< Of runs; absolute. Empty: they write no files.
  std::string store_folder = {};                 ///< The store's; absolute. Needed with `backups`:
  std::string backups = {};                      ///< Below which backups are made; absolute. Empty: none are.
  std::shared_ptr<const Clock> clock = nullptr;  ///< Null: the machine's.
  std::shared_ptr<IdSource> ids = nullptr;       ///< Null: seeded by the kernel.
};

/// All of them, in the order of the reference. Threads: handlers may be called from any number at once.
std::vector<Route> api_routes(ApiParts parts);

}  // namespace hillstar::http
