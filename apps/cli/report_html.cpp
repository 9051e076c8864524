// SPDX-License-Identifier: Apache-2.0
// A report as one page. It holds no script and may load nothing: its policy allows its own style sheet, by hash.
// Whatever a run produced passes html_text(), and stands nowhere but between tags.
#include <fmt/format.h>

#include <algorithm>

#include "apps/cli/report_document.hpp"
#include "apps/cli/report_style.hpp"
#include "apps/cli/text.hpp"
#include "runtime/platform/base64.hpp"
#include "runtime/platform/hash.hpp"

namespace hillstar::cli::doc {
namespace {

/// Nodes are unfolded in a report of so many.
constexpr std::size_t kOpenNodesMax = 6;

std::string amount(MicroUsd cost) { return cost.count > 0 ? money(cost) : std::string(); }
std::string or_nothing(std::uint64_t number) { return number > 0 ? grouped(number) : std::string(); }
std::string time_of(UtcTime time) { return "<span class=\"time\">" + short_time(time) + "</span>"; }
std::string code(std::string_view text) { return text.empty() ? "" : "<code>" + html_text(text) + "</code>"; }
std::string status(std::string_view name) {
  return fmt::format("<span class=\"{0}\">{0}</span>", html_text(name));  // names of ours: letters and `_`
}

/// A table with names at the left; what is empty is left out. Values are HTML.
std::string facts(const std::vector<std::pair<std::string_view, std::string>>& rows) {
  std::string out = "<table class=\"facts\">\n";
  for (const auto& [name, value] : rows)
    if (!value.empty()) out += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", name, value);
  return out + "</table>\n";
}

/// Cells are HTML; a column whose head starts with `#` holds numbers.
class Table {
 public:
  explicit Table(const std::vector<std::string_view>& head) {
    out_ = "<div class=\"wide\"><table>\n<thead><tr>";
    for (auto name : head) {
      numbers_.push_back(name.starts_with('#'));
      if (numbers_.back()) name.remove_prefix(1);
      out_ += fmt::format("<th scope=\"col\"{}>{}</th>", numbers_.back() ? " class=\"num\"" : "", name);
    }
    out_ += "</tr></thead>\n<tbody>\n";
  }
  void row(const std::vector<std::string>& cells) {
    out_ += "<tr>";
    for (std::size_t i = 0; i < cells.size(); ++i)
      out_ += fmt::format("<td{}>{}</td>", numbers_[i] ? " class=\"num\"" : "", cells[i]);
    out_ += "</tr>\n";
  }
  std::string end() { return std::move(out_) + "</tbody></table></div>\n"; }

