// SPDX-License-Identifier: Apache-2.0
// A plan drawn as text. Pure.
#pragma once

#include <string>

#include "messages/json.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::cli {

std::string to_mermaid(const workflow::Plan& plan);
std::string to_dot(const workflow::Plan& plan);
/// One line a node, in plan order: its level, its id, its tool, and what it needs.
std::string to_ascii(const workflow::Plan& plan);
/// `{"workflow":...,"nodes":[{"id","tool","level",...}],"edges":[{"from","to"}]}`.
Json to_graph_json(const workflow::Plan& plan);

}  // namespace hillstar::cli
