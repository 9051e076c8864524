// SPDX-License-Identifier: Apache-2.0
// Documents about one run: what `show` and `result` print with -o json, and what the service answers.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "apps/cli/report.hpp"

namespace hillstar::cli {

/// Time that each node took in all its attempts, from the history.
std::map<std::string, Millis> times_of(const StoredRun& stored);

/// The row of the run, its nodes, and what it was started with.
Json show_document(const StoredRun& stored, const run::Summary& row);

/// The nodes whose results are asked for: the one that is named, else those that nothing depends on. Errors: not_found;
/// run_state if nothing has a result yet.
Result<std::vector<NodeIndex>> result_nodes(const StoredRun& stored, const std::string& node);
/// not_found if the node has none.
Result<Value> result_value(const StoredRun& stored, NodeIndex node);
/// The result of one node, or an object of results by node.
Result<Json> result_document(const StoredRun& stored, const std::string& node, const ReadBlob& read);

}  // namespace hillstar::cli
