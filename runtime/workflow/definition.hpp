// SPDX-License-Identifier: Apache-2.0
// A workflow as written: checked field by field, names looked up, nothing unrolled.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/workflow/compile.hpp"
#include "runtime/workflow/plan.hpp"
#include "runtime/workflow/problems.hpp"

namespace hillstar::workflow {

/// Bounds of one workflow. A file beyond them is refused before anything is built.
inline constexpr std::size_t kFileBytesMax = 64U << 20U;
inline constexpr std::size_t kFileDepthMax = 64;
inline constexpr std::size_t kNodesMax = 1'000'000;  ///< After unrolling.
inline constexpr std::size_t kEdgesMax = 4'000'000;  ///< After unrolling.
inline constexpr std::size_t kIdBytesMax = 128;
inline constexpr double kConcurrencyMax = 1'000'000;
inline constexpr std::size_t kEntryPointsMax = 1'000;
inline constexpr std::size_t kEntryPointIdBytesMax = 64;

/// Place of a node in the file; also its index until the plan is put in order.
using AuthoredIndex = std::uint32_t;
inline constexpr std::uint32_t kNone = 0xFFFF'FFFF;

struct Edge {
  std::uint32_t from = 0;
  std::uint32_t to = 0;

  bool operator==(const Edge&) const = default;
};

struct NodeDefinition {
  PlanNode draft;  ///< All that concerns this node alone. Its conditions hold authored indices.
  const boost::json::value* input = nullptr;     ///< Null: none. Owned by the document.
  const boost::json::value* for_each = nullptr;  ///< Null: no map. Owned by the document.
  std::uint32_t loop = kNone;                    ///< Which loop it is in.
};

struct LoopDefinition {
  std::string id;
  std::vector<AuthoredIndex> body;
  std::uint32_t attempts = 1;
  bool fail_when_exhausted = false;
  Condition until;                    ///< On authored indices.
  std::vector<AuthoredIndex> judges;  ///< Nodes that `until` names, in its order.
};

struct Definition {
  WorkflowId workflow;
  std::string description;
  std::uint32_t max_concurrency = 4;
  std::vector<NodeDefinition> nodes;
  std::vector<Edge> edges;    ///< As listed.
  std::vector<Edge> implied;  ///< From conditions and references, not listed, without duplicates.
  std::vector<LoopDefinition> loops;
  std::vector<InputSpec> inputs;
  std::vector<std::string> file_access;
  std::map<std::string, std::string> files;
  Json model_config;
  Json provider_config;
  std::vector<EntryPoint> entry_points;
  std::unordered_map<std::string_view, AuthoredIndex> index;  ///< Keys are owned by the document.

  /// `did you mean 'review'?` among the node ids, or empty.
  [[nodiscard]] std::string suggest_node(std::string_view id, Problems& problems) const;
  [[nodiscard]] std::vector<std::string_view> input_names() const;
};

/// Reads what it can of `document`, which must outlive the definition, and reports every problem.
Definition read_definition(const boost::json::value& document, const CompileOptions& options, Problems& problems);

/// Checks the references of every template and adds the edges they imply.
void check_references(Definition& definition, Problems& problems);

/// Authored indices of the nodes that a condition names, in its order, without duplicates.
std::vector<NodeIndex> nodes_of(const Condition& condition);

}  // namespace hillstar::workflow
