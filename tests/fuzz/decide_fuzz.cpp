// SPDX-License-Identifier: Apache-2.0
// The core told anything in any reachable state: answers to attempts that never were, nodes that the plan lacks, words
// of people at the wrong time. It never throws, stays sound, and its facts fold to the same state again.
#include <random>
#include <string_view>

#include "messages/json_codec.hpp"
#include "runtime/run/invariants.hpp"
#include "runtime/run/run.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/simulation/world.hpp"

namespace {

using namespace hillstar;

constexpr std::size_t kInputsMax = 400;
constexpr std::size_t kFactsMax = 20'000;

/// Bytes as choices; zero once they are used up.
class Choices {
 public:
  explicit Choices(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    return value;
  }
  /// Mostly small; the largest possible one for the byte 255.
  std::uint32_t number() {
    const auto value = byte();
    return value == 0xFF ? 0xFFFF'FFFFU : value % 20U;
  }
  bool yes() { return byte() % 2 == 1; }
  std::optional<std::uint32_t> item() { return yes() ? std::optional(number()) : std::nullopt; }

 private:
  std::string_view bytes_;
};

/// An attempt that may be in flight, or any.
AttemptRef attempt_of(Choices& choices, const run::RunState& state) {
  AttemptRef ref{choices.number(), choices.item(), choices.number()};
  if (choices.byte() < 64) return ref;
  std::vector<AttemptRef> open;
  for (const auto& command : run::outstanding(state)) {
    if (const auto* execute = std::get_if<ExecuteNode>(&command)) open.push_back(execute->ref);
    if (const auto* timer = std::get_if<ArmTimer>(&command)) open.push_back(timer->ref);
  }
  return open.empty() ? ref : open[choices.byte() % open.size()];
}

Failure failure_of(Choices& choices) {
  Failure failure;
  failure.kind = static_cast<FailureClass>(choices.byte() % 5);
  failure.message = "it failed";
  return failure;
}

std::vector<bool> tests_of(Choices& choices) {
  std::vector<bool> tests;
  for (auto left = choices.byte() % 4; left > 0; --left) tests.push_back(choices.yes());
  return tests;
}

decltype(Input::what) word_of(Choices& choices, const run::RunState& state) {
  switch (choices.byte() % 13) {
    case 0:
      return Start{};
    case 1:
    case 2:
      return AttemptSucceeded{attempt_of(choices, state), {}, tests_of(choices), std::nullopt, std::nullopt};
    case 3:
      return ItemsListed{attempt_of(choices, state), choices.byte() % 32U, {}};
    case 4:
      return AttemptFailed{attempt_of(choices, state), failure_of(choices), {}, std::nullopt};
    case 5:
      return AttemptLost{attempt_of(choices, state)};
    case 6:
      return AttemptCancelled{attempt_of(choices, state)};
    case 7:
      return RetryDue{attempt_of(choices, state)};
    case 8:
      return ApprovalGiven{choices.number(), choices.yes(), "somebody", "because"};
    case 9:
      return PauseAsked{"because", choices.yes()};
    case 10:
      return ResumeAsked{"somebody"};
    case 11:
      // Rarely: it ends the story.
      if (choices.byte() < 16) return CancelAsked{"somebody", "because"};
      return Recovered{};
    default:
      return Resolved{choices.number(), choices.item(), choices.yes() ? Settlement::run_again : Settlement::failed, "",
                      ""};
  }
}

void hold_sound(const run::RunState& state, const std::vector<Recorded>& history) {
  const auto broken = run::violations(state, true);
  if (broken.empty()) return;
  for (const auto& recorded : history) {
    const auto data = std::visit([](const auto& event) { return json::to_text(event); }, recorded.event);
    const std::string name(type_name(recorded.event));
    std::fprintf(stderr, "%llu %s %s\n", static_cast<unsigned long long>(recorded.seq), name.c_str(), data.c_str());
  }
  for (const auto& sentence : broken) std::fprintf(stderr, "%s\n", sentence.c_str());
  fuzz::hold(false, "the state is sound");
}

void tell_story(Choices& choices) {
  std::mt19937_64 dice(choices.byte() * 256U + choices.byte());
  const auto plan = simulation::random_plan(dice);
  auto state = run::initial(plan);
  std::vector<Recorded> history;
  std::int64_t now = 1'000'000;
  const auto tell = [&](const Input& input) {
    const bool ended = run::is_terminal(state);
    const bool starts = history.empty() && std::holds_alternative<Start>(input.what);
    const auto facts = run::step(state, input);
    fuzz::hold(!ended || facts.empty(), "a run that ended stays as it is");
    fuzz::hold(!history.empty() || starts != facts.empty(), "a run begins with its start");
    if (history.empty() && facts.empty()) return;
    for (const auto& fact : facts) {
      history.push_back({history.size() + 1, input.at, fact});
      (void)run::commands_of(state, fact);
    }
    hold_sound(state, history);
  };
  RunStarted started;
  started.workflow = plan->workflow;
  if (choices.byte() > 8) tell({UtcTime{now}, 0, Start{started, {}}});
  for (std::size_t told = 0; told < kInputsMax && !choices.empty() && history.size() < kFactsMax; ++told) {
    now += choices.byte() * 1000;
    const auto chance = choices.byte() * 3900U;
    tell({UtcTime{now}, chance, word_of(choices, state)});
  }
  fuzz::hold(run::to_text(run::replay(plan, history)) == run::to_text(state), "the history folds to the same state");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(fuzz::text_of(data, size));
  try {
    tell_story(choices);
  } catch (const InvariantError& broken) {
    std::fprintf(stderr, "%s\n", broken.message.c_str());
    fuzz::hold(false, "nothing that is told breaks an invariant");
  }
  return 0;
}
