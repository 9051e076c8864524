// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/board.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "apps/cli/output.hpp"
#include "apps/cli/text.hpp"
#include "messages/json_codec.hpp"
#include "runtime/run/view.hpp"

namespace hillstar::cli {
namespace {

constexpr std::size_t kBarColumns = 20;
constexpr std::size_t kNameColumnsMax = 32;

/// A line whose parts are cut to what is left of the width; colours do not count.
class Line {
 public:
  Line(std::size_t width, bool color) : left_(width), color_(color) {}
  Line& add(std::string_view text, Tone tone = Tone::plain) {
    const std::string cut = columns(text) <= left_ ? std::string(text) : one_line(text, left_);
    left_ -= std::min(left_, columns(cut));
    text_ += color_ ? painted(tone, cut) : cut;
    return *this;
  }
  std::string take() {
    if (!color_) text_.erase(text_.find_last_not_of(' ') + 1);
    return std::move(text_);
  }

 private:
  std::size_t left_;
  bool color_;
  std::string text_;
};

struct Row {
  std::string name;
  std::string time;
  std::string text;
  std::string_view mark;
  Tone tone = Tone::plain;
};

std::vector<Row> running_rows(const LiveRun& live, UtcTime now) {
  std::vector<std::pair<Unit, const LiveRun::Attempt*>> units;
  for (const auto& [unit, attempt] : live.running) units.emplace_back(unit, &attempt);
  std::stable_sort(units.begin(), units.end(),
                   [](const auto& a, const auto& b) { return a.second->since < b.second->since; });
  std::vector<Row> rows;
  for (const auto& [unit, attempt] : units) {
    std::string text = attempt->attempt > 1 ? fmt::format("attempt {}  ", attempt->attempt) : std::string();
    text += last_line(attempt->tail);
    rows.push_back({to_string(unit), duration(now - attempt->since), std::move(text), "▸", Tone::good});
  }
  return rows;
}

void add_unit(std::vector<Row>& rows, const Unit& unit, const run::UnitState& state, UtcTime now) {
  switch (state.status) {
    case run::NodeStatus::retrying:
      rows.push_back({to_string(unit), duration(state.retry_at - now),
                      state.failure ? "retry after " + state.failure->message : "retry", "↻", Tone::warning});
      break;
    case run::NodeStatus::held:
      rows.push_back({to_string(unit), "", "waits for approval", "?", Tone::warning});
      break;
    case run::NodeStatus::asking:
      rows.push_back({to_string(unit), "", "asks for an input", "?", Tone::warning});
      break;
    case run::NodeStatus::listening:
      rows.push_back({to_string(unit), "", "waits for a signal", "?", Tone::warning});
      break;
    case run::NodeStatus::lost:
      rows.push_back({to_string(unit), "", "lost: may or may not have run", "?", Tone::warning});
      break;
    case run::NodeStatus::failed:
      rows.push_back({to_string(unit), "", state.failure ? state.failure->message : "failed", "✗", Tone::bad});
      break;
    default:
      break;
  }
}

std::vector<Row> standing_rows(const LiveRun& live, UtcTime now) {
  std::vector<Row> rows;
  for (std::size_t i = 0; i < live.state.nodes.size(); ++i) {
    const auto& node = live.state.nodes[i];
    const auto& id = live.state.plan->nodes[i].id;
    add_unit(rows, {id, std::nullopt}, node, now);
    if (!node.map) continue;
    for (std::uint32_t item = 0; item < node.map->units.size(); ++item)
      add_unit(rows, {id, item}, node.map->units[item], now);
  }
  return rows;
}

std::string header(const LiveRun& live, const BoardFrame& frame) {
  const auto& state = live.state;
  const auto [done, all] = progress_of(state);
  Line line(frame.columns, frame.color);
  line.add(one_line(state.plan->workflow.str(), 30), Tone::strong)
      .add("  " + live.run.str() + "  ", Tone::faint)
      .add(bar(done, all, std::min(kBarColumns, frame.columns / 4)), Tone::good)
      .add(fmt::format("  {}/{}", done, all));
  const auto status = run::status_name(state);
  if (status != "running") line.add(fmt::format("  {}", status), Tone::warning);
  if (state.failed_nodes > 0) line.add(fmt::format("  {} failed", state.failed_nodes), Tone::bad);
  line.add("  " + duration(frame.now - state.started_at));
  const auto tokens = state.usage.input_tokens + state.usage.output_tokens;
  if (tokens > 0) line.add(fmt::format("  {} tokens", tokens));
  if (state.usage.cost.count > 0) line.add("  " + money(state.usage.cost));
  return line.take();
}

}  // namespace

std::string bar(std::uint64_t done, std::uint64_t all, std::size_t width) {
  const auto filled = all == 0 ? width : static_cast<std::size_t>(std::min(done, all) * width / all);
  std::string text;
  for (std::size_t i = 0; i < width; ++i) text += i < filled ? "█" : "░";
  return text;
}

std::vector<std::string> board_lines(const LiveRun& live, const BoardFrame& frame) {
  std::vector<Row> rows = running_rows(live, frame.now);
  for (auto& row : standing_rows(live, frame.now)) rows.push_back(std::move(row));
  const std::size_t room = std::max<std::size_t>(frame.rows, 3) - 1;
  const std::size_t hidden = rows.size() > room ? rows.size() - (room - 1) : 0;
  rows.resize(rows.size() - hidden);

  std::size_t name_width = 0;
  std::size_t time_width = 0;
  for (auto& row : rows) {
    row.name = one_line(row.name, kNameColumnsMax);
    name_width = std::max(name_width, columns(row.name));
    time_width = std::max(time_width, columns(row.time));
  }
  std::vector<std::string> lines{header(live, frame)};
  for (const auto& row : rows) {
    Line line(frame.columns, frame.color);
    line.add("  ").add(row.mark, row.tone).add(" ").add(pad(row.name, name_width)).add("  ");
    line.add(std::string(time_width - std::min(time_width, columns(row.time)), ' ') + row.time, Tone::faint);
    line.add("  ").add(one_line(row.text, frame.columns), row.tone == Tone::good ? Tone::faint : row.tone);
    lines.push_back(line.take());
  }
  if (hidden > 0) lines.push_back(Line(frame.columns, frame.color).add(fmt::format("  … {} more", hidden)).take());
  return lines;
}

}  // namespace hillstar::cli