 private:
  std::string out_;
  std::vector<bool> numbers_;
};

std::string block(const Text& text) {
  std::string out;
  if (!text.text.empty()) out += "<pre>" + html_text(text.text) + "</pre>\n";
  if (const auto remark = cut_remark(text); !remark.empty())
    out += "<p class=\"faint\">" + html_text(remark) + "</p>\n";
  return out.empty() ? "<p class=\"faint\">empty</p>\n" : out;
}

std::string head(const Document& document) {
  std::string out = "<h1>" + html_text(document.workflow) + "</h1>\n";
  if (!document.description.empty()) out += "<p>" + html_text(document.description) + "</p>\n";
  out +=
      "<nav><a href=\"#graph\">Graph</a><a href=\"#timeline\">Timeline</a><a href=\"#nodes\">Nodes</a>"
      "<a href=\"#cost\">Cost</a><a href=\"#governance\">Governance</a><a href=\"#audit\">Audit</a>"
      "<a href=\"#methods\">Methods</a></nav>\n";
  std::string nodes = fmt::format("{} of {} ended", document.nodes_done, document.nodes.size());
  if (document.nodes_failed > 0) nodes += fmt::format(", {} failed", document.nodes_failed);
  return out + facts({{"Run", code(document.run)},
                      {"Status", status(document.status)},
                      {"Reason", html_text(document.reason)},
                      {"Started", time_of(document.started) + " by " + html_text(document.started_by)},
                      {"Time", duration(document.updated - document.started)},
                      {"Nodes", nodes},
                      {"Tokens", or_nothing(document.tokens)},
                      {"Cost", amount(document.cost)},
                      {"Unsettled", document.unsettled ? "at most " + money(*document.unsettled) : ""},
                      {"File", html_text(document.workflow_file)},
                      {"Workspace", html_text(document.workspace)},
                      {"Fork of", html_text(document.parent)},
                      {"Inputs", code(document.inputs)}});
}

std::string results(const Document& document) {
  if (document.results.empty()) return {};
  std::string out = "<h2 id=\"result\">Result</h2>\n";
  for (const auto& [id, text] : document.results) out += "<h3>" + html_text(id) + "</h3>\n" + block(text);
  return out;
}

std::string graph(const Document& document) {
  std::string out = "<h2 id=\"graph\">Graph</h2>\n";
  const auto drawing = graph_svg(document);
  if (!drawing.empty()) return out + "<div class=\"wide\">\n" + drawing + "</div>\n";
  out += "<p>There is too much to draw; the table says what follows what.</p>\n";
  Table table({"Node", "Tool", "Status", "Followed by"});
  constexpr std::size_t kNamedMax = 12;
  for (const auto& node : document.nodes) {
    std::string next;
    for (std::size_t k = 0; k < node.successors.size() && k < kNamedMax; ++k)
      next += (k == 0 ? "" : ", ") + html_text(document.nodes[node.successors[k]].id);
    if (node.successors.size() > kNamedMax) next += fmt::format(" and {} more", node.successors.size() - kNamedMax);
    table.row({html_text(node.id), html_text(node.tool), status(node.status), next});
  }
  return out + table.end();
}

std::string timeline(const Document& document) {
  std::string out = "<h2 id=\"timeline\">Timeline</h2>\n";
  if (const auto drawing = timeline_svg(document); !drawing.empty())
    out += "<div class=\"wide\">\n" + drawing + "</div>\n";
  out += "<details><summary>What happened, event by event</summary>\n";
  Table table({"#Event", "Time", "What"});
  for (const auto& moment : document.timeline)
    table.row({std::to_string(moment.seq), "<span class=\"time\">" + exact_time(moment.at) + "</span>",
               html_text(moment.text)});
  out += table.end();
  if (document.timeline_left_out > 0)
    out += fmt::format("<p class=\"faint\">{} more are left out.</p>\n", grouped(document.timeline_left_out));
  return out + "</details>\n";
}

std::string attempts_of(const Unit& unit) {
  if (unit.attempts.empty()) return {};
  const bool asked = std::any_of(unit.attempts.begin(), unit.attempts.end(),
                                 [](const Attempt& one) { return !one.model.empty() || one.usage; });
  std::vector<std::string_view> names{"#Attempt", "Started", "#Time", "End"};
  if (asked) names.insert(names.end(), {"Model", "#Tokens in", "#Tokens out", "#Cost", "#At most"});
  Table table(names);
  for (const auto& one : unit.attempts) {
    auto end = html_text(one.end) + (one.finish.empty() ? "" : " (" + html_text(one.finish) + ")");
    if (!one.message.empty()) end += "<br>" + html_text(one.message);
    std::vector<std::string> cells{std::to_string(one.number), time_of(one.from),
                                   one.to ? duration(*one.to - one.from) : "", end};
    if (asked) {
      std::string model = html_text(one.provider) + " " + html_text(one.model);
      if (!one.fingerprint.empty()) model += ", fingerprint " + html_text(one.fingerprint);
      if (!one.request_id.empty()) model += "<br>" + code(one.request_id);
      cells.insert(cells.end(), {model, one.usage ? grouped(one.usage->input_tokens) : "",
                                 one.usage ? grouped(one.usage->output_tokens) : "",
                                 one.usage ? amount(one.usage->cost) : "", one.reserved ? amount(*one.reserved) : ""});
    }
    table.row(cells);
  }
  return table.end();
}

std::string node_details(const Document& document, std::size_t index) {
  const auto& node = document.nodes[index];
  const bool open = document.nodes.size() <= kOpenNodesMax || node.status == "failed";
  std::string out = fmt::format("<details id=\"n{}\"{}><summary><b>{}</b>{}, {}</summary>\n", index,
                                open ? " open" : "", html_text(node.id), html_text(node.tool), status(node.status));
  out += facts({{"Provider", html_text(node.provider)},
                {"Model", html_text(node.model)},
                {"Chosen", html_text(node.choice)},
                {"Persona", html_text(node.persona)},
                {"Remark", html_text(node.remark)},
                {"Time", node.time.count() > 0 ? duration(node.time) : ""},
                {"Attempts", or_nothing(node.attempts)},
                {"Tokens", or_nothing(node.tokens)},
                {"Cost", amount(node.cost)}});
  for (const auto& unit : node.units) {
    if (unit.name != node.id) out += "<h3>" + html_text(unit.name) + "</h3>\n";
    if (!unit.note.empty()) out += "<p>" + html_text(unit.note) + "</p>\n";
    out += attempts_of(unit);
    for (const auto& text : unit.texts) out += "<h3>" + html_text(text.label) + "</h3>\n" + block(text);
  }
  if (node.items_left_out > 0)
    out += fmt::format("<p class=\"faint\">{} more items are left out.</p>\n", grouped(node.items_left_out));
  return out + "</details>\n";
}

std::string nodes(const Document& document) {
  std::string out = fmt::format("<h2 id=\"nodes\">Nodes ({})</h2>\n", document.nodes.size());
  Table table({"Node", "Tool", "Model", "Status", "#Attempts", "#Time", "#Tokens", "#Cost"});
  for (std::size_t i = 0; i < document.nodes.size(); ++i) {
    const auto& node = document.nodes[i];
    table.row({fmt::format("<a href=\"#n{}\">{}</a>", i, html_text(node.id)), html_text(node.tool),
               html_text(node.model), status(node.status), or_nothing(node.attempts),
               node.time.count() > 0 ? duration(node.time) : "", or_nothing(node.tokens), amount(node.cost)});
  }
  out += table.end();
  for (std::size_t i = 0; i < document.nodes.size(); ++i) out += node_details(document, i);
  return out;
}

std::string costs(const Document& document) {
  MicroUsd reserved;
  for (const auto& node : document.nodes) reserved += node.reserved;
  std::string limits;
  for (const auto& limit : document.budget) limits += (limits.empty() ? "" : "<br>") + html_text(limit);
  std::string out = "<h2 id=\"cost\">Cost</h2>\n" + facts({{"Actual", money(document.cost)},
                                                           {"Reserved at most", amount(reserved)},
                                                           {"Budget", limits.empty() ? "none" : limits}});
  if (document.models.empty()) return out + "<p>No model was called.</p>\n";
  Table table({"Provider", "Model asked for", "Model, as reported", "Fingerprint", "#Calls", "#Unanswered",
               "#Tokens in", "#Tokens out", "#Cost"});
  for (const auto& use : document.models)
    table.row({html_text(use.provider), html_text(use.asked), html_text(use.model), html_text(use.fingerprint),
               grouped(use.calls), or_nothing(use.unanswered), grouped(use.input_tokens), grouped(use.output_tokens),
               money(use.cost)});
  out += table.end();
  if (document.retries.empty()) return out;
  out += "<h3>Attempts that were repeated</h3>\n";
  Table retries({"Time", "Attempt", "Failure", "What followed"});
  for (const auto& retry : document.retries)
    retries.row({time_of(retry.at), fmt::format("{} attempt {}", html_text(retry.unit), retry.attempt),
                 html_text(retry.why), html_text(retry.next)});
  return out + retries.end();
}

std::string governance(const Document& document) {
  std::string out = "<h2 id=\"governance\">Governance</h2>\n";
  if (document.approvals.empty()) out += "<p>No approval was asked.</p>\n";
  if (!document.approvals.empty()) {
    Table table({"Node", "Asked", "Question", "Data released", "#Needed", "Answers"});
    for (const auto& approval : document.approvals) {
      std::string answers;
      for (const auto& answer : approval.answers) {
        answers +=
            fmt::format("{}{} by {} at {}", answers.empty() ? "" : "<br>",
                        status(answer.approved ? "approved" : "rejected"), html_text(answer.who), time_of(answer.at));
        if (!answer.reason.empty()) answers += ": " + html_text(answer.reason);
      }
      table.row({html_text(approval.node), time_of(approval.at), html_text(approval.prompt),
                 html_text(approval.release), std::to_string(approval.needed),
                 answers.empty() ? "not answered" : answers});
    }
    out += table.end();
  }
  const auto list = [](const std::vector<std::string>& lines) {
    std::string html;
    for (const auto& line : lines) html += (html.empty() ? "" : "<br>") + html_text(line);
    return html;
  };
  return out + facts({{"Air gap", document.air_gapped ? "declared endpoints only" : "no"},
                      {"Endpoints", document.endpoints.empty() ? "none" : list(document.endpoints)},
                      {"Rules", list(document.rules)},
                      {"Rules SHA-256", code(document.rules_sha256)}});
}

std::string audit(const Document& document) {
  return "<h2 id=\"audit\">Audit</h2>\n" +
         facts({{"Engine", html_text(document.engine)},
                {"Workflow SHA-256", code(document.workflow_sha256)},
                {"Plan SHA-256", code(document.plan_sha256)},
                {"Last event", std::to_string(document.head_seq)},
                {"Its hash", code(document.head_hash)}}) +
         fmt::format(
             "<p>Each event's hash covers the one before, so the last hash stands for the whole history. To check "
             "it:</p>\n"
             "<pre>hillstar-actors export {0} --jsonl &gt; run.jsonl\nhillstar-actors verify run.jsonl</pre>\n"
             "<p>The last hash that <code>verify</code> prints must be the one above.</p>\n",
             html_text(document.run));
}

}  // namespace

std::string html_text(std::string_view text) {
  std::string out;
  for (const char c : visible(text)) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (c == '\'')
      out += "&#39;";
    else
      out += c;
  }
  return out;
}

std::string to_html(const Document& document) {
  const auto hash = sha256(kStyle);
  const std::string_view bytes(reinterpret_cast<const char*>(hash.data()), hash.size());
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{}'; base-uri "
      "'none'; form-action 'none'\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}: {}</title>\n<style>",
      base64(bytes), html_text(document.workflow), html_text(document.run));
  out += kStyle;
  out += "</style>\n</head>\n<body>\n";
  out += head(document) + results(document) + graph(document) + timeline(document) + nodes(document) + costs(document) +
         governance(document) + audit(document);
  out += "<h2 id=\"methods\">Methods</h2>\n<p>" + html_text(methods(document)) + "</p>\n";
  return out + fmt::format("<p class=\"faint\">Generated {} by {} from the recorded history.</p>\n</body>\n</html>\n",
                           short_time(document.generated), html_text(document.generator));
}

}  // namespace hillstar::cli::doc
