// SPDX-License-Identifier: Apache-2.0
// Small plans and the words to tell a run what happens: arrange in one line, so that tests are about behaviour.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/run/run.hpp"

namespace hillstar::testing {

inline constexpr UtcTime kStart{1'000'000'000};

/// A plan of script nodes named a, b, c, ... joined by edges such as {"a", "b"}.
class PlanBuilder {
 public:
  explicit PlanBuilder(std::string_view names) {
    plan_.workflow = WorkflowId("test");
    for (const char name : names) {
      workflow::PlanNode node;
      node.id = NodeId(std::string(1, name));
      node.tool = "script_run";
      node.parameters = Json::from_canonical("{}");
      plan_.nodes.push_back(std::move(node));
    }
  }
  workflow::PlanNode& operator[](char name) { return plan_.nodes[index(name)]; }
  PlanBuilder& edge(char from, char to) {
    plan_.nodes[index(from)].successors.push_back(index(to));
    plan_.nodes[index(to)].predecessors.push_back(index(from));
    return *this;
  }
  PlanBuilder& width(std::uint32_t attempts) {
    plan_.max_concurrency = attempts;
    return *this;
  }
  PlanBuilder& budget(std::optional<workflow::Budget> budget) {
    plan_.budget = std::move(budget);
    return *this;
  }
  PlanBuilder& loop(workflow::PlanLoop loop) {
    plan_.loops.push_back(std::move(loop));
    return *this;
  }
  [[nodiscard]] std::shared_ptr<const workflow::Plan> plan() const {
    return std::make_shared<const workflow::Plan>(plan_);
  }

 private:
  [[nodiscard]] NodeIndex index(char name) const {
    for (NodeIndex i = 0; i < plan_.nodes.size(); ++i)
      if (plan_.nodes[i].id.str()[0] == name) return i;
    return 0;
  }
  workflow::Plan plan_;
};

/// A run and short words for its inputs. Every word returns the facts as text, such as "node_completed a".
class Told {
 public:
  explicit Told(std::shared_ptr<const workflow::Plan> plan) : state(run::initial(std::move(plan))) {}

  std::vector<std::string> start(std::vector<NodeInherited> inherited = {}) {
    RunStarted started;
    started.inputs = inputs;
    return tell(Start{started, std::move(inherited)});
  }
  std::vector<std::string> succeed(std::string_view node, std::uint32_t attempt = 1, std::vector<bool> tests = {}) {
    return tell(AttemptSucceeded{ref(node, attempt), output("done"), std::move(tests), std::nullopt, std::nullopt});
  }
  std::vector<std::string> fail(std::string_view node, std::uint32_t attempt = 1,
                                FailureClass kind = FailureClass::exit_code) {
    return tell(AttemptFailed{ref(node, attempt), {kind, "it broke", std::nullopt}, {}, std::nullopt});
  }
  std::vector<std::string> lose(std::string_view node, std::uint32_t attempt = 1) {
    return tell(AttemptLost{ref(node, attempt)});
  }

  template <class What>
  std::vector<std::string> tell(What what) {
    now.micros += 1'000'000;
    std::vector<std::string> said;
    for (auto& fact : run::step(state, {now, 500'000, std::move(what)})) {
      said.push_back(describe(fact));
      facts.push_back(std::move(fact));
    }
    return said;
  }

  /// `b` is node b; `m3` is item 3 of map m.
  [[nodiscard]] AttemptRef ref(std::string_view node, std::uint32_t attempt = 1) const {
    const auto index = state.index->at(std::string(node.substr(0, 1)));
    if (node.size() == 1) return {index, std::nullopt, attempt};
    return {index, static_cast<std::uint32_t>(std::stoul(std::string(node.substr(1)))), attempt};
  }
  [[nodiscard]] run::NodeStatus status(std::string_view node) const { return state.nodes[ref(node).node].status; }

  static Value output(std::string_view text) {
    return {{}, Json::from_canonical(R"({"output":")" + std::string(text) + "\"}")};
  }
  static std::string describe(const Event& event) {
    std::string text(type_name(event));
    if (const auto* node = node_of(event)) text += " " + node->str();
    std::visit(
        [&](const auto& e) {
          if constexpr (requires { e.item; })
            if (e.item) text += std::to_string(*e.item);
          if constexpr (requires { e.attempt; })
            if (e.attempt > 1) text += " #" + std::to_string(e.attempt);
        },
        event);
    return text;
  }

  run::RunState state;
  std::vector<Event> facts;
  UtcTime now = kStart;
  Json inputs = Json::from_canonical("{}");
};

using Facts = std::vector<std::string>;

}  // namespace hillstar::testing

namespace std {
/// Lets doctest print what was said.
inline ostream& operator<<(ostream& out, const vector<string>& lines) {
  for (const auto& line : lines) out << "[" << line << "] ";
  return out;
}
}  // namespace std
