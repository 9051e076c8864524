// SPDX-License-Identifier: Apache-2.0
// Which run a person means: a unique prefix of its id, a workflow id (its latest run), or `latest`.
#pragma once

#include <string_view>

#include "messages/error.hpp"
#include "persistence/event_store.hpp"
#include "runtime/run/view.hpp"

namespace hillstar::cli {

/// Errors: run_not_found; run_ambiguous, whose hint lists some of the runs that fit.
Result<run::Summary> select_run(const persistence::EventStore& store, std::string_view selector);

}  // namespace hillstar::cli
