// SPDX-License-Identifier: Apache-2.0
// Workers as JSON.
#pragma once

#include <string>

#include "actors/engine.hpp"
#include "messages/json.hpp"

namespace hillstar::cli {

/// All of them, or the one of this name. Error not_found.
Result<Json> workers_document(const Engine& engine, const std::string& name);

}  // namespace hillstar::cli
