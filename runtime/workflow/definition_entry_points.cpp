// SPDX-License-Identifier: Apache-2.0
// `entry_points`: how runs of the workflow come to start by themselves, and the limits under which they do.
#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <set>

#include "messages/json_codec.hpp"
#include "runtime/workflow/definition_entry_parts.hpp"

namespace hillstar::workflow {
namespace {

namespace bj = boost::json;

constexpr Range kPriority{1, 100};
constexpr Range kRuns{1, 100'000, "runs"};
constexpr Range kQueue{0, 1'000'000, "runs"};
constexpr Range kSeconds{0.001, 31'536'000, "seconds"};
constexpr Range kDollars{0.000'001, 1e9, "US dollars"};

bool is_plain(std::string_view id) {
  return !id.empty() && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

/// One of two spellings of a field; both at once are refused.
std::string_view spelling(const FieldReader& reader, std::string_view ours, std::string_view other) {
  if (reader.find(other) == nullptr) return ours;
  if (reader.find(ours) == nullptr) return other;
  const auto at = reader.place().key(other);
  reader.problems().error(Errc::workflow_invalid, at.pointer(),
                          "'" + std::string(other) + "' says the same as '" + std::string(ours) + "'",
                          "leave '" + std::string(ours) + "'");
  return ours;
}

class EntryPointReader {
 public:
  EntryPointReader(const FieldReader& reader, const std::vector<InputSpec>& inputs)
      : reader_(reader), inputs_(inputs) {}

  EntryPoint read() {
    reader_.check_names(Section::entry_point);
    read_id();
    entry_.name = reader_.string("name");
    read_trigger();
    refuse_what_is_not_there();
    read_limits();
    if (const auto amount = reader_.number("budget", kDollars))
      entry_.budget = MicroUsd{std::max<std::int64_t>(1, std::llround(*amount * 1e6))};
    if (const auto seconds = reader_.number("timeout", kSeconds)) entry_.timeout = to_millis(*seconds);
    entry_.retention = read_retention(reader_);
    entry_.quota = read_quota(reader_);
    entry_.dedupe = read_dedupe(reader_);
    entry_.inputs = read_entry_inputs(reader_, inputs_);
    return std::move(entry_);
  }

 private:
  void read_id() {
    if (reader_.find("id") == nullptr) return reader_.missing("id", "give it a name, such as \"id\": \"nightly\"");
    const auto id = reader_.string("id");
    if (!id) return;
    entry_.id = *id;
    if (is_plain(*id) && id->size() <= kEntryPointIdBytesMax) return;
    const auto at = reader_.place().key("id");
    problem(at, "'" + *id + "' cannot be the id of an entry point",
            "write 1 to " + std::to_string(kEntryPointIdBytesMax) + " of a-z, 0-9, '_' and '-'");
  }

  void read_trigger() {
    static const std::vector<std::string_view> kSections = {"timer", "webhook", "event", "file"};
    const auto named = spelling(reader_, "trigger", "trigger_type");
    std::vector<std::string_view> given;
    for (const auto section : kSections)
      if (reader_.find(section) != nullptr) given.push_back(section);
    if (const auto kind = reader_.word(named, enum_names<TriggerKind>())) {
      entry_.trigger = static_cast<TriggerKind>(*kind);
    } else if (reader_.find(named) != nullptr) {
      return;
    } else if (given.size() == 1) {
      boost::describe::enum_from_string(std::string(given.front()).c_str(), entry_.trigger);
    }
    const auto kind = json::enum_name(entry_.trigger);
    for (const auto section : given) {
      if (section == kind) continue;
      const auto at = reader_.place().key(section);
      problem(at, "'" + std::string(section) + "' does not go with the trigger '" + std::string(kind) + "'",
              given.size() > 1 ? "an entry point has one trigger: write one for each" : "remove one of them");
    }
    const bool needs_section = std::find(kSections.begin(), kSections.end(), kind) != kSections.end();
    if (reader_.find("trigger_config") != nullptr && !needs_section) {
      const auto at = reader_.place().key("trigger_config");
      if (!is_empty_object(*reader_.find("trigger_config")))
        problem(at, "the trigger '" + std::string(kind) + "' has nothing to configure", "remove it");
      return;
    }
    if (needs_section) read_section(kind);
  }

  void read_section(std::string_view kind) {
    const auto name = spelling(reader_, kind, "trigger_config");
    if (reader_.find(name) == nullptr)
      return reader_.missing(kind, "write \"" + std::string(kind) + "\": " + example_of(kind));
    const auto* object = reader_.object(name);
    if (object == nullptr) return;
    const auto at = reader_.place().key(name);
    const FieldReader section(*object, at, reader_.problems());
    switch (entry_.trigger) {
      case TriggerKind::timer:
        entry_.timer = read_timer(section);
        break;
      case TriggerKind::webhook:
        entry_.webhook = read_webhook(section);
        break;
      case TriggerKind::event:
        entry_.event = read_event(section);
        break;
      case TriggerKind::file:
        entry_.file = read_file_trigger(section);
        break;
      case TriggerKind::manual:
      case TriggerKind::api:
      case TriggerKind::workflow:
        break;
    }
  }

  static std::string example_of(std::string_view kind) {
    if (kind == "timer") return "{\"cron\": \"0 3 * * *\"} or {\"every\": 60}";
    if (kind == "webhook") return "{\"scheme\": \"github\", \"secrets\": [\"GITHUB_WEBHOOK_SECRET\"]}";
    if (kind == "event") return "{\"types\": [\"run_failed\"]}";
    return "{\"folder\": \"incoming\"}";
  }

  /// Refused rather than ignored: a workflow that relies on them would do something else than it says.
  void refuse_what_is_not_there() {
    if (reader_.find("entry_node") != nullptr) {
      const auto at = reader_.place().key("entry_node");
      problem(at, "a run starts with every node that waits for no other, not at one of them",
              "give the nodes a 'when' that asks for an input, or write a workflow of its own");
    }
  }

  void read_limits() {
    if (const auto level = reader_.word(spelling(reader_, "isolation", "isolation_level"), enum_names<Isolation>()))
      entry_.isolation = static_cast<Isolation>(*level);
    if (const auto priority = reader_.integer("priority", kPriority))
      entry_.priority = static_cast<std::uint32_t>(*priority);
    if (const auto runs = reader_.integer("max_concurrent", kRuns))
      entry_.max_concurrent = static_cast<std::uint32_t>(*runs);
    if (const auto runs = reader_.integer("max_queued", kQueue)) entry_.max_queued = static_cast<std::uint32_t>(*runs);
    if (const auto what = reader_.word("overflow", enum_names<Overflow>()))
      entry_.overflow = static_cast<Overflow>(*what);
    const auto overlap = reader_.word("overlap", enum_names<Overlap>());
    if (!overlap) return;
    entry_.overlap = static_cast<Overlap>(*overlap);
    const auto at = reader_.place().key("overlap");
    if (entry_.trigger != TriggerKind::timer)
      reader_.problems().warning(at.pointer(), "'overlap' has an effect on timers only",
                                 "'max_concurrent' bounds the runs that are under way at once");
  }

  static bool is_empty_object(const bj::value& value) { return value.is_object() && value.get_object().empty(); }

  void problem(const Place& at, std::string message, std::string hint) {
    reader_.problems().error(Errc::workflow_invalid, at.pointer(), std::move(message), std::move(hint));
  }

  const FieldReader& reader_;
  const std::vector<InputSpec>& inputs_;
  EntryPoint entry_;
};

}  // namespace

std::vector<EntryPoint> read_entry_points(const FieldReader& workflow, const std::vector<InputSpec>& inputs) {
  std::vector<EntryPoint> entries;
  const auto* list = workflow.array("entry_points");
  if (list == nullptr) return entries;
  const auto list_at = workflow.place().key("entry_points");
  if (list->size() > kEntryPointsMax) {
    workflow.problems().error(Errc::workflow_invalid, list_at.pointer(),
                              "more than " + std::to_string(kEntryPointsMax) + " entry points");
    return entries;
  }
  std::set<std::string> ids;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto at = list_at.element(i);
    const auto* object = as_object((*list)[i], at, workflow.problems());
    if (object == nullptr) continue;
    auto entry = EntryPointReader(FieldReader(*object, at, workflow.problems()), inputs).read();
    if (!entry.id.empty() && !ids.insert(entry.id).second) {
      const auto id_at = at.key("id");
      workflow.problems().error(Errc::workflow_invalid, id_at.pointer(),
                                "two entry points are called '" + entry.id + "'", "give each its own id");
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace hillstar::workflow
