// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/render.hpp"

#include <array>
#include <boost/json.hpp>

namespace hillstar::workflow {
namespace {

namespace bj = boost::json;

/// Tree lines are indented this many levels at most; deeper nodes say how deep they are.
constexpr std::size_t kIndentMax = 24;

struct ToolColour {
  std::string_view tool;
  std::string_view fill;
  std::string_view stroke;
};
/// White text stands out on all of them (contrast 4.5:1 or more).
constexpr std::array<ToolColour, 6> kColours = {{{"model_call", "#1565c0", "#0d47a1"},
                                                 {"script_run", "#a84300", "#7a3000"},
                                                 {"file_read", "#7b1fa2", "#4a148c"},
                                                 {"file_write", "#2e7d32", "#1b5e20"},
                                                 {"git_commit", "#37474f", "#263238"},
                                                 {"checkpoint", "#ad1457", "#880e4f"}}};

const ToolColour* colour_of(std::string_view tool) {
  for (const auto& colour : kColours)
    if (colour.tool == tool) return &colour;
  return nullptr;
}

/// Tools in the plan that have a colour, in the order of the table: the legend.
std::vector<const ToolColour*> legend(const Plan& plan) {
  std::vector<const ToolColour*> out;
  for (const auto& colour : kColours)
    for (const auto& node : plan.nodes)
      if (node.tool == colour.tool) {
        out.push_back(&colour);
        break;
      }
  return out;
}

/// `tool, attempt 2 of 3 of fix, asks, when`: what is special about a node.
std::string remarks(const PlanNode& node) {
  std::string text = node.tool;
  if (!node.model.empty()) text += " " + node.model;
  if (node.loop)
    text += ", " + node.loop->loop + " " + std::to_string(node.loop->attempt) + "/" + std::to_string(node.loop->of);
  if (node.map) text += ", for each";
  if (node.when) text += ", when";
  if (node.skip_if && !node.stands_for) text += ", skip if";
  if (node.permission == Permission::ask) text += ", asks";
  if (node.permission == Permission::never) text += ", never";
  if (node.checkpoint) text += ", checkpoint";
  return text;
}

std::string for_mermaid(std::string_view text) {
  std::string out;
  for (const char c : text) {
    // Mermaid reads HTML and Markdown in labels; decimal entities stand for every character that could start either.
    if (std::string_view("\"&<>#`*_[](){}\\;|%").find(c) != std::string_view::npos)
      out += "#" + std::to_string(static_cast<unsigned char>(c)) + ";";
    else
      out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out;
}

std::string for_dot(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out;
}

std::string mermaid(const Plan& plan) {
  std::string out = "graph TD\n";
  for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
    const auto& node = plan.nodes[i];
    const auto* colour = colour_of(node.tool);
    out += "  n" + std::to_string(i) + "[\"" + for_mermaid(node.id.str()) + "<br/>" + for_mermaid(remarks(node)) +
           "\"]" + (colour == nullptr ? "" : ":::" + std::string(colour->tool)) + "\n";
  }
  for (std::size_t i = 0; i < plan.nodes.size(); ++i)
    for (const auto next : plan.nodes[i].successors)
      out += "  n" + std::to_string(i) + " --> n" + std::to_string(next) + "\n";
  out += "  subgraph legend\n";
  for (const auto* colour : legend(plan))
    out += "    legend_" + std::string(colour->tool) + "[\"" + for_mermaid(colour->tool) +
           "\"]:::" + std::string(colour->tool) + "\n";
  out += "  end\n";
  for (const auto* colour : legend(plan))
    out += "  classDef " + std::string(colour->tool) + " fill:" + std::string(colour->fill) +
           ",stroke:" + std::string(colour->stroke) + ",color:#ffffff\n";
  return out;
}

ToolColour hillstar_colour_of(std::string_view tool) {
  if (tool == "model_call") return {tool, "#2196F3", "#1565C0"};
  if (tool == "file_read") return {tool, "#9C27B0", "#6A1B9A"};
  if (tool == "file_write") return {tool, "#4CAF50", "#2E7D32"};
  if (tool == "script_run") return {tool, "#FF9800", "#E65100"};
  return {tool, "#607D8B", "#37474F"};
}

std::string hillstar(const Plan& plan) {
  std::string out = "graph TD\n";
  for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
    const auto& node = plan.nodes[i];
    // Ids of ours: those of authors may be words of Mermaid, or hold any character.
    const auto name = "n" + std::to_string(i);
    const auto colour = hillstar_colour_of(node.tool);
    out += "    " + name + "[\"" + for_mermaid(node.id.str()) + "<br/>(" + node.tool +  // one of ours: letters and `_`
           (node.complexity ? ", " + for_mermaid(*node.complexity) : "") + ")\"]\n";
    out += "    style " + name + " fill:" + std::string(colour.fill) + ",stroke:" + std::string(colour.stroke) +
           ",stroke-width:2px,color:#fff\n";
  }
  for (std::size_t i = 0; i < plan.nodes.size(); ++i)
    for (const auto next : plan.nodes[i].successors)
      out += "    n" + std::to_string(i) + " --> n" + std::to_string(next) + "\n";
  return out;
}

std::string dot(const Plan& plan) {
  const auto style = [](const ToolColour* colour) {
    return colour == nullptr ? std::string()
                             : ", style=filled, fontcolor=\"#ffffff\", fillcolor=\"" + std::string(colour->fill) +
                                   "\", color=\"" + std::string(colour->stroke) + "\"";
  };
  std::string out = "digraph \"" + for_dot(plan.workflow.str()) + "\" {\n";
  out += "  node [shape=box, fontname=\"sans-serif\"];\n";
  for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
    const auto& node = plan.nodes[i];
    out += "  n" + std::to_string(i) + " [label=\"" + for_dot(node.id.str()) + "\\n" + for_dot(remarks(node)) + "\"" +
           style(colour_of(node.tool)) + "];\n";
  }
  for (std::size_t i = 0; i < plan.nodes.size(); ++i)
    for (const auto next : plan.nodes[i].successors)
      out += "  n" + std::to_string(i) + " -> n" + std::to_string(next) + ";\n";
  out += "  subgraph cluster_legend {\n    label=\"legend\";\n";
  for (const auto* colour : legend(plan))
    out += "    legend_" + std::string(colour->tool) + " [label=\"" + std::string(colour->tool) + "\"" + style(colour) +
           "];\n";
  return out + "  }\n}\n";
}

