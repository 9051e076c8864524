// SPDX-License-Identifier: Apache-2.0
// The parts of reading a definition, one file each. For definition*.cpp only.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "runtime/workflow/definition.hpp"
#include "runtime/workflow/field_reader.hpp"

namespace hillstar::workflow {

/// Refuses ids that no file name, log line or template could carry.
void check_id(std::string_view id, std::string_view what, const Place& at, Problems& problems);

/// A node's own fields; conditions are read later, when all ids are known.
NodeDefinition read_node(std::string_view id, const FieldReader& node, const CompileOptions& options);
/// The rest of a model_call: names in its parameters and input, and PlanNode::repairs.
void read_model_call(const FieldReader& node, PlanNode& draft);
/// The rest of an `input` or a `signal`: what is asked, under which name, and for how long.
void read_talk(const FieldReader& node, PlanNode& draft);
/// The rest of a `workflow_run`: which file, and what its run is given.
void read_workflow_run(const FieldReader& node, PlanNode& draft);
/// Refuses two questions under one name.
void check_requests(const Definition& definition, Problems& problems);
/// The rest of a node with tool `state`.
void read_state(const FieldReader& node);
/// Refuses shared state that the runs of an entry point do not see.
void check_shared_state(const Definition& definition, Problems& problems);
/// `data`, `clearance`, `release`, `approvals` and `sandbox` of a node.
void read_governance(const FieldReader& node, PlanNode& draft);
/// `placement`, `files_in` and `files_out` of a node.
void read_placement(const FieldReader& node, PlanNode& draft);
/// `data` of an input.
std::optional<std::string> read_data_class(const FieldReader& input);
/// `files` of the workflow: pattern -> class.
std::map<std::string, std::string> read_files(const FieldReader& workflow);
/// `singleClient` of the node or of its custom provider: the lane that its calls share.
std::string lane_of(const FieldReader& node, const PlanNode& draft, const boost::json::object* model_config);

std::vector<InputSpec> read_inputs(const boost::json::object& inputs, const Place& at, Problems& problems);
/// `entry_points` of the workflow, whose runs are given `inputs`.
std::vector<EntryPoint> read_entry_points(const FieldReader& workflow, const std::vector<InputSpec>& inputs);
bool has_type(const boost::json::value& value, InputType type);

/// `model_config.budget` in whole numbers; nothing if it sets no limit.
std::optional<Budget> read_budget(const Json& model_config);
/// Checks model_config; the values stay as written.
void check_model_config(const FieldReader& config);
/// Warns about fields that model_config does not have, and about keys in it.
void warn_of_model_config_names(const FieldReader& config, const boost::json::object& object);

/// Reads conditions and notes the tests they ask of nodes, each test once.
class ConditionReader {
 public:
  ConditionReader(Definition& definition, Problems& problems) : definition_(definition), problems_(problems) {}

  /// Nothing, with diagnostics, if the condition is malformed.
  std::optional<Condition> read(const boost::json::value& value, const Place& at);

 private:
  std::optional<Condition> read_list(const boost::json::value& value, const Place& at, bool all);
  std::optional<Condition> read_node_question(const FieldReader& condition);
  std::optional<Condition> read_input_question(const FieldReader& condition);
  std::optional<Test> read_test(const FieldReader& condition);

  using TestKey = std::tuple<AuthoredIndex, int, std::string>;
  Definition& definition_;
  Problems& problems_;
  std::map<TestKey, std::uint32_t> known_tests_;
};

}  // namespace hillstar::workflow
