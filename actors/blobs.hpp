// SPDX-License-Identifier: Apache-2.0
// Keeps results small: long strings become blobs before an event names them.
#pragma once

#include "messages/value.hpp"
#include "persistence/event_store.hpp"

namespace hillstar::actors {

/// Moves every string above kInlineBytesMax out of `value` into a blob. Errors: those of the store.
Result<void> keep_small(Value& value, persistence::EventStore& store);

}  // namespace hillstar::actors