std::string as_json(const Plan& plan) {
  bj::array nodes;
  bj::array edges;
  for (const auto& node : plan.nodes) {
    bj::object out{{"id", node.id.str()}, {"tool", node.tool}};
    if (!node.model.empty()) out["model"] = node.model;
    if (node.loop) out["loop"] = {{"id", node.loop->loop}, {"attempt", node.loop->attempt}, {"of", node.loop->of}};
    if (node.map) out["for_each"] = true;
    if (node.checkpoint) out["checkpoint"] = true;
    if (node.when || node.skip_if) out["conditional"] = true;
    if (node.permission != Permission::always) out["permission"] = node.permission == Permission::ask ? "ask" : "never";
    nodes.push_back(std::move(out));
    for (const auto next : node.successors)
      edges.push_back({{"from", node.id.str()}, {"to", plan.nodes[next].id.str()}});
  }
  bj::object colours;
  for (const auto* colour : legend(plan)) colours[colour->tool] = colour->fill;
  return json::canonical(
             bj::value{{"workflow", plan.workflow.str()}, {"nodes", nodes}, {"edges", edges}, {"legend", colours}}) +
         "\n";
}

/// Each node stands once, below the predecessor that ends last in plan order; other predecessors are named behind it.
class Tree {
 public:
  explicit Tree(const Plan& plan) : plan_(plan), children_(plan.nodes.size()) {}

  std::string draw() {
    std::string out = plan_.workflow.str() + ": " + std::to_string(plan_.nodes.size()) + " nodes\n";
    struct Open {
      NodeIndex node;
      std::string prefix;
      std::size_t depth;
      bool is_last;
    };
    std::vector<Open> stack;
    for (NodeIndex i = static_cast<NodeIndex>(plan_.nodes.size()); i-- > 0;) {
      const auto& before = plan_.nodes[i].predecessors;
      if (before.empty())
        stack.push_back({i, "", 0, stack.empty()});
      else
        children_[before.back()].push_back(i);
    }
    while (!stack.empty()) {
      const auto open = std::move(stack.back());
      stack.pop_back();
      const bool indented = open.depth <= kIndentMax;
      out += open.prefix + (open.is_last ? "└─ " : "├─ ");
      if (!indented) out += "(level " + std::to_string(open.depth) + ") ";
      append_line(out, plan_.nodes[open.node]);
      const auto prefix = open.depth < kIndentMax ? open.prefix + (open.is_last ? "   " : "│  ") : open.prefix;
      // Children were collected from the last to the first, as the stack wants them.
      bool is_last = true;
      for (const auto child : children_[open.node]) {
        stack.push_back({child, prefix, open.depth + 1, is_last});
        is_last = false;
      }
    }
    return out;
  }

 private:
  static constexpr std::size_t kAlsoMax = 5;

  void append_line(std::string& out, const PlanNode& node) const {
    out += node.id.str() + " [" + remarks(node) + "]";
    for (std::size_t i = 0; i + 1 < node.predecessors.size(); ++i) {
      if (i == kAlsoMax) {
        out += " and " + std::to_string(node.predecessors.size() - 1 - kAlsoMax) + " more";
        break;
      }
      out += (i == 0 ? ", also after " : ", ") + plan_.nodes[node.predecessors[i]].id.str();
    }
    out += '\n';
  }

  const Plan& plan_;
  std::vector<std::vector<NodeIndex>> children_;
};

}  // namespace

std::string draw(const Plan& plan, GraphFormat format) {
  switch (format) {
    case GraphFormat::mermaid:
      return mermaid(plan);
    case GraphFormat::dot:
      return dot(plan);
    case GraphFormat::json:
      return as_json(plan);
    case GraphFormat::tree:
      return Tree(plan).draw();
    case GraphFormat::hillstar:
      return hillstar(plan);
  }
  return {};
}

}  // namespace hillstar::workflow
