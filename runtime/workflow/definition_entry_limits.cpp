// SPDX-License-Identifier: Apache-2.0
// What of an entry point's runs is kept, and what they may use up.
#include <boost/json.hpp>
#include <cmath>

#include "runtime/workflow/definition_entry_parts.hpp"

namespace hillstar::workflow {
namespace {

constexpr Range kKeptRuns{0, 1'000'000'000, "runs"};
constexpr Range kAge{0.001, 3'153'600'000, "seconds"};
constexpr Range kBytes{1, 1e15, "bytes"};
constexpr Range kRuns{1, 1'000'000, "runs"};
constexpr Range kDollars{0.000'001, 1e9, "US dollars"};

/// The object of a section, its names checked. An empty one is refused: it would say nothing.
const boost::json::object* section_of(const FieldReader& entry, std::string_view name, Section section,
                                      const char* example) {
  const auto* object = entry.object(name);
  if (object == nullptr) return nullptr;
  const auto at = entry.place().key(name);
  FieldReader(*object, at, entry.problems()).check_names(section);
  if (!object->empty()) return object;
  entry.problems().error(Errc::workflow_invalid, at.pointer(), "'" + std::string(name) + "' says nothing", example);
  return nullptr;
}

std::optional<std::uint32_t> count_at(const FieldReader& reader, std::string_view name, const Range& range) {
  const auto count = reader.integer(name, range);
  return count ? std::optional(static_cast<std::uint32_t>(*count)) : std::nullopt;
}

std::optional<std::uint64_t> bytes_at(const FieldReader& reader, std::string_view name) {
  const auto count = reader.integer(name, kBytes);
  return count ? std::optional(static_cast<std::uint64_t>(*count)) : std::nullopt;
}

}  // namespace

std::optional<Retention> read_retention(const FieldReader& entry) {
  const auto* object =
      section_of(entry, "retention", Section::retention, R"(such as {"runs": 1000} or {"age": 604800})");
  if (object == nullptr) return std::nullopt;
  const auto at = entry.place().key("retention");
  const FieldReader reader(*object, at, entry.problems());
  Retention retention;
  retention.runs = count_at(reader, "runs", kKeptRuns);
  if (const auto seconds = reader.number("age", kAge)) retention.age = to_millis(*seconds);
  retention.bytes = bytes_at(reader, "bytes");
  return retention == Retention{} ? std::nullopt : std::optional(retention);
}

std::optional<Quota> read_quota(const FieldReader& entry) {
  const auto* object = section_of(entry, "quota", Section::quota, R"(such as {"runs_per_hour": 60})");
  if (object == nullptr) return std::nullopt;
  const auto at = entry.place().key("quota");
  const FieldReader reader(*object, at, entry.problems());
  Quota quota;
  quota.runs_per_hour = count_at(reader, "runs_per_hour", kRuns);
  quota.runs_per_day = count_at(reader, "runs_per_day", kRuns);
  if (const auto amount = reader.number("cost_per_day", kDollars))
    quota.cost_per_day = MicroUsd{std::max<std::int64_t>(1, std::llround(*amount * 1e6))};
  quota.stored_bytes = bytes_at(reader, "stored_bytes");
  if (quota.runs_per_hour && quota.runs_per_day && *quota.runs_per_day < *quota.runs_per_hour)
    entry.problems().warning(at.key("runs_per_hour").pointer(), "the day allows fewer runs than the hour",
                             "lower it, or raise 'runs_per_day'");
  return quota == Quota{} ? std::nullopt : std::optional(quota);
}

}  // namespace hillstar::workflow
