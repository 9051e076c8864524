// SPDX-License-Identifier: Apache-2.0
// Scenarios that read as the story of a run: what happens (input), what is recorded (event), what is asked of the world
// (command). The words of an input are explained in README.md. HILLSTAR_GOLDEN=rewrite writes the files again.
#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "messages/json_codec.hpp"
#include "runtime/policy/budget.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/units.hpp"
#include "runtime/run/view.hpp"
#include "runtime/workflow/compile.hpp"
#include "runtime/workflow/references.hpp"

namespace hillstar::run {
namespace {

namespace fs = std::filesystem;

constexpr UtcTime kBegin{1'767'225'600'000'000};
constexpr std::int64_t kTick = 1'000'000;  // every input comes a second after the one before

Result<std::string> no_blobs(const std::string& sha256) {
  return Error{Errc::blob_missing, "scenarios have no blobs", sha256};
}

[[noreturn]] void wrong(const std::string& sentence) { throw std::runtime_error(sentence); }

/// The words of one input line.
class Words {
 public:
  explicit Words(const std::string& line) : in_(line) {}
  std::string next() {
    std::string word;
    in_ >> word;
    return word;
  }
  std::string rest() {
    std::string text;
    std::getline(in_ >> std::ws, text);
    return text;
  }

 private:
  std::istringstream in_;
};

std::uint32_t number_in(std::string_view text) {
  std::uint32_t number = 0;
  const auto end = text.data() + text.size();
  if (text.empty() || std::from_chars(text.data(), end, number).ptr != end) wrong("no number: " + std::string(text));
  return number;
}

class Scenario {
 public:
  explicit Scenario(const std::string& workflow) {
    auto compiled = workflow::compile(workflow);
    for (const auto& diagnostic : compiled.diagnostics)
      if (diagnostic.severity == workflow::Severity::error) wrong(diagnostic.message);
    plan_ = std::make_shared<const workflow::Plan>(*std::move(compiled.plan));
    state_ = initial(plan_);
  }

  /// Tells one input; returns the lines that it leads to.
  std::string tell(const std::string& line) {
    Words words(line);
    const auto verb = words.next();
    if (verb == "crash") state_ = replay(plan_, history_);
    now_.micros += kTick;
    auto input = what(verb, words);
    std::string out;
    const auto first = history_.size();
    for (auto& event : step(state_, {now_, 500'000, std::move(input)}))
      history_.push_back({history_.size() + 1, now_, std::move(event)});
    for (auto i = first; i < history_.size(); ++i)
      out += "event " + std::to_string(history_[i].seq) + " " + words_of(history_[i].event) + "\n";
    if (verb == "crash") {
      for (const auto& command : outstanding(state_)) out += "command " + words_of(command) + "\n";
    } else {
      for (auto i = first; i < history_.size(); ++i)
        for (const auto& command : commands_of(state_, history_[i].event)) out += "command " + words_of(command) + "\n";
    }
    if (out.empty()) out = "nothing follows\n";
    return out;
  }

  [[nodiscard]] std::string status() const { return std::string(status_name(state_)); }

 private:
  using What = decltype(Input::what);

  NodeIndex node(const std::string& id) const {
    const auto found = state_.index->find(id);
    if (found == state_.index->end()) wrong("no such node: " + id);
    return found->second;
  }
  /// `fetch #2`, `count[1]`
  AttemptRef ref(Words& words) const {
    auto id = words.next();
    AttemptRef ref;
    if (const auto bracket = id.find('['); bracket != std::string::npos) {
      ref.item = number_in(std::string_view(id).substr(bracket + 1, id.size() - bracket - 2));
      id.resize(bracket);
    }
    ref.node = node(id);
    const auto attempt = words.next();
    ref.attempt = attempt.empty() ? 1 : number_in(std::string_view(attempt).substr(1));
    return ref;
  }

  What what(const std::string& verb, Words& words) const {
    if (verb == "start") {
      RunStarted started;
      started.workflow = plan_->workflow;
      started.inputs = Json::from_canonical("{}");
      return Start{started, {}};
    }
    if (verb == "crash") return Recovered{};
    if (verb == "pause" || verb == "interrupt") return PauseAsked{words.rest(), verb == "interrupt"};
    if (verb == "resume") return ResumeAsked{words.rest()};
    if (verb == "cancel") {
      const auto who = words.next();
      return CancelAsked{who, words.rest()};
    }
    if (verb == "approve" || verb == "reject") {
      const auto index = node(words.next());
      const auto who = words.next();
      return ApprovalGiven{index, verb == "approve", who, words.rest()};
    }
    if (verb == "late") return DeadlineReached{};
    if (verb == "answer") {
      const auto request = words.next();
      return InputGiven{request, {{}, Json::of(boost::json::parse(words.rest()))}, "ada"};
    }
    if (verb == "signal" || verb == "signal_once") {
      SignalGiven given{words.next(), {}, std::nullopt, "ci"};
      if (verb == "signal_once") given.key = words.next();
      const auto payload = words.rest();
      given.payload.json = payload.empty() ? Json() : Json::of(boost::json::parse(payload));
      return given;
    }
    if (verb == "settle") {
      const auto index = node(words.next());
      const auto settlement = words.next() == "run_again" ? Settlement::run_again : Settlement::failed;
      const auto who = words.next();
      return Resolved{index, std::nullopt, settlement, who, words.rest()};
    }
    return outcome(verb, words);
  }

  What outcome(const std::string& verb, Words& words) const {
    const auto attempt = ref(words);
    if (verb == "succeeded") return succeeded(attempt, words.rest());
    if (verb == "listed") {
      auto list = Json::of(boost::json::parse(words.rest()));
      const auto count = static_cast<std::uint32_t>(list.value().get_array().size());
      return ItemsListed{attempt, count, {{}, std::move(list)}};
    }
    if (verb == "failed") {
      const auto name = words.next();
      FailureClass kind{};
      if (!boost::describe::enum_from_string(name.c_str(), kind)) wrong("no failure class: " + name);
      return AttemptFailed{attempt, {kind, words.rest(), std::nullopt}, {}, std::nullopt};
    }
    if (verb == "lost") return AttemptLost{attempt};
    if (verb == "stopped") return AttemptCancelled{attempt};
    if (verb == "due") return RetryDue{attempt};
    wrong("no such input: " + verb);
  }

  What succeeded(const AttemptRef& attempt, const std::string& text) const {
    Value result{{}, Json::of(boost::json::object{{"output", text}})};
    std::vector<bool> verdicts;
    for (const auto& test : plan_->nodes[attempt.node].tests) {
      const auto verdict = workflow::passes(test, result, no_blobs);
      if (!verdict) wrong(to_string(verdict.error()));
      verdicts.push_back(*verdict);
    }
    return AttemptSucceeded{attempt, std::move(result), std::move(verdicts), std::nullopt, std::nullopt};
  }

  // -- what is printed ------------------------------------------------------------------------------

  static std::string offset(UtcTime time) {
    std::string text;
    json::append_number(text, static_cast<double>(time.micros - kBegin.micros) / 1e6);
    return "at " + text + "s";
  }
  static std::string unit(const std::string& id, std::optional<std::uint32_t> item) {
    return item ? id + "[" + std::to_string(*item) + "]" : id;
  }
  std::string attempt(const AttemptRef& ref) const {
    return unit(plan_->nodes[ref.node].id.str(), ref.item) + " #" + std::to_string(ref.attempt);
  }
  template <class E>
  static std::optional<std::uint32_t> item_of(const E& event) {
    return event.item;
  }
  static std::optional<std::uint32_t> item_of(const MapExpanded&) { return std::nullopt; }
  template <class E>
  static std::string attempt_of(const E& event) {
    return " " + unit(event.node.str(), item_of(event)) + " #" + std::to_string(event.attempt);
  }
  static std::string failure(const Failure& why) {
    return " (" + std::string(json::enum_name(why.kind)) + ": " + why.message + ")";
  }
  static std::string because(const std::string& who, const std::string& reason) {
    return " by " + who + (reason.empty() ? "" : ": " + reason);
  }

  static std::string words_of(const Event& event) {
    return std::string(type_name(event)) + std::visit([](const auto& fact) { return details(fact); }, event);
  }
  static std::string details(const RunStarted&) { return {}; }
  static std::string details(const RunTimedOut& e) { return " (" + e.reason + ")"; }
  static std::string details(const SignalReceived& e) { return " " + e.name; }
  static std::string details(const InputRequested& e) { return " " + e.node.str() + " " + e.request; }
  static std::string details(const InputProvided& e) { return " " + e.request; }
  static std::string details(const SignalAwaited& e) { return " " + e.node.str() + " " + e.name; }
  static std::string details(const NodeDeadlinePassed& e) { return " " + e.node.str(); }
  static std::string details(const NodeWaitsForPlace& e) { return attempt_of(e) + ": " + e.reason; }
  template <class Other>
  static std::string details(const Other&) {
    return {};
  }
  static std::string details(const ConnectionAttempted& e) {
    return attempt_of(e) + " " + e.endpoint + (e.allowed ? "" : " refused");
  }
  static std::string details(const RunPaused& e) {
    return (e.node ? " for " + e.node->str() : "") + ": " + e.reason + (e.interrupted ? " (attempts are stopped)" : "");
  }
  static std::string details(const RunResumed& e) { return because(e.who, {}); }
  static std::string details(const CancelRequested& e) { return because(e.who, e.reason); }
  static std::string details(const RunCompleted& e) {
    return e.failed_nodes == 0 ? "" : ", failures tolerated: " + std::to_string(e.failed_nodes);
  }
  static std::string details(const RunFailed& e) { return (e.node ? " at " + e.node->str() : "") + failure(e.failure); }
  static std::string details(const RunCancelled& e) { return ": " + e.reason; }
  static std::string details(const LoopExhausted& e) { return " " + e.loop + " after " + std::to_string(e.attempts); }
  static std::string details(const NodeInherited& e) { return " " + e.node.str(); }
  static std::string details(const NodeScheduled& e) { return attempt_of(e); }
  static std::string details(const MapExpanded& e) {
    return attempt_of(e) + " to " + std::to_string(e.count) + " items";
  }
  static std::string details(const NodeCompleted& e) { return attempt_of(e); }
  static std::string details(const NodeAttemptFailed& e) {
    return attempt_of(e) + failure(e.failure) + (e.retry_at ? ", again " + offset(*e.retry_at) : "");
  }
  static std::string details(const NodeAttemptLost& e) { return attempt_of(e); }
  static std::string details(const NodeCancelled& e) { return attempt_of(e); }
  static std::string details(const NodeFailed& e) { return " " + unit(e.node.str(), e.item) + failure(e.failure); }
  static std::string details(const NodeSkipped& e) {
    const auto because_of = e.because ? " " + e.because->str() : "";
    return " " + e.node.str() + ": " + std::string(json::enum_name(e.reason)) + because_of;
  }
  static std::string details(const CheckpointReached& e) { return " " + e.node.str(); }
  static std::string details(const ApprovalRequested& e) { return " " + e.node.str() + ": " + e.prompt; }
  static std::string details(const ApprovalAnswered& e) {
    return " " + e.node.str() + (e.approved ? " yes" : " no") + because(e.who, e.reason);
  }
  static std::string details(const NodeResolved& e) {
    return attempt_of(e) + " " + std::string(json::enum_name(e.settlement)) + because(e.who, e.reason);
  }
  static std::string details(const NodeRetryDue& e) { return attempt_of(e); }
  static std::string details(const BudgetExhausted& e) {
    return " " + unit(e.node.str(), e.item) + ": " + policy::describe(e);
  }

  std::string words_of(const Command& command) const {
    if (const auto* execute = std::get_if<ExecuteNode>(&command)) {
      auto text = (execute->lists_items ? "list the items of " : "execute ") + attempt(execute->ref);
      for (const auto& binding : execute->bindings) text += ", " + binding.source + " = " + binding.result.json.text();
      return text;
    }
    if (const auto* cancel = std::get_if<CancelNode>(&command)) return "stop " + attempt(cancel->ref);
    if (const auto* timer = std::get_if<ArmTimer>(&command))
      return "wake " + attempt(timer->ref) + " " + offset(timer->due);
    if (const auto* deadline = std::get_if<ArmDeadline>(&command)) return "wake the run " + offset(deadline->due);
    if (const auto* ask = std::get_if<AskApproval>(&command))
      return "ask a person about " + plan_->nodes[ask->node].id.str();
    return "finish";
  }

  std::shared_ptr<const workflow::Plan> plan_;
  RunState state_;
  std::vector<Recorded> history_;
  UtcTime now_ = kBegin;
};

bool starts_with(const std::string& line, std::string_view prefix) { return line.rfind(prefix, 0) == 0; }

/// The whole file as it should read: comments, workflow and inputs from `text`, everything else from the engine.
std::string played(const std::string& text) {
  std::istringstream in(text);
  std::string line;
  std::string out;
  std::string workflow;
  while (std::getline(in, line) && !starts_with(line, "input ")) {
    out += line + "\n";
    if (!starts_with(line, "#")) workflow += line + "\n";
  }
  Scenario scenario(workflow);
  do {
    if (starts_with(line, "input ")) {
      if (out.back() != '\n' || out[out.size() - 2] != '\n') out += "\n";
      out += line + "\n" + scenario.tell(line.substr(6));
    } else if (starts_with(line, "#")) {
      out += "\n" + line + "\n";
      while (std::getline(in, line) && starts_with(line, "#")) out += line + "\n";
      if (starts_with(line, "input ")) out += line + "\n" + scenario.tell(line.substr(6));
    }
  } while (std::getline(in, line));
  return out + "\nthe run is " + scenario.status() + "\n";
}

std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_CASE("golden: every scenario unfolds as written") {
  const fs::path folder = fs::path(HILLSTAR_SOURCE_DIR) / "tests/golden";
  const auto* mode = std::getenv("HILLSTAR_GOLDEN");
  const bool rewrite = mode != nullptr && std::string_view(mode) == "rewrite";
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  CHECK(files.size() >= 10);
  for (const auto& file : files) {
    const auto name = file.filename().string();
    CAPTURE(name);
    const auto expected = content(file);
    std::string actual;
    REQUIRE_NOTHROW(actual = played(expected));
    if (rewrite) std::ofstream(file, std::ios::binary) << actual;
    CHECK_MESSAGE(actual == (rewrite ? actual : expected),
                  "the story changed; if it should have, run the test with HILLSTAR_GOLDEN=rewrite and read the diff");
  }
}

}  // namespace
}  // namespace hillstar::run
