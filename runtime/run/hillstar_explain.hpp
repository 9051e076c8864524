// SPDX-License-Identifier: Apache-2.0
// `model_config.explainability`: what a workflow asks to be told about choices and costs. For hillstar_trace.cpp.
// Source: Hillstar specification sections 1.2 and 3.1.
#pragma once

#include <boost/json/fwd.hpp>

#include "runtime/run/state.hpp"

namespace hillstar::run {

/// With `log_selection_reasoning`: how a model call's model came about. Else nothing.
void explain_selection(const RunState& state, NodeIndex node, boost::json::object& out);
/// With `log_cost_estimates`: `budget_summary`, what the run and each of its calls cost. Else nothing.
void explain_costs(const RunState& state, boost::json::object& out);

}  // namespace hillstar::run
