// SPDX-License-Identifier: Apache-2.0
#include "runtime/run/why_findings.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "messages/json_codec.hpp"
#include "runtime/run/conditions.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/view.hpp"

namespace hillstar::run {
namespace {

/// Questions of one condition that are told.
constexpr std::size_t kQuestionsMax = 8;
/// Bytes of a value that are quoted.
constexpr std::size_t kQuotedMax = 60;

template <class T>
std::optional<std::uint32_t> item_in(const T& event) {
  if constexpr (requires { event.item; }) return event.item;
  return std::nullopt;
}

/// The first line of a text, cut between characters.
std::string excerpt(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return "nothing";
  text = text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
  auto cut = std::min(text.find_first_of("\r\n"), text.size());
  if (cut > kQuotedMax) {
    cut = kQuotedMax;
    while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) --cut;
  }
  return "\"" + std::string(text.substr(0, cut)) + (cut < text.size() ? "..." : "") + "\"";
}

std::string excerpt(const boost::json::value& value) {
  if (value.is_null()) return "nothing";
  return value.is_string() ? excerpt(std::string_view(value.get_string())) : excerpt(json::canonical(value));
}

/// What tests of the node look at, as far as it is in the history itself.
std::string output_of(const RunState& state, NodeIndex node) {
  const auto value = result_of(state, node);
  for (const auto& blob : value.blobs)
    if (blob.at == "/output" || blob.at.empty()) return std::to_string(blob.bytes) + " bytes";
  const auto document = value.json.value();
  const auto* object = document.if_object();
  const auto* output = object != nullptr ? object->if_contains("output") : nullptr;
  return excerpt(output != nullptr ? *output : document);
}

std::string words_of(const workflow::Test& test) {
  if (test.contains) return "contains " + excerpt(std::string_view(*test.contains));
  if (test.equals) return "equals " + excerpt(std::string_view(*test.equals));
  return "does not contain " + excerpt(std::string_view(test.not_contains.value_or("")));
}

class Questions {
 public:
  Questions(Findings& findings, std::uint32_t depth) : findings_(findings), state_(findings.state), depth_(depth) {}

  /// The parts of the condition that made it come out as it did.
  void ask(const workflow::Condition& condition, bool outcome) {
    if (told_ >= kQuestionsMax) return;
    if (condition.test) return tell(*condition.test, outcome);
    if (condition.status) return tell(*condition.status, outcome);
    if (condition.input) return tell(*condition.input, outcome);
    if (!condition.none.empty()) {
      for (const auto& inner : condition.none) ask(inner, !outcome);
      return;
    }
    for (const auto& inner : condition.any.empty() ? condition.all : condition.any)
      if (holds(state_, inner) == outcome) ask(inner, outcome);
  }

 private:
  void tell(const workflow::NodeTest& asked, bool outcome) {
    const auto& node = state_.plan->nodes[asked.node];
    const auto status = state_.nodes[asked.node].status;
    const std::string words = asked.test < node.tests.size() ? words_of(node.tests[asked.test]) : "is as asked";
    std::string text = "Does the output of '" + node.id.str() + "' pass: " + words + "? " + answer(outcome);
    if (status == NodeStatus::completed || (status == NodeStatus::skipped && node.stands_for))
      text += "; it is " + output_of(state_, asked.node);
    else
      text += "; it is " + std::string(status_name(state_, state_.nodes[asked.node])) + " and has none";
    say(text, UnitRef{asked.node, std::nullopt});
  }
  void tell(const workflow::StatusTest& asked, bool outcome) {
    const auto& node = state_.nodes[asked.node];
    say("Is '" + state_.plan->nodes[asked.node].id.str() + "' " + std::string(json::enum_name(asked.status)) + "? " +
            answer(outcome) + "; it is " + std::string(status_name(state_, node)),
        UnitRef{asked.node, std::nullopt});
  }
  void tell(const workflow::InputTest& asked, bool outcome) {
    const auto inputs = state_.started.inputs.value();
    const auto* value = json::member(inputs, asked.input);
    say("Does input '" + asked.input + "' pass: " + words_of(asked.test) + "? " + answer(outcome) + "; it is " +
            (value != nullptr ? excerpt(*value) : "nothing"),
        std::nullopt);
  }
  static std::string answer(bool outcome) { return outcome ? "yes" : "no"; }
  void say(const std::string& text, const std::optional<UnitRef>& unit) {
    ++told_;
    findings_.add(depth_, "question", text, unit, unit ? findings_.last<NodeCompleted>(*unit) : nullptr);
  }

