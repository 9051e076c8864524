// SPDX-License-Identifier: Apache-2.0
// Every field and every fixed word of the workflow language. workflow.schema.json says the same; a test compares them.
#pragma once

#include <string_view>
#include <vector>

namespace hillstar::workflow {

/// Kinds of objects in a workflow file. Names are those of the schema's definitions.
enum class Section {
  workflow,
  graph,
  node,
  edge,
  loop,
  condition,
  retry,
  timeout,
  input,
  state,
  model_config,
  budget,
  provider_preferences,
  sampling_params,
  explainability,
  custom_provider,
  model_parameters,
  tool,
  image,
  conversation,
  turn,
  content_part,
  sandbox,
  placement,
  slurm,
  entry_point,
  retention,
  quota,
  timer,
  webhook,
  event,
  file,
  input_parameters,
  signal_parameters,
  workflow_parameters,
  state_parameters
};

const std::vector<std::string_view>& fields_of(Section section);
/// True for fields that nobody reads: `_...`, `x-...`, `$...`.
bool is_private_field(std::string_view name);

const std::vector<std::string_view>& tool_names();
/// First steps of the keys that a result of this tool can have; empty if any key may occur.
const std::vector<std::string_view>& result_keys(std::string_view tool);
/// Keys of the collected result of a map.
const std::vector<std::string_view>& map_result_keys();
/// Words that templates give a meaning of their own, so that no node may have them as id.
const std::vector<std::string_view>& reserved_ids();
const std::vector<std::string_view>& modes();
const std::vector<std::string_view>& presets();
const std::vector<std::string_view>& custom_provider_types();
const std::vector<std::string_view>& on_exhausted();
/// Grades of a node's work, from little to much.
const std::vector<std::string_view>& complexities();

}  // namespace hillstar::workflow
