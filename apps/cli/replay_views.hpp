// SPDX-License-Identifier: Apache-2.0
// What the model calls of a history came to, so that two histories can be compared. Pure.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "messages/events.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::cli {

/// One model_call node, or one item of it.
struct UnitView {
  std::string status = "not run";  ///< `completed`, `failed: rate_limited`, `skipped`, ...
  std::string model;
  std::string finish;
  std::string text;
  std::uint64_t tokens = 0;  ///< Of all attempts,
  MicroUsd cost;             ///< both.
  std::uint32_t attempts = 0;

  bool operator==(const UnitView&) const = default;
};

struct UnitChange {
  std::string unit;
  UnitView before;
  UnitView now;
};

/// By unit, `review` or `review[3]`. Inherited results are left out: nothing was asked for them. Errors: those of
/// `read`.
Result<std::map<std::string, UnitView>> model_views(const workflow::Plan& plan, const std::vector<Recorded>& history,
                                                    const ReadBlob& read);
/// Units of either, by name.
std::vector<UnitChange> changes_between(const std::map<std::string, UnitView>& before,
                                        const std::map<std::string, UnitView>& now);
boost::json::object view_object(const UnitView& view);

}  // namespace hillstar::cli
