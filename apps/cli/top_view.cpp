// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/top_view.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>

#include "apps/cli/output.hpp"
#include "apps/cli/report.hpp"
#include "apps/cli/stream_statuses.hpp"
#include "apps/cli/stream_view.hpp"
#include "apps/cli/text.hpp"
#include "messages/json_codec.hpp"
#include "runtime/stream/quota.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;
using Cells = std::vector<std::vector<std::string>>;

/// Below so many columns only what matters most is shown.
constexpr std::size_t kNarrow = 72;
constexpr std::size_t kNameColumns = 28;

bj::object backend_object(const PoolStatus& pool) {
  return {{"backend", pool.backend}, {"in_flight", pool.in_flight}, {"waiting", pool.waiting},
          {"calls", pool.calls},     {"failed", pool.failed},       {"cost", pool.cost.count}};
}

/// What today's runs come to; those that are removed are not among them.
Result<bj::object> today(const persistence::EventStore& store, UtcTime now) {
  persistence::RunQuery asked;
  asked.since = stream::day_of(now);
  asked.limit = persistence::kPageRowsMax;
  std::uint64_t started = 0;
  std::uint64_t ended = 0;
  MicroUsd cost;
  bool all = true;
  for (bool more = true; more;) {
    HILLSTAR_TRY(const auto page, store.query(asked));
    for (const auto& row : page.rows) {
      ++started;
      ended += run::is_terminal(row) ? 1 : 0;
      cost += row.cost;
    }
    more = page.more && !page.rows.empty();
    if (more) asked.before = page.rows.back().run;
    if (more && started >= kTopTodayMax) more = all = false;
  }
  return bj::object{{"started", started}, {"ended", ended}, {"cost", cost.count}, {"all", all}};
}

// -- reading the document -------------------------------------------------------------------------------

const bj::value* member(const bj::value& value, std::string_view name) { return json::member(value, name); }
std::string text_of(const bj::value& value, std::string_view name) {
  const auto* found = member(value, name);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}
std::int64_t number_of(const bj::value& value, std::string_view name) {
  const auto* found = member(value, name);
  return found != nullptr && found->is_number() ? found->to_number<std::int64_t>() : 0;
}
bj::array list_of(const bj::value& value, std::string_view name) {
  const auto* found = member(value, name);
  return found != nullptr && found->is_array() ? found->get_array() : bj::array();
}
std::optional<UtcTime> time_of(const bj::value& value, std::string_view name) {
  return from_rfc3339(text_of(value, name));
}
std::string clock_text(UtcTime time) { return short_time(time).substr(11); }

// -- lines ----------------------------------------------------------------------------------------------

class Table {
 public:
  Table(const bj::value& top, const TopFrame& frame)
      : top_(top), frame_(frame), now_(time_of(top, "at").value_or(UtcTime{})) {}

  std::vector<std::string> lines(const Json& before) {
    add(head(), Tone::strong);
    add(counts(before));
    add_table(runs(), "No run is live.");
    if (const auto cells = streams(); cells.size() > 1) add_table(cells, "");
    if (const auto cells = backends(); cells.size() > 1) add_table(cells, "");
    if (frame_.rows && lines_.size() > *frame_.rows) {
      const auto kept = std::max<std::size_t>(*frame_.rows, 2) - 1;
      const auto hidden = lines_.size() - kept;
      lines_.resize(kept);
      add(fmt::format("… {} more lines", hidden), Tone::faint);
    }
    return std::move(lines_);
  }

 private:
  [[nodiscard]] bool is_narrow() const { return frame_.columns < kNarrow; }

  void add(const std::string& line, Tone tone = Tone::plain) {
    const auto cut = columns(line) <= frame_.columns ? line : one_line(line, frame_.columns);
    lines_.push_back(frame_.color && tone != Tone::plain && !cut.empty() ? painted(tone, cut) : cut);
  }

  void add_table(const Cells& cells, const std::string& none) {
    add("");
    if (cells.size() == 1) return add(none);
    const auto rows = table(cells);
    for (const auto& row : rows) add(row, &row == &rows.front() ? Tone::faint : Tone::plain);
  }

  [[nodiscard]] std::string head() const {
    const auto* host = member(top_, "host");
    const bool hosted = host != nullptr && !host->is_null();
    return fmt::format("{}  {}", short_time(now_),
                       hosted ? fmt::format("process {} hosts the store", number_of(top_, "host"))
                              : std::string("nobody hosts the store"));
  }

  [[nodiscard]] std::string counts(const Json& before) const {
    std::string words;
    if (const auto* runs = member(top_, "runs"); runs != nullptr && runs->is_object())
      for (const auto& [status, count] : runs->get_object())
        words += fmt::format("{}{} {}", words.empty() ? "" : ", ", json::canonical(count), std::string_view(status));
    if (words.empty()) words = "0 running";
    const auto* day = member(top_, "today");
    if (day == nullptr) return words;
    const auto* all = member(*day, "all");
    const std::string_view least = all != nullptr && all->is_bool() && !all->get_bool() ? "at least " : "";
    words += fmt::format("; today {}{} runs, {}{}", least, number_of(*day, "started"), least,
                         money({number_of(*day, "cost")}));
    const auto earlier = before.value();
    const auto* then = member(earlier, "today");
    const auto at = time_of(earlier, "at");
    if (then == nullptr || !at || *at >= now_) return words;
    const auto ended = std::max<std::int64_t>(number_of(*day, "ended") - number_of(*then, "ended"), 0);
    const auto minutes = static_cast<double>((now_ - *at).count()) / 60'000;
    return words + fmt::format("; {:.0f} end a minute", static_cast<double>(ended) / minutes);
  }

