// SPDX-License-Identifier: Apache-2.0
// Workflow files: a plan or at least one error, never both; a plan survives being stored.
#include "runtime/workflow/compile.hpp"
#include "tests/fuzz/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace workflow = hillstar::workflow;
  using hillstar::fuzz::hold;
  const std::string text(hillstar::fuzz::text_of(data, size));
  const auto compiled = workflow::compile(text);
  hold(compiled.plan.has_value() != workflow::has_errors(compiled.diagnostics), "a plan if and only if no error");
  for (const auto& diagnostic : compiled.diagnostics) hold(!diagnostic.message.empty(), "a diagnostic says something");
  if (!compiled.plan) return 0;
  const auto stored = workflow::to_text(*compiled.plan);
  const auto again = workflow::plan_from_text(stored);
  hold(again.has_value(), "a stored plan is read again");
  hold(*again == *compiled.plan, "and is the same");
  hold(workflow::to_text(*again) == stored, "with the same text");
  for (hillstar::NodeIndex i = 0; i < compiled.plan->nodes.size(); ++i) {
    for (const auto before : compiled.plan->nodes[i].predecessors) hold(before < i, "predecessors come first");
  }
  return 0;
}
