// SPDX-License-Identifier: Apache-2.0
// When attempts ran, as bars: a row for each node and item.
#include <fmt/format.h>

#include <algorithm>

#include "apps/cli/report_document.hpp"
#include "apps/cli/text.hpp"

namespace hillstar::cli::doc {
namespace {

constexpr double kLabel = 210;
constexpr double kPlot = 720;
constexpr double kRow = 20;
constexpr double kTop = 24;
constexpr double kBarMin = 2;
constexpr int kTicks = 5;
constexpr std::size_t kLabelColumns = 28;

struct Scale {
  UtcTime from;
  UtcTime to;

  [[nodiscard]] double at(UtcTime time) const {
    const auto whole = std::max<std::int64_t>(to.micros - from.micros, 1);
    const auto part = std::clamp<std::int64_t>(time.micros - from.micros, 0, whole);
    return kLabel + kPlot * static_cast<double>(part) / static_cast<double>(whole);
  }
};

std::string_view class_of(const Attempt& attempt) {
  if (attempt.end == "completed") return "ok";
  if (!attempt.to) return "open";
  return attempt.end == "lost" || attempt.end == "stopped" ? "lost" : "bad";
}

std::string bar(const Unit& unit, const Attempt& attempt, const Scale& scale, double y) {
  const auto end = attempt.to.value_or(scale.to);
  const double x = scale.at(attempt.from);
  const double width = std::max(scale.at(end) - x, kBarMin);
  const auto title = fmt::format("{}, attempt {}: {}, {} from {}", unit.name, attempt.number, attempt.end,
                                 duration(end - attempt.from), short_time(attempt.from));
  return fmt::format(
      "<rect class=\"bar {}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.0f}\" rx=\"2\"><title>{}</title>"
      "</rect>\n",
      class_of(attempt), x, y + 3, width, kRow - 6, html_text(title));
}

}  // namespace

std::string timeline_svg(const Document& document) {
  std::vector<const Unit*> rows;
  Scale scale{document.started, document.updated};
  for (const auto& node : document.nodes)
    for (const auto& unit : node.units) {
      if (unit.attempts.empty()) continue;
      if (rows.size() < kTimelineRowsMax) rows.push_back(&unit);
      for (const auto& attempt : unit.attempts) scale.to = std::max(scale.to, attempt.to.value_or(attempt.from));
    }
  if (rows.empty()) return {};
  const double bottom = kTop + kRow * static_cast<double>(rows.size());
  std::string out = fmt::format(
      "<svg class=\"timeline\" role=\"img\" aria-label=\"Timeline of attempts\" "
      "viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" height=\"{1:.0f}\">\n",
      kLabel + kPlot + 40, bottom + 6);
  for (const auto& pause : document.pauses) {
    const double x = scale.at(pause.from);
    out += fmt::format(
        "<rect class=\"pause\" x=\"{:.1f}\" y=\"{:.0f}\" width=\"{:.1f}\" height=\"{:.0f}\"><title>paused"
        "</title></rect>\n",
        x, kTop, std::max(scale.at(pause.to.value_or(scale.to)) - x, kBarMin), bottom - kTop);
  }
  for (int i = 0; i <= kTicks; ++i) {
    const double x = kLabel + kPlot * i / kTicks;
    const Millis after((scale.to - scale.from).count() * i / kTicks);
    out += fmt::format(
        "<line class=\"tick\" x1=\"{0:.1f}\" y1=\"{1:.0f}\" x2=\"{0:.1f}\" y2=\"{2:.0f}\"/>"
        "<text class=\"small\" x=\"{0:.1f}\" y=\"{3:.0f}\" text-anchor=\"middle\">{4}</text>\n",
        x, kTop, bottom, kTop - 8, i == 0 ? "0" : duration(after));
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double y = kTop + kRow * static_cast<double>(i);
    out += fmt::format("<text x=\"0\" y=\"{:.1f}\">{}</text>\n", y + kRow - 6,
                       html_text(one_line(visible(rows[i]->name), kLabelColumns)));
    for (const auto& attempt : rows[i]->attempts) out += bar(*rows[i], attempt, scale, y);
  }
  return out + "</svg>\n";
}

}  // namespace hillstar::cli::doc