  [[nodiscard]] Cells runs() const {
    Cells cells;
    if (is_narrow())
      cells.push_back({"WORKFLOW", "STATUS", "NODES", "TIME"});
    else
      cells.push_back({"RUN", "WORKFLOW", "STATUS", "NODES", "IN FLIGHT", "TIME", "COST"});
    for (const auto& row : list_of(top_, "live")) {
      const auto status = text_of(row, "status");
      const auto nodes = fmt::format("{}/{}", number_of(row, "nodes_done"), number_of(row, "nodes"));
      const auto time = duration(now_ - time_of(row, "started_at").value_or(now_));
      const auto name = one_line(text_of(row, "workflow"), is_narrow() ? 16 : 24);
      const auto flight = number_of(row, "nodes_running");
      const MicroUsd cost{number_of(row, "cost")};
      if (is_narrow())
        cells.push_back({name, status, nodes, time});
      else
        cells.push_back({text_of(row, "run"), name, status, nodes, flight > 0 ? std::to_string(flight) : "", time,
                         cost.count > 0 ? money(cost) : ""});
    }
    return cells;
  }

  [[nodiscard]] Cells streams() const {
    Cells cells;
    if (is_narrow())
      cells.push_back({"STREAM", "RUNS", "QUEUED"});
    else
      cells.push_back({"STREAM", "TRIGGER", "RUNNING", "QUEUED", "REFUSED", "NEXT"});
    for (const auto& one : list_of(top_, "streams")) {
      const auto* entry = member(one, "entry");
      const auto* held = member(one, "held");
      const bool is_held = held != nullptr && held->is_bool() && held->get_bool();
      const auto name = one_line(text_of(one, "stream"), is_narrow() ? 20 : kNameColumns);
      const auto running = std::to_string(number_of(one, "running"));
      const auto queued = std::to_string(number_of(one, "queued"));
      if (is_narrow()) {
        cells.push_back({name, running, is_held ? queued + " held" : queued});
        continue;
      }
      const auto firings = list_of(one, "next");
      const auto due = firings.empty() || !firings.front().is_string()
                           ? std::optional<UtcTime>()
                           : from_rfc3339(std::string(firings.front().get_string()));
      cells.push_back({name, entry == nullptr ? "" : text_of(*entry, "trigger"), running, queued,
                       std::to_string(number_of(one, "refused")),
                       is_held ? "held"
                       : due   ? clock_text(*due)
                               : ""});
    }
    return cells;
  }

  [[nodiscard]] Cells backends() const {
    Cells cells;
    if (is_narrow())
      cells.push_back({"BACKEND", "NOW", "WAIT", "COST"});
    else
      cells.push_back({"BACKEND", "IN FLIGHT", "WAITING", "CALLS", "FAILED", "COST"});
    for (const auto& pool : list_of(top_, "backends")) {
      const auto name = one_line(text_of(pool, "backend"), is_narrow() ? 16 : kNameColumns);
      const auto count = [&](std::string_view of) { return std::to_string(number_of(pool, of)); };
      const MicroUsd cost{number_of(pool, "cost")};
      const auto spent = cost.count > 0 ? money(cost) : std::string();
      if (is_narrow())
        cells.push_back({name, count("in_flight"), count("waiting"), spent});
      else
        cells.push_back({name, count("in_flight"), count("waiting"), count("calls"), count("failed"), spent});
    }
    return cells;
  }

  const bj::value& top_;
  TopFrame frame_;
  UtcTime now_;
  std::vector<std::string> lines_;
};

}  // namespace

Result<Json> top_document(const persistence::EventStore& store, const Engine* engine, UtcTime now) {
  bj::object top{{"at", to_rfc3339(now)}, {"host", engine != nullptr ? bj::value(::getpid()) : bj::value(nullptr)}};
  bj::object counts;
  bj::array live;
  HILLSTAR_CHECK(store.each({.statuses = persistence::open_statuses()}, [&](const run::Summary& row) {
    auto& count = counts[row.status];
    count = count.is_null() ? 1 : count.get_int64() + 1;
    if (live.size() < kTopRunsMax) live.push_back(row_object(row).value());
    return true;
  }));
  top["runs"] = std::move(counts);
  top["live"] = std::move(live);
  HILLSTAR_TRY(const auto streams, engine != nullptr ? all_streams(*engine) : stored_streams(store));
  bj::array shown;
  for (const auto& status : streams) shown.push_back(stream_object(status, now).value());
  top["streams"] = std::move(shown);
  bj::array backends;
  if (engine != nullptr)
    for (const auto& pool : engine->pools()) backends.push_back(backend_object(pool));
  top["backends"] = std::move(backends);
  HILLSTAR_TRY(top["today"], today(store, now));
  return Json::of(top);
}

std::vector<std::string> top_lines(const Json& document, const Json& before, const TopFrame& frame) {
  const auto top = document.value();
  return Table(top, frame).lines(before);
}

}  // namespace hillstar::cli
