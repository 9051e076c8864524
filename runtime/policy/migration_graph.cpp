// SPDX-License-Identifier: Apache-2.0
// Rules of migration about the order of nodes, what references read, and loops.
#include <algorithm>

#include "runtime/policy/migration_notes.hpp"
#include "runtime/workflow/fields.hpp"
#include "runtime/workflow/templates.hpp"

namespace hillstar::policy::migration {
namespace {

namespace bj = boost::json;
using enum MigrationLevel;

/// A chain as long as Hillstar's search for cycles can go. Source: specification section 1.5.
constexpr std::size_t kOldChainMax = 994;
/// Edges that are walked for one file to find out what waits for what.
constexpr std::size_t kStepsMax = 2'000'000;

/// The wave that Hillstar runs each node in; empty if there is a cycle.
std::vector<std::size_t> waves_of(const OldWorkflow& old) {
  std::vector<std::size_t> wave(old.nodes.size(), 0);
  std::vector<std::size_t> open(old.nodes.size());
  std::vector<std::size_t> ready;
  for (std::size_t i = 0; i < old.nodes.size(); ++i) {
    open[i] = old.nodes[i].before.size();
    if (open[i] == 0) ready.push_back(i);
  }
  std::size_t done = 0;
  for (; done < ready.size(); ++done) {
    for (const auto next : old.nodes[ready[done]].after) {
      wave[next] = std::max(wave[next], wave[ready[done]] + 1);
      if (--open[next] == 0) ready.push_back(next);
    }
  }
  if (done < old.nodes.size()) wave.clear();
  return wave;
}

void check_waves(const OldWorkflow& old, Notes& notes) {
  const auto* width = old.models == nullptr ? nullptr : old.models->if_contains("max_concurrency");
  const bool one_by_one = width != nullptr && width->is_int64() && width->get_int64() == 1;
  const auto wave = waves_of(old);
  std::vector<std::size_t> count;
  for (const auto w : wave) {
    if (count.size() <= w) count.resize(w + 1);
    ++count[w];
  }
  if (count.size() > kOldChainMax)
    notes.add(differs, "long-chain", "/graph/edges",
              {"it runs", "failed: a chain of more than 994 nodes was too deep for it", ""});
  for (std::size_t i = 0; i < wave.size() && !one_by_one; ++i) {
    if (wave[i] == 0) continue;
    auto before = old.nodes[i].before;
    std::sort(before.begin(), before.end());
    before.erase(std::unique(before.begin(), before.end()), before.end());
    const auto from_last = static_cast<std::size_t>(
        std::count_if(before.begin(), before.end(), [&](std::size_t b) { return wave[b] + 1 == wave[i]; }));
    if (from_last == count[wave[i] - 1]) continue;
    // Once is enough: it is the same for every node like it.
    return notes.add(differs, "no-waves", old.nodes[i].pointer,
                     {"'" + old.nodes[i].id + "' starts as soon as the nodes before it have ended and a slot is free",
                      "waited for all nodes of the wave before, also for those that it does not need",
                      "if it relies on the others, add edges from them"});
  }
}

/// Finds out whether edges make one node wait for another, within a bound for the whole file.
class Reach {
 public:
  explicit Reach(const OldWorkflow& old) : old_(old), seen_(old.nodes.size(), 0) {}

  bool waits(std::size_t node, std::size_t source) {
    ++round_;
    std::vector<std::size_t> open{node};
    while (!open.empty()) {
      const auto at = open.back();
      open.pop_back();
      for (const auto before : old_.nodes[at].before) {
        if (before == source || ++steps_ > kStepsMax) return true;
        if (seen_[before] == round_) continue;
        seen_[before] = round_;
        open.push_back(before);
      }
    }
    return false;
  }

 private:
  const OldWorkflow& old_;
  std::vector<std::size_t> seen_;
  std::size_t round_ = 0;
  std::size_t steps_ = 0;
};

/// One reference of one string.
struct Seen {
  std::size_t node = kNone;
  std::string pointer;
  std::string_view inner;
  std::string_view token;  ///< With its braces.
};

class References {
 public:
  References(const OldWorkflow& old, Notes& notes) : old_(old), notes_(notes), reach_(old) {}

  std::size_t count = 0;

  void check(const Seen& seen) {
    const auto name = workflow::split_reference(seen.inner, [&](std::string_view id) { return old_.is_node(id); });
    const auto source = old_.find(name.source);
    if (!name.has_dot || source == kNone) return;
    ++count;
    check_names(seen, name);
    const auto& asked = old_.nodes[source];
    const bool same_loop = asked.loop != kNone && asked.loop == old_.nodes[seen.node].loop;
    if (asked.loop != kNone && old_.loops[asked.loop].attempts > 1) check_loop(seen, source, same_loop);
    if (source != seen.node && !reach_.waits(seen.node, source))
      notes_.add(
          differs, "reference-waits", seen.pointer,
          {"the reference alone makes '" + old_.nodes[seen.node].id + "' wait for '" + asked.id + "'",
           "had no edge to go by: it ran when its turn came, and the braces stayed in the text if that was early", ""});
  }

