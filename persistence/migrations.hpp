// SPDX-License-Identifier: Apache-2.0
// Store format n -> n + 1, step by step and resumable. Internal to persistence.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "messages/error.hpp"
#include "persistence/database.hpp"

namespace hillstar::persistence {

/// Brings a store from `from` to `from + 1`. It may be interrupted anywhere and is then run again from its start, so
/// it must not mind what it did before; the new version is recorded after it returns.
struct Migration {
  std::uint32_t from = 0;
  std::function<Result<void>(Database&)> apply;
};

/// The format version of the store; nothing if it has none yet.
Result<std::optional<std::uint32_t>> format_version(const Database& database);

/// Applies `migrations` until the store has version `target`. store_version if it is newer, or if a step is missing.
Result<void> migrate(Database& database, std::uint32_t target, const std::vector<Migration>& migrations);

/// Checks the format; writes it into a store that is `empty`, migrates an older one. A store opened for reading is
/// only checked: store_version if it would need a migration.
Result<void> bring_up_to_date(Database& database, bool empty);

}  // namespace hillstar::persistence
