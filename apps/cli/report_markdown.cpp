// SPDX-License-Identifier: Apache-2.0
// A report as Markdown, in the sections that Hillstar's has. Text of a run can break out of no cell and no fence.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "apps/cli/report_document.hpp"
#include "apps/cli/text.hpp"

namespace hillstar::cli::doc {
namespace {

bool is_word(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// On one line, with no markup in it.
std::string plain(std::string_view raw) {
  const std::string text = visible(raw);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool inside = i > 0 && i + 1 < text.size() && is_word(text[i - 1]) && is_word(text[i + 1]);
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '\n' || c == '\t')
      out += ' ';
    else if (std::string_view("\\`*[]|~").find(c) != std::string_view::npos || (c == '_' && !inside))
      out += std::string("\\") + c;
    else
      out += c;
  }
  return out;
}

/// Between fences that are longer than any in the text.
std::string fenced(std::string_view raw) {
  std::string text = visible(raw);
  std::size_t longest = 2;
  std::size_t here = 0;
  for (const char c : text) {
    here = c == '`' ? here + 1 : 0;
    longest = std::max(longest, here);
  }
  const std::string fence(longest + 1, '`');
  if (!text.empty() && text.back() != '\n') text += '\n';
  return fence + "text\n" + text + fence + "\n";
}

std::string amount(MicroUsd cost) { return cost.count > 0 ? money(cost) : "-"; }
std::string or_dash(std::string_view text) { return text.empty() ? "-" : plain(text); }
void item(std::string& out, std::string_view name, const std::string& text) {
  if (!text.empty()) out += fmt::format("- **{}:** {}\n", name, text);
}

std::string head(const Document& document) {
  std::string out = fmt::format("# Workflow Report: {}\n\n", plain(document.workflow));
  item(out, "Generated", short_time(document.generated) + " by " + plain(document.generator));
  item(out, "Status", document.status + (document.reason.empty() ? "" : ": " + plain(document.reason)));
  item(out, "Description", plain(document.description));
  item(out, "Run", document.run);
  item(out, "Started", short_time(document.started) + " by " + plain(document.started_by));
  item(out, "Time", duration(document.updated - document.started));
  item(out, "Fork of", document.parent);
  item(out, "Inputs", plain(document.inputs));
  return out;
}

std::string structure(const Document& document) {
  std::string out = "## Workflow Structure\n\n";
  if (document.drawing.empty())
    return out + fmt::format("{} nodes are too many to draw.\n", grouped(document.nodes.size()));
  return out + "```mermaid\n" + document.drawing + "```\n";
}

std::string nodes(const Document& document) {
  constexpr std::size_t kRemarkColumns = 160;
  std::string out = fmt::format(
      "## Nodes ({} nodes)\n\n| ID | Tool | Provider | Model | Persona | Est. Cost | Status | Attempts | Time | Tokens "
      "| "
      "Cost | Remark |\n| --- | --- | --- | --- | --- | ---: | --- | ---: | ---: | ---: | ---: | --- |\n",
      document.nodes.size());
  for (const auto& node : document.nodes)
    out += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", plain(node.id),
                       plain(node.tool), or_dash(node.provider), or_dash(node.model), or_dash(node.persona),
                       amount(node.reserved), node.status, node.attempts,
                       node.time.count() > 0 ? duration(node.time) : "-", node.tokens > 0 ? grouped(node.tokens) : "-",
                       amount(node.cost), plain(one_line(node.remark, kRemarkColumns)));
  out += "\nEst. Cost is the most that the calls could cost, as it was reserved before they were sent.\n";
  return out;
}

std::string strategy(const Document& document) {
  std::string out = "## Model Selection Strategy\n\n";
  item(out, "Mode", document.mode.empty() ? "explicit: nodes name their models" : plain(document.mode));
  for (const auto& node : document.nodes)
    if (!node.choice.empty()) item(out, plain(node.id), plain(node.choice));
  return out;
}

