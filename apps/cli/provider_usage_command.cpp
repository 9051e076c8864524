// SPDX-License-Identifier: Apache-2.0
// providers usage: what the histories of a store say about calls to models, and what is left of a day's money.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <map>

#include "apps/cli/carry.hpp"
#include "apps/cli/commands.hpp"
#include "apps/cli/json_fields.hpp"
#include "apps/cli/registry_file.hpp"
#include "apps/cli/text.hpp"
#include "providers/pool/call_log.hpp"
#include "providers/pool/day_budget.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;
using providers::kDayMicros;

/// Calls of one provider and model.
struct Used {
  std::uint64_t calls = 0;
  std::uint64_t failed = 0;
  std::uint64_t input = 0;
  std::uint64_t output = 0;
  std::uint64_t cached = 0;
  MicroUsd cost;
};

std::string text_in(const std::optional<Json>& detail, const char* name) {
  if (!detail) return {};
  const auto tree = detail->value();
  const auto* value = json::member(tree, name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

class Counter {
 public:
  Counter(UtcTime since, const std::vector<std::string>& only) : since_(since), only_(only) {}

  void add(const Recorded& recorded) {
    if (recorded.at < since_) return;
    if (const auto* done = std::get_if<NodeCompleted>(&recorded.event)) count(done->detail, done->usage, false);
    if (const auto* failed = std::get_if<NodeAttemptFailed>(&recorded.event))
      count(failed->detail, failed->usage, true);
  }
  [[nodiscard]] const auto& used() const { return used_; }

 private:
  void count(const std::optional<Json>& detail, const std::optional<Usage>& usage, bool failed) {
    const auto provider = text_in(detail, "provider");
    if (provider.empty()) return;  // no call of a model
    if (!only_.empty() && std::find(only_.begin(), only_.end(), provider) == only_.end()) return;
    auto& used = used_[{provider, text_in(detail, "model_asked")}];
    ++used.calls;
    used.failed += failed ? 1 : 0;
    if (!usage) return;
    used.input += usage->input_tokens;
    used.output += usage->output_tokens;
    used.cached += usage->cached_tokens.value_or(0);
    used.cost += usage->cost;
  }

  UtcTime since_;
  const std::vector<std::string>& only_;
  std::map<std::pair<std::string, std::string>, Used> used_;
};

UtcTime day_of(UtcTime time) { return {time.micros - time.micros % kDayMicros}; }

/// `today`, `7d` (with today), or a day such as 2026-11-22.
Result<UtcTime> since_of(const std::string& text, UtcTime now) {
  if (text == "today") return day_of(now);
  const auto end = text.data() + text.size();
  std::int64_t days = 0;
  const auto [rest, code] = std::from_chars(text.data(), end, days);
  constexpr std::int64_t kDaysMax = 36'500;
  if (code == std::errc() && rest + 1 == end && *rest == 'd' && days >= 1 && days <= kDaysMax)
    return UtcTime{day_of(now).micros - (days - 1) * kDayMicros};
  if (const auto day = from_rfc3339(text + "T00:00:00.000000Z")) return *day;
  return Error{Errc::usage,
               "There is no time '" + text + "' to count from.",
               {},
               "Give today, a number of days such as 7d, or a day such as 2026-11-22."};
}

struct Left {
  std::string provider;
  MicroUsd limit;
  MicroUsd spent;
};

/// Of providers with a limit for a day; counted as their pools do, with failed calls at the most they can have cost.
std::vector<Left> left_today(const policy::Registry& registry, const providers::CallLog& log, UtcTime now) {
  std::vector<Left> all;
  for (const auto& entry : registry.providers) {
    if (!entry.limits.usd_per_day) continue;
    Left left{entry.name, *entry.limits.usd_per_day, {}};
    for (const auto& [backend, calls] : log.calls) {
      if (!backend.starts_with(entry.name + " ")) continue;
      for (const auto& call : calls)
        if (call.ended && *call.ended >= day_of(now)) left.spent += call.cost.value_or(MicroUsd{});
    }
    all.push_back(left);
  }
  return all;
}

bj::object json_of(const std::pair<std::string, std::string>& who, const Used& used) {
  return {{"provider", who.first},        {"model", who.second},           {"calls", used.calls},
          {"failed", used.failed},        {"input_tokens", used.input},    {"output_tokens", used.output},
          {"cached_tokens", used.cached}, {"cost_micros", used.cost.count}};
}

void print_json(Output& output, UtcTime since, const Counter& counter, const std::vector<Left>& limits) {
  bj::array rows;
  for (const auto& [who, used] : counter.used()) rows.push_back(json_of(who, used));
  bj::array left;
  for (const auto& one : limits)
    left.push_back(bj::object{{"provider", one.provider},
                              {"usd_per_day_micros", one.limit.count},
                              {"spent_micros", one.spent.count},
                              {"left_micros", std::max<std::int64_t>(one.limit.count - one.spent.count, 0)}});
  output.data(
      Json::of(bj::object{{"since", to_rfc3339(since)}, {"used", std::move(rows)}, {"left_today", std::move(left)}}));
}

void print_table(Output& output, UtcTime since, const Counter& counter, const std::vector<Left>& limits) {
  output.data("Since " + short_time(since));
  std::vector<std::vector<std::string>> rows{
      {"PROVIDER", "MODEL", "CALLS", "FAILED", "TOKENS IN", "CACHED", "OUT", "COST"}};
  Used total;
  for (const auto& [who, used] : counter.used()) {
    rows.push_back({visible(who.first), visible(who.second), std::to_string(used.calls), std::to_string(used.failed),
                    std::to_string(used.input), std::to_string(used.cached), std::to_string(used.output),
                    money(used.cost)});
    total.calls += used.calls;
    total.cost += used.cost;
  }
  for (const auto& line : table(rows)) output.data(line);
  output.data(fmt::format("{} calls, {}", total.calls, money(total.cost)));
  for (const auto& one : limits)
    output.data(fmt::format("Today {}: {} of {} spent, {} left", visible(one.provider), money(one.spent),
                            money(one.limit), money({std::max<std::int64_t>(one.limit.count - one.spent.count, 0)})));
}

}  // namespace

Result<Exit> show_usage(Context& context, const ProviderArgs& args) {
  const auto now = context.clock.utc_now();
  HILLSTAR_TRY(const auto since, since_of(args.since, now));
  HILLSTAR_TRY(const auto registry, load_registry(context.environment));
  HILLSTAR_TRY(const auto store, read_store(context));
  const auto from = std::min(since, day_of(now));
  std::vector<RunId> runs;
  HILLSTAR_CHECK(store->list([&](const run::Summary& row) {
    if (row.updated_at >= from) runs.push_back(row.run);
    return true;
  }));
  Counter counter(since, args.names);
  providers::CallLog log;
  for (const auto& run : runs) {
    const auto history = store->read(run);
    if (!history) {
      context.output.warn("warning: run " + run.str() + " cannot be read and is not counted; see `verify`");
      continue;
    }
    for (const auto& recorded : *history) counter.add(recorded);
    providers::add_calls(*history, now, log);
  }
  const auto limits = left_today(*registry, log, now);
  if (context.output.is_json())
    print_json(context.output, since, counter, limits);
  else
    print_table(context.output, since, counter, limits);
  return Exit::done;
}

}  // namespace hillstar::cli
