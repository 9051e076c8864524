// SPDX-License-Identifier: Apache-2.0
// Words that both forms of a report share.
#include <fmt/format.h>

#include <set>

#include "apps/cli/report_document.hpp"
#include "apps/cli/text.hpp"

namespace hillstar::cli::doc {
namespace {

std::string counted(std::uint64_t number, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", grouped(number), number == 1 ? one : many);
}

/// `a`, `a and b`, `a, b and c`.
template <class List>
std::string enumerated(const List& list) {
  std::string text;
  std::size_t i = 0;
  for (const auto& one : list) {
    if (i > 0) text += i + 1 == list.size() ? " and " : ", ";
    text += one;
    ++i;
  }
  return text;
}

/// What models were asked, and at what price.
std::string of_models(const Document& document) {
  if (document.models.empty()) return " It called no language model.";
  std::uint64_t calls = 0;
  std::uint64_t input = 0;
  std::uint64_t output = 0;
  std::vector<std::string> parts;
  for (const auto& use : document.models) {
    calls += use.calls;
    input += use.input_tokens;
    output += use.output_tokens;
    const bool renamed = !use.asked.empty() && use.asked != use.model;
    parts.push_back(fmt::format("{} ({}provider {}{}; {})", use.model,
                                renamed ? "asked for as " + use.asked + "; " : "", use.provider,
                                use.fingerprint.empty() ? "" : ", fingerprint " + use.fingerprint,
                                counted(use.calls, "call", "calls") +
                                    (use.unanswered > 0 ? ", " + grouped(use.unanswered) + " without an answer" : "")));
  }
  std::string text =
      fmt::format(" It made {} to {}, named as the providers reported them: {}.", counted(calls, "call", "calls"),
                  document.models.size() == 1 ? "one language model" : "language models", enumerated(parts));
  text += fmt::format(" They used {} input and {} output tokens and cost {} at the prices known when the run started.",
                      grouped(input), grouped(output), money(document.cost));
  if (document.unsettled)
    text += fmt::format(" Calls whose end nobody saw may have cost {} more.", money(*document.unsettled));
  return text;
}

std::string of_people(const Document& document) {
  std::set<std::string> yes;
  std::set<std::string> no;
  std::uint64_t approvals = 0;
  std::uint64_t rejections = 0;
  for (const auto& approval : document.approvals)
    for (const auto& answer : approval.answers) {
      (answer.approved ? yes : no).insert(answer.who);
      ++(answer.approved ? approvals : rejections);
    }
  std::string text;
  if (approvals > 0)
    text += fmt::format(" {} {} given by {}.", counted(approvals, "approval", "approvals"),
                        approvals == 1 ? "was" : "were", enumerated(yes));
  if (rejections > 0)
    text += fmt::format(" {} {} given by {}.", counted(rejections, "rejection", "rejections"),
                        rejections == 1 ? "was" : "were", enumerated(no));
  return text;
}

bool has_ended(const Document& document) {
  return document.status == "completed" || document.status == "failed" || document.status == "cancelled" ||
         document.status == "timed_out";
}

}  // namespace

std::string exact_time(UtcTime time) {
  constexpr std::size_t kMillis = 23;
  std::string text = to_rfc3339(time).substr(0, kMillis);
  if (text.size() == kMillis) text[10] = ' ';
  return text + "Z";
}

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string cut_remark(const Text& text) {
  if (!text.left_out.empty()) return text.left_out;
  if (text.sha256.empty()) return {};
  return fmt::format("cut: the first {} of {} bytes; sha256 of all of it: {}", grouped(text.text.size()),
                     grouped(text.bytes), text.sha256);
}

std::string methods(const Document& document) {
  std::string text = fmt::format(
      "The workflow \"{}\" (SHA-256 of its file {}, of its compiled plan {}) was run with {} as run {}, started by {} "
      "on "
      "{}.",
      document.workflow, document.workflow_sha256, document.plan_sha256, document.engine, document.run,
      document.started_by, short_time(document.started));
  if (!document.parent.empty()) text += " It is a fork of run " + document.parent + ".";
  if (has_ended(document))
    text += fmt::format(" It {} after {}",
                        document.status == "cancelled"   ? "was cancelled"
                        : document.status == "timed_out" ? "was stopped at its deadline"
                                                         : document.status,
                        duration(document.updated - document.started));
  else
    text +=
        fmt::format(" It has not ended ({}); this is its state of {}", document.status, short_time(document.updated));
  text +=
      fmt::format("; {} of {} ended", grouped(document.nodes_done), counted(document.nodes.size(), "node", "nodes"));
  if (document.nodes_failed > 0) text += fmt::format(", {} of them with a failure", grouped(document.nodes_failed));
  text += ".";
  text += of_models(document);
  if (!document.retries.empty())
    text += fmt::format(" After a failure, {} {} repeated.", counted(document.retries.size(), "attempt", "attempts"),
                        document.retries.size() == 1 ? "was" : "were");
  text += of_people(document);
  if (document.air_gapped) text += " The run was air-gapped: it could reach declared endpoints only.";
  text += fmt::format(" Its recorded history of {} ends with the hash {} (SHA-256 chain).",
                      counted(document.head_seq, "event", "events"), document.head_hash);
  return text;
}

}  // namespace hillstar::cli::doc