std::string costs(const Document& document) {
  std::string out = "## Cost Summary\n\n";
  MicroUsd reserved;
  for (const auto& node : document.nodes) reserved += node.reserved;
  item(out, "Estimated", "at most " + money(reserved));
  item(out, "Actual", money(document.cost));
  if (reserved.count > 0)
    item(out, "Variance",
         fmt::format("{:+.1f} %", 100.0 * static_cast<double>(document.cost.count - reserved.count) /
                                      static_cast<double>(reserved.count)));
  item(out, "Tokens", grouped(document.tokens));
  if (document.unsettled) item(out, "Unsettled", "at most " + money(*document.unsettled) + ", by calls without an end");
  for (const auto& limit : document.budget) item(out, "Budget", plain(limit));
  if (document.models.empty()) return out;
  out += "\n| Provider | Model | Calls | Unanswered | Input tokens | Output tokens | Cost | Share |\n";
  out += "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n";
  MicroUsd all;
  for (const auto& use : document.models) all += use.cost;
  for (const auto& use : document.models) {
    const double share =
        all.count > 0 ? 100.0 * static_cast<double>(use.cost.count) / static_cast<double>(all.count) : 0;
    out += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} |\n", or_dash(use.provider), or_dash(use.model),
                       use.calls, use.unanswered, grouped(use.input_tokens), grouped(use.output_tokens),
                       money(use.cost), all.count > 0 ? fmt::format("{:.1f} %", share) : "-");
  }
  return out;
}

std::string results(const Document& document) {
  std::string out = fmt::format("## Execution Results\n\n{} of {} nodes ended, {} failed.\n", document.nodes_done,
                                document.nodes.size(), document.nodes_failed);
  for (const auto& node : document.nodes)
    if (node.status == "failed") out += fmt::format("\n- **{}** failed: {}", plain(node.id), plain(node.remark));
  if (document.nodes_failed > 0) out += "\n";
  for (const auto& [id, text] : document.results) {
    out += fmt::format("\n### Result of {}\n\n", plain(id));
    if (!text.text.empty()) out += fenced(text.text);
    if (const auto remark = cut_remark(text); !remark.empty()) out += "\n" + plain(remark) + "\n";
  }
  if (!document.retries.empty()) {
    out += "\n### Retries\n\n| Time | Attempt | Failure | What followed |\n| --- | --- | --- | --- |\n";
    for (const auto& retry : document.retries)
      out += fmt::format("| {} | {} attempt {} | {} | {} |\n", short_time(retry.at), plain(retry.unit), retry.attempt,
                         plain(retry.why), plain(retry.next));
  }
  out += "\n### Timeline\n\n| Event | Time | What happened |\n| ---: | --- | --- |\n";
  for (const auto& moment : document.timeline)
    out += fmt::format("| {} | {} | {} |\n", moment.seq, exact_time(moment.at), plain(moment.text));
  if (document.timeline_left_out > 0)
    out += fmt::format("\n{} more are left out; `hillstar-actors events {}` has all.\n",
                       grouped(document.timeline_left_out), document.run);
  return out;
}

std::string answers_of(const Approval& approval) {
  if (approval.answers.empty()) return "not answered";
  std::string out;
  for (const auto& answer : approval.answers) {
    out += fmt::format("{}{} by {} at {}", out.empty() ? "" : "; ", answer.approved ? "approved" : "rejected",
                       plain(answer.who), short_time(answer.at));
    if (!answer.reason.empty()) out += ": " + plain(answer.reason);
  }
  return out;
}

std::string governance(const Document& document) {
  std::string out = "## Governance & Audit\n\n";
  if (document.approvals.empty()) out += "No approval was asked.\n\n";
  if (!document.approvals.empty()) {
    out += "| Node | Asked | Question | Data released | Answers |\n| --- | --- | --- | --- | --- |\n";
    for (const auto& approval : document.approvals)
      out +=
          fmt::format("| {} | {} | {}{} | {} | {} |\n", plain(approval.node), short_time(approval.at),
                      plain(approval.prompt), approval.needed > 1 ? fmt::format(" ({} people)", approval.needed) : "",
                      or_dash(approval.release), answers_of(approval));
    out += "\n";
  }
  item(out, "Air gap", document.air_gapped ? "declared endpoints only" : "");
  for (const auto& endpoint : document.endpoints) item(out, "Endpoint", plain(endpoint));
  for (const auto& rule : document.rules) item(out, "Rules", plain(rule));
  item(out, "Rules SHA-256", document.rules_sha256);
  item(out, "Workflow SHA-256", document.workflow_sha256);
  item(out, "Plan SHA-256", document.plan_sha256);
  item(out, "Engine", plain(document.engine));
  item(out, "Chain head", fmt::format("event {}, `{}`", document.head_seq, document.head_hash));
  out += fmt::format(
      "\n`hillstar-actors export {0} --jsonl > run.jsonl` and `hillstar-actors verify run.jsonl` check the chain; the "
      "last hash must be the one above.\n",
      document.run);
  return out;
}

}  // namespace

std::string to_markdown(const Document& document) {
  return head(document) + "\n" + structure(document) + "\n" + nodes(document) + "\n" + strategy(document) + "\n" +
         costs(document) + "\n" + results(document) + "\n" + governance(document) + "\n## Methods\n\n" +
         plain(methods(document)) + "\n";
}

}  // namespace hillstar::cli::doc
