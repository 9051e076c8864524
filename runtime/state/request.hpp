// SPDX-License-Identifier: Apache-2.0
// A node's `parameters` and `input` as a request of shared state. What is known when the workflow is read is checked
// then, in the same words.
#pragma once

#include <boost/json/fwd.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"
#include "messages/json.hpp"
#include "messages/state.hpp"

namespace hillstar::state {

/// What is wrong, and at which member: a pointer below the parameters, or below the input.
struct Complaint {
  std::string pointer;
  std::string message;
};
using Complain = std::function<void(const Complaint&)>;

/// Members of `parameters`, and those of one operation of a batch.
const std::vector<std::string_view>& parameter_names();
const std::vector<std::string_view>& operation_names();

/// The scope and the operation that the parameters name; what they leave out is that of the first of each.
StateScope scope_of(const boost::json::value& parameters);
StateOp op_of(const boost::json::value& parameters);

/// Looks at the parameters alone. `given`: members that the input will have, or null if it is not known.
void check_parameters(const boost::json::object& parameters, const std::vector<std::string>* given,
                      const Complain& complain);

/// The member that an input which is no object stands for: `value`, `by`, `operations`, `key`.
std::string_view input_member(StateOp op);

/// `members`: the input, filled; an object of members that the parameters leave out, or null. Numbers may be texts, as
/// templates give them. Errors: inputs_invalid.
Result<StateRequest> request_of(const Json& parameters, const Json& members);

}  // namespace hillstar::state
