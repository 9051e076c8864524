// SPDX-License-Identifier: Apache-2.0
// A plan as a picture: for Mermaid, for Graphviz, as JSON, as a tree in the terminal. Pure text, in plan order.
#pragma once

#include <boost/describe.hpp>
#include <string>

#include "runtime/workflow/plan.hpp"

namespace hillstar::workflow {

/// `hillstar`: Mermaid with the labels and colours that Hillstar's README shows.
BOOST_DEFINE_ENUM_CLASS(GraphFormat, mermaid, dot, json, tree, hillstar)

/// Ends with a line feed. Ids and names are escaped: nothing in a workflow file can break out of its label.
std::string draw(const Plan& plan, GraphFormat format);

}  // namespace hillstar::workflow