 private:
  void check_names(const Seen& seen, const workflow::SourceAndKey& name) {
    if (name.source.find('.') != std::string_view::npos) {
      notes_.add(differs, "dotted-id", seen.pointer,
                 {"it is filled with the result of '" + std::string(name.source) + "'",
                  "took '" + std::string(name.source.substr(0, name.source.find('.'))) +
                      "' for the node, and left the braces in the text",
                  ""});
    } else if (name.key.find('.') != std::string_view::npos) {
      notes_.add(differs, "reference-steps", seen.pointer,
                 {"'" + std::string(name.key) + "' steps into the result, also into text that holds JSON",
                  "looked for a key of that very name, and filled in nothing", ""});
    }
  }

  void check_loop(const Seen& seen, std::size_t source, bool same_loop) {
    const auto& loop = old_.loops[old_.nodes[source].loop];
    if (loop.judges.empty()) return;  // it is wrong, and `validate` says so
    const auto blanks = seen.token.find_first_not_of(" \t\r\n", 2);
    const bool is_exact = blanks == 2 || (blanks == 3 && seen.token[2] == ' ');
    if (same_loop && !is_exact && source != seen.node)
      notes_.add(differs, "loop-spacing", seen.pointer,
                 {"each attempt reads its own '" + old_.nodes[source].id + "', whatever stands behind the braces",
                  "did not know it for a reference of the loop: later attempts read the first one's result", ""});
    const bool is_judge = std::find(loop.judges.begin(), loop.judges.end(), source) != loop.judges.end();
    if (!same_loop && !is_judge)
      notes_.add(differs, "loop-result", seen.pointer,
                 {"it is the result of '" + old_.nodes[source].id + "' in the last attempt that ran",
                  "gave the first attempt's: only the nodes that `until` asks about were read from the last", ""});
  }

  const OldWorkflow& old_;
  Notes& notes_;
  Reach reach_;
};

void check_roots(const OldWorkflow& old, const OldLoop& loop, Notes& notes) {
  std::vector<std::string> loose;
  for (std::size_t i = 1; i < loop.body.size(); ++i) {
    const auto& before = old.nodes[loop.body[i]].before;
    const bool has_one = std::any_of(before.begin(), before.end(), [&](std::size_t b) {
      return std::find(loop.body.begin(), loop.body.end(), b) != loop.body.end();
    });
    if (!has_one) loose.push_back(old.nodes[loop.body[i]].id);
  }
  if (loose.empty() || loop.attempts < 2) return;
  notes.add(
      differs, "loop-roots", loop.pointer + "/body",
      {"every node of an attempt waits for the attempt before",
       "ran the later attempts of " + named(loose) + " at once, with `prev` unfilled, also if they were not needed",
       ""});
}

}  // namespace

void check_graph(const OldWorkflow& old, Notes& notes) {
  std::vector<std::string> alone;
  for (const auto& node : old.nodes)
    if (node.before.empty() && node.after.empty()) alone.push_back(node.id);
  if (old.nodes.size() > 1 && !alone.empty())
    notes.add(differs, "isolated-nodes", old.nodes[old.find(alone.front())].pointer,
              {"nodes without edges run, beside the others: " + named(alone),
               "refused the file ('Isolated nodes'); if an edge was added only for that, it can go", ""});
  check_waves(old, notes);
}

void check_references(const OldWorkflow& old, Notes& notes) {
  References references(old, notes);
  for (std::size_t i = 0; i < old.nodes.size(); ++i) {
    const auto* input = old.nodes[i].find("input");
    if (input == nullptr) continue;
    workflow::visit_strings(*input, [&](std::string_view text, const std::string& pointer) {
      if (text.find("{{") == std::string_view::npos) return;
      for (const auto& reference : workflow::find_references(text))
        references.check({i, old.nodes[i].pointer + "/input" + pointer, workflow::inner_text(text, reference),
                          text.substr(reference.begin, reference.end - reference.begin)});
    });
  }
  if (references.count > 0)
    notes.keep("References are filled into `input` only, once, and never scanned again: " +
               std::to_string(references.count) + " of them.");
}

void check_loops(const OldWorkflow& old, Notes& notes) {
  for (const auto& loop : old.loops) {
    if (loop.body.empty()) continue;
    check_roots(old, loop, notes);
    if (loop.all_of && loop.attempts > 1)
      notes.add(differs, "loop-all-of", loop.pointer + "/until",
                {"what follows the loop reads the attempt that met the conditions",
                 "gave {'skipped': True} to what followed, once an attempt before the last had met them", ""});
    const auto* word = loop.fields->if_contains("on_exhausted");
    if (word != nullptr && word->is_string() && word->get_string() == "fail")
      notes.add(differs, "loop-exhausted", loop.pointer + "/on_exhausted",
                {"the run fails if the last attempt does not meet the condition",
                 "did not read it: the run went on with the last text, and succeeded",
                 "write \"continue\" for what Hillstar did"});
    notes.keep("Loop '" + loop.id + "': attempts are called " + old.nodes[loop.body.front()].id +
               "@2 and so on, `prev` is the attempt before, `until` is asked as before.");
  }
}

}  // namespace hillstar::policy::migration
