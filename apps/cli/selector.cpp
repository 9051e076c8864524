// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/selector.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace hillstar::cli {
namespace {

constexpr std::size_t kRunIdLength = 26;
constexpr std::size_t kListedMax = 4;
/// Runs that are counted; there may be more.
constexpr std::size_t kCountedMax = 1'000;
/// Sorts behind every character of an id.
constexpr char kBehindAll = '~';

/// Run ids are written in capitals; people may type them small.
std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return out;
}

/// The newest run of the workflow, or of all if none is named.
Result<std::optional<run::Summary>> newest_of(const persistence::EventStore& store, std::string_view workflow) {
  persistence::RunQuery asked;
  if (!workflow.empty()) asked.workflow = WorkflowId(std::string(workflow));
  asked.limit = 1;
  HILLSTAR_TRY(auto page, store.query(asked));
  if (page.rows.empty() && page.problem) return *page.problem;
  if (page.rows.empty()) return std::optional<run::Summary>();
  auto newest = std::optional(std::move(page.rows.front()));
  // Nobody has started a part of a run by itself; where there is nothing else, it will do.
  std::size_t parts = 0;
  if (newest->above)
    HILLSTAR_CHECK(store.each(asked, [&](const run::Summary& row) {
      if (newest->above) newest = row;
      return newest->above && ++parts < kCountedMax;
    }));
  return newest;
}

}  // namespace

Result<run::Summary> select_run(const persistence::EventStore& store, std::string_view selector) {
  if (selector.empty()) return Error{Errc::usage, "A run is named by its id, a workflow id, or `latest`."};
  const std::string prefix = upper(selector);
  const bool latest = selector == "latest";
  const auto exact = prefix.size() == kRunIdLength ? std::optional(store.summary(RunId(prefix))) : std::nullopt;
  if (exact && *exact && is_run_history((*exact)->run)) return **exact;
  HILLSTAR_TRY(const auto newest, newest_of(store, latest ? std::string_view() : selector));
  if (newest) return *newest;
  if (exact && !*exact) return exact->error();
  std::vector<run::Summary> matches;
  std::size_t count = 0;
  if (!latest) {
    persistence::RunQuery below;
    below.before = RunId(prefix + kBehindAll);
    HILLSTAR_CHECK(store.each(below, [&](const run::Summary& row) {
      if (row.run.str().compare(0, prefix.size(), prefix) != 0) return false;  // ids come in order
      if (++count <= kListedMax) matches.push_back(row);
      return count < kCountedMax;
    }));
  }
  if (count == 1) return matches.front();
  if (count == 0)
    return Error{Errc::run_not_found,
                 latest ? "There is no run in this store yet."
                        : "No run's id starts with '" + std::string(selector) + "', and no workflow is called that.",
                 {},
                 "`hillstar-actors ls` lists the runs; --store names another store."};
  std::string hint = "They are";
  for (const auto& row : matches) hint += (&row == &matches.front() ? " " : ", ") + row.run.str();
  if (count > matches.size()) hint += ", ...";
  return Error{Errc::run_ambiguous,
               std::to_string(count) + (count == kCountedMax ? " or more" : "") + " runs start with '" +
                   std::string(selector) + "'; more characters are needed.",
               {},
               hint + "."};
}

}  // namespace hillstar::cli
