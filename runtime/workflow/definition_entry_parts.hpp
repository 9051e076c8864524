// SPDX-License-Identifier: Apache-2.0
// The parts of reading an entry point. For definition_entry_*.cpp only.
#pragma once

#include <boost/describe.hpp>
#include <boost/mp11.hpp>
#include <cmath>
#include <optional>
#include <string_view>
#include <vector>

#include "runtime/workflow/definition_parts.hpp"

namespace hillstar::workflow {

inline Millis to_millis(double seconds) { return Millis(static_cast<std::int64_t>(std::llround(seconds * 1000))); }

/// Names of the values 0, 1, 2, ... of a described enum.
template <class Enum>
const std::vector<std::string_view>& enum_names() {
  static const auto kNames = [] {
    std::vector<std::string_view> names;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<Enum>>(
        [&](auto entry) { names.emplace_back(entry.name); });
    return names;
  }();
  return kNames;
}

TimerTrigger read_timer(const FieldReader& timer);
WebhookTrigger read_webhook(const FieldReader& webhook);
EventTrigger read_event(const FieldReader& event);
FileTrigger read_file_trigger(const FieldReader& file);

/// `retention` and `quota` of an entry point; nothing if the field is absent or wrong.
std::optional<Retention> read_retention(const FieldReader& entry);
std::optional<Quota> read_quota(const FieldReader& entry);
/// `dedupe` of an entry point.
std::optional<std::string> read_dedupe(const FieldReader& entry);
/// `inputs` of an entry point: templates for the inputs that the workflow declares.
std::optional<Json> read_entry_inputs(const FieldReader& entry, const std::vector<InputSpec>& inputs);

}  // namespace hillstar::workflow
