// SPDX-License-Identifier: Apache-2.0
// Inputs of a workflow as a command line gives them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "messages/error.hpp"
#include "messages/json.hpp"

namespace hillstar::cli {

/// `name=value`, each. Errors: usage.
Result<std::map<std::string, std::string>> given_parameters(const std::vector<std::string>& parameters);
/// `name=value`, each: the labels of a run. Errors: usage.
Result<std::map<std::string, std::string>> labels_of(const std::vector<std::string>& given);
/// The JSON object of a --params-file, null without one. Errors: not_found, inputs_invalid.
Result<Json> params_of(const std::string& file);

}  // namespace hillstar::cli
