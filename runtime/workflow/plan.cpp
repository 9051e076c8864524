// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/plan.hpp"

#include "messages/json_codec.hpp"

namespace hillstar::workflow {
namespace {

/// A plan is larger and nests deeper than the file it came from: loops are unrolled, their conditions are wrapped.
constexpr json::Limits kPlanLimits{.bytes_max = std::size_t{1} << 30U, .depth_max = 256};

}  // namespace

std::string to_text(const Plan& plan) { return json::to_text(plan); }

Result<Plan> plan_from_text(std::string_view text) {
  HILLSTAR_TRY(const auto value, json::parse(text, kPlanLimits));
  return json::read<Plan>(value);
}

}  // namespace hillstar::workflow
