// SPDX-License-Identifier: Apache-2.0
// What a service says to its operator, a line each, as JSON for whatever collects logs.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "messages/ids.hpp"
#include "messages/units.hpp"

namespace hillstar::cli {

/// `{"time", "level", "message", "code", "run", "stream", "trace_id"}`: level is error, warning or info; code the HS
/// number, run and stream those that the line names, each only if there is one. `trace_of`: of a run; may be empty.
std::string log_json(UtcTime at, std::string_view line, const std::function<std::string(const RunId&)>& trace_of);

}  // namespace hillstar::cli
