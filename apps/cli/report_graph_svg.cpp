// SPDX-License-Identifier: Apache-2.0
// The plan as a drawing: nodes in layers, each behind all that it depends on. Long edges go around nodes by way of
// invisible places in the layers between.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "apps/cli/report_document.hpp"
#include "apps/cli/text.hpp"

namespace hillstar::cli::doc {
namespace {

constexpr double kWidth = 176;
constexpr double kHeight = 46;
constexpr double kMargin = 12;
constexpr double kPassage = 22;  ///< Of an edge between nodes.
constexpr double kPageWidth = 960;
constexpr double kFitWidth = 1500;  ///< So wide a drawing can still be read when it is made to fit the page.
constexpr std::size_t kCellsMax = 20'000;
constexpr int kSweeps = 8;
constexpr std::size_t kLabelColumns = 23;

/// A node, or a place where an edge passes a layer.
struct Cell {
  std::size_t layer = 0;
  bool is_node = false;
  double across = 0;  ///< Middle, perpendicular to the direction of the edges.
  std::vector<std::size_t> before;
  std::vector<std::size_t> behind;
};
using Way = std::vector<std::size_t>;

struct Layout {
  std::vector<Cell> cells;  ///< Nodes first, in plan order.
  std::vector<std::vector<std::size_t>> layers;
  std::vector<Way> ways;
  bool down = true;
  double across = 0;  ///< Size of the widest layer.
};

Layout layered(const Document& document) {
  Layout layout;
  layout.cells.resize(document.nodes.size());
  for (std::size_t i = 0; i < document.nodes.size(); ++i) {
    layout.cells[i].is_node = true;
    for (const auto next : document.nodes[i].successors)
      layout.cells[next].layer = std::max(layout.cells[next].layer, layout.cells[i].layer + 1);
  }
  for (std::size_t i = 0; i < document.nodes.size(); ++i) {
    for (const auto next : document.nodes[i].successors) {
      Way way{i};
      for (auto layer = layout.cells[i].layer + 1; layer < layout.cells[next].layer; ++layer) {
        if (layout.cells.size() >= kCellsMax) break;
        layout.cells.push_back({layer, false, 0, {}, {}});
        way.push_back(layout.cells.size() - 1);
      }
      way.push_back(next);
      for (std::size_t k = 1; k < way.size(); ++k) {
        layout.cells[way[k - 1]].behind.push_back(way[k]);
        layout.cells[way[k]].before.push_back(way[k - 1]);
      }
      layout.ways.push_back(std::move(way));
    }
  }
  for (std::size_t i = 0; i < layout.cells.size(); ++i) {
    const auto layer = layout.cells[i].layer;
    if (layout.layers.size() <= layer) layout.layers.resize(layer + 1);
    layout.layers[layer].push_back(i);
  }
  return layout;
}

/// Sorts each layer by where the neighbours stand, to and fro, so that fewer edges cross.
void untangle(Layout& layout) {
  std::vector<double> place(layout.cells.size(), 0);
  const auto number = [&](const std::vector<std::size_t>& layer) {
    for (std::size_t k = 0; k < layer.size(); ++k)
      place[layer[k]] = static_cast<double>(k) - static_cast<double>(layer.size()) / 2;
  };
  for (const auto& layer : layout.layers) number(layer);
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    const bool forth = sweep % 2 == 0;
    for (std::size_t l = 0; l < layout.layers.size(); ++l) {
      auto& layer = layout.layers[forth ? l : layout.layers.size() - 1 - l];
      std::vector<std::pair<double, std::size_t>> wanted;
      for (const auto cell : layer) {
        const auto& near = forth ? layout.cells[cell].before : layout.cells[cell].behind;
        double sum = 0;
        for (const auto one : near) sum += place[one];
        wanted.emplace_back(near.empty() ? place[cell] : sum / static_cast<double>(near.size()), cell);
      }
      std::stable_sort(wanted.begin(), wanted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
      for (std::size_t k = 0; k < layer.size(); ++k) layer[k] = wanted[k].second;
      number(layer);
    }
  }
}

/// Chooses the direction that needs less width, and puts every layer in the middle.
void place(Layout& layout) {
  const auto across_of = [&](const std::vector<std::size_t>& layer, double slot) {
    return std::accumulate(layer.begin(), layer.end(), 0.0, [&](double sum, std::size_t cell) {
      return sum + (layout.cells[cell].is_node ? slot : kPassage);
    });
  };
  double wide = 0;
  for (const auto& layer : layout.layers) wide = std::max(wide, across_of(layer, kWidth + 22));
  layout.down = wide <= std::max(kPageWidth, (kWidth + 56) * static_cast<double>(layout.layers.size()));
  const double slot = layout.down ? kWidth + 22 : kHeight + 18;
  for (const auto& layer : layout.layers) layout.across = std::max(layout.across, across_of(layer, slot));
  for (const auto& layer : layout.layers) {
    double at = (layout.across - across_of(layer, slot)) / 2;
    for (const auto cell : layer) {
      const double size = layout.cells[cell].is_node ? slot : kPassage;
      layout.cells[cell].across = at + size / 2;
      at += size;
    }
  }
}

struct Point {
  double x = 0;
  double y = 0;
};

/// `shift` -1: where edges arrive, 0: the middle, 1: where edges leave.
Point point_of(const Layout& layout, std::size_t index, double shift) {
  const auto& cell = layout.cells[index];
  const double step = layout.down ? kHeight + 44 : kWidth + 56;
  const double size = layout.down ? kHeight : kWidth;
  const double along =
      kMargin + step * static_cast<double>(cell.layer) + size / 2 + (cell.is_node ? shift * size / 2 : 0);
  const double across = kMargin + cell.across;
  return layout.down ? Point{across, along} : Point{along, across};
}

std::string path_of(const Layout& layout, const Way& way) {
  std::string out;
  for (std::size_t k = 0; k + 1 < way.size(); ++k) {
    const auto a = point_of(layout, way[k], 1);
    const auto b = point_of(layout, way[k + 1], -1);
    if (k == 0) out += fmt::format("M{:.1f} {:.1f}", a.x, a.y);
    const double mx = (a.x + b.x) / 2;
    const double my = (a.y + b.y) / 2;
    if (layout.down)
      out += fmt::format(" C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}", a.x, my, b.x, my, b.x, b.y);
    else
      out += fmt::format(" C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}", mx, a.y, mx, b.y, b.x, b.y);
  }
  return out;
}

/// Tools that have a colour of their own.
std::string_view colour_of(const Node& node) {
  constexpr std::array<std::string_view, 6> kKnown = {"model_call", "script_run", "file_read",
                                                      "file_write", "git_commit", "checkpoint"};
  const auto* found = std::find(kKnown.begin(), kKnown.end(), node.tool);
  return found == kKnown.end() ? "other" : *found;
}

std::string box(const Layout& layout, const Node& node, std::size_t index) {
  const auto middle = point_of(layout, index, 0);
  const auto title = node.id + ": " + node.tool + ", " + node.status + (node.remark.empty() ? "" : "; " + node.remark);
  return fmt::format(
      "<a href=\"#n{0}\"><g class=\"node t-{1} s-{2}\"><title>{3}</title><rect x=\"{4:.1f}\" y=\"{5:.1f}\" "
      "width=\"{6:.0f}\" height=\"{7:.0f}\" rx=\"5\"/><text x=\"{8:.1f}\" y=\"{9:.1f}\" text-anchor=\"middle\">{10}"
      "</text><text class=\"small\" x=\"{8:.1f}\" y=\"{11:.1f}\" text-anchor=\"middle\">{12}</text></g></a>\n",
      index, colour_of(node), node.status, html_text(one_line(visible(title), 200)), middle.x - kWidth / 2,
      middle.y - kHeight / 2, kWidth, kHeight, middle.x, middle.y - 3,
      html_text(one_line(visible(node.id), kLabelColumns)), middle.y + 14,
      html_text(one_line(visible(node.tool + ", " + node.status), kLabelColumns + 4)));
}

}  // namespace

std::string graph_svg(const Document& document) {
  std::size_t edges = 0;
  for (const auto& node : document.nodes) edges += node.successors.size();
  if (document.nodes.empty() || document.nodes.size() > kGraphNodesMax || edges > kGraphEdgesMax) return {};
  auto layout = layered(document);
  untangle(layout);
  place(layout);
  const double layers = static_cast<double>(layout.layers.size());
  const double along = layout.down ? layers * (kHeight + 44) - 44 : layers * (kWidth + 56) - 56;
  const double width = (layout.down ? layout.across : along) + 2 * kMargin;
  const double height = (layout.down ? along : layout.across) + 2 * kMargin;
  std::string out = fmt::format(
      "<svg class=\"graph{2}\" role=\"img\" aria-label=\"Graph of the workflow\" "
      "viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" height=\"{1:.0f}\">\n<defs><marker id=\"arrow\" "
      "viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">"
      "<path class=\"head\" d=\"M0 0L8 4L0 8z\"/></marker></defs>\n",
      width, height, width <= kFitWidth ? " fit" : "");
  for (const auto& way : layout.ways)
    out += fmt::format("<path class=\"edge\" d=\"{}\" marker-end=\"url(#arrow)\"/>\n", path_of(layout, way));
  for (std::size_t i = 0; i < document.nodes.size(); ++i) out += box(layout, document.nodes[i], i);
  return out + "</svg>\n";
}

}  // namespace hillstar::cli::doc
