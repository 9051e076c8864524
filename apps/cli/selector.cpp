// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/selector.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace hillstar::cli {
namespace {

constexpr std::size_t kRunIdLength = 26;
constexpr std::size_t kListedMax = 4;

/// Run ids are written in capitals; people may type them small.
std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return out;
}

}  // namespace

Result<run::Summary> select_run(const persistence::EventStore& store, std::string_view selector) {
  if (selector.empty()) return Error{Errc::usage, "A run is named by its id, a workflow id, or `latest`."};
  const std::string prefix = upper(selector);
  std::optional<run::Summary> of_workflow;
  std::vector<run::Summary> matches;
  std::size_t count = 0;
  const bool latest = selector == "latest";
  HILLSTAR_CHECK(store.list([&](const run::Summary& row) {
    if (latest || row.workflow.str() == selector) {
      of_workflow = row;
      return false;  // rows come newest first
    }
    if (row.run.str().compare(0, prefix.size(), prefix) == 0) {
      ++count;
      if (matches.size() < kListedMax) matches.push_back(row);
      if (prefix.size() == kRunIdLength) return false;
    }
    return true;
  }));
  if (of_workflow) return *std::move(of_workflow);
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
               std::to_string(count) + " runs start with '" + std::string(selector) + "'; more characters are needed.",
               {},
               hint + "."};
}

}  // namespace hillstar::cli
