// SPDX-License-Identifier: Apache-2.0
// The client of the engine in this process.
#pragma once

#include <memory>

#include "apps/cli/client.hpp"
#include "persistence/event_store.hpp"

namespace hillstar::cli {

/// Both must outlive the client.
std::unique_ptr<Client> embed(Engine& engine, persistence::EventStore& store);

/// What the engine is asked for; blobs that it needs are put into `store`.
Result<StartRun> start_run_of(const StartJob& job, persistence::EventStore& store);

/// Moves strings over 64 KiB out of `value.json` into blobs of `store`.
Result<Value> with_blobs(Value value, persistence::EventStore& store);

}  // namespace hillstar::cli