  Findings& findings_;
  const RunState& state_;
  std::uint32_t depth_;
  std::size_t told_ = 0;
};

}  // namespace

Findings::Findings(const RunState& of_run, const std::vector<Recorded>& recorded) : state(of_run), history(recorded) {
  for (const auto& one : history) {
    const auto* node = node_of(one.event);
    if (node == nullptr) continue;
    const auto found = state.index->find(node->str());
    if (found == state.index->end()) continue;
    const auto item = std::visit([](const auto& event) { return item_in(event); }, one.event);
    events_[UnitRef{found->second, item}].push_back(&one);
  }
}

const std::vector<const Recorded*>& Findings::of(const UnitRef& unit) const {
  static const std::vector<const Recorded*> kNone;
  const auto found = events_.find(unit);
  return found != events_.end() ? found->second : kNone;
}

void Findings::add(std::uint32_t depth, std::string kind, std::string text, const std::optional<UnitRef>& unit,
                   const Recorded* event) {
  if (is_full()) {
    ++answer.left_out;
    return;
  }
  Reason reason{depth, std::move(kind), std::move(text), unit, std::nullopt, std::nullopt};
  if (event != nullptr) {
    reason.seq = event->seq;
    reason.at = event->at;
  }
  answer.reasons.push_back(std::move(reason));
}

bool Findings::begin(const UnitRef& unit) {
  if (is_full()) {
    ++answer.left_out;
    return false;
  }
  return begun_.insert(unit).second;
}

void Findings::step(Remedy remedy, const std::optional<UnitRef>& unit) {
  const Step next{remedy, unit};
  auto& steps = answer.steps;
  if (steps.size() < kReasonsMax && std::find(steps.begin(), steps.end(), next) == steps.end()) steps.push_back(next);
}

void explain_condition(Findings& findings, const workflow::Condition& condition, bool outcome, std::uint32_t depth) {
  Questions(findings, depth).ask(condition, outcome);
}

std::string name_of(const RunState& state, const UnitRef& unit) {
  const auto& id = state.plan->nodes[unit.node].id.str();
  return unit.item ? id + "[" + std::to_string(*unit.item) + "]" : id;
}

std::string named(const RunState& state, const std::vector<UnitRef>& units) {
  std::string text;
  const auto shown = std::min(units.size(), kNamedMax);
  for (std::size_t i = 0; i < shown; ++i) text += (i == 0 ? "'" : ", '") + name_of(state, units[i]) + "'";
  if (shown < units.size()) text += " and " + std::to_string(units.size() - shown) + " more";
  return text;
}

std::string counted(std::size_t count, const std::string& one) {
  return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

std::string on_machine(const std::optional<MadeBy>& who) {
  if (!who) return {};
  return who->job ? " as job " + *who->job + " of " + who->worker : " on worker " + who->worker;
}

std::string moment(UtcTime time) {
  constexpr std::size_t kSeconds = 19;
  std::string text = to_rfc3339(time).substr(0, kSeconds);
  if (text.size() == kSeconds) text[10] = ' ';
  return text + "Z";
}

std::string words_of(const Failure& failure) {
  std::string text(json::enum_name(failure.kind));
  if (!failure.message.empty()) text += ": " + failure.message;
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace hillstar::run
