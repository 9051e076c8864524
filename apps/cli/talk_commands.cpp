// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/talk_commands.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <iostream>
#include <optional>

#include "apps/cli/carry.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/prompt.hpp"
#include "apps/cli/selector.hpp"
#include "apps/cli/text.hpp"
#include "runtime/policy/json_schema.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/talk.hpp"
#include "runtime/run/why.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

/// Questions and signals that one screen names.
constexpr std::size_t kHintsMax = 8;

Result<StoredRun> stored_run(const Context& context, const std::string& selector) {
  HILLSTAR_TRY(const auto store, read_store(context));
  HILLSTAR_TRY(const auto row, select_run(*store, selector));
  return load_run(*store, row.run);
}

Result<std::string> all_of_stdin() {
  std::string text;
  std::array<char, 4096> piece{};
  while (std::cin.read(piece.data(), piece.size()) || std::cin.gcount() > 0) {
    text.append(piece.data(), static_cast<std::size_t>(std::cin.gcount()));
    if (text.size() > run::kToldBytesMax * 2)
      return Error{Errc::too_large, fmt::format("stdin holds more than {} bytes.", run::kToldBytesMax), "-",
                   "Put what is larger into a file, and tell its path."};
  }
  return text;
}

Result<Json> json_of(const std::string& text, const std::string& where) {
  std::string all = text;
  if (text == "-") {
    HILLSTAR_TRY(all, all_of_stdin());
  }
  const auto value = json::parse(all);
  if (!value)
    return Error{Errc::inputs_invalid, "This is no JSON: " + value.error().message + ".", where,
                 "Texts stand in quotes, such as '\"yes\"'; `input --text` takes a text as it stands."};
  return Json::of(*value);
}

/// Tells the run through its host, or takes it up.
Result<std::vector<Event>> tell(Link& link, const StoredRun& stored, const Word& word) {
  HILLSTAR_CHECK(link.open());
  auto told = link.tell(stored.run, word);
  // Telling twice changes nothing: a host that died with the word in its hands is asked again by way of the next.
  if (!told && told.error().code == Errc::host_unreachable) {
    HILLSTAR_CHECK(link.open());
    told = link.tell(stored.run, word);
  }
  if (!told && told.error().where.empty())
    return Error{told.error().code, told.error().message, stored.run.str(), told.error().hint};
  return told;
}

Result<Exit> go_on(Context& context, Link& link, const StoredRun& stored, bj::object told) {
  if (link.is_host()) {
    FollowOptions options{.run = stored.run,
                          .plan = stored.state.plan,
                          .show_from = stored.state.version + 1,
                          .owns = true,
                          .ask = false};
    options.ask = ::isatty(STDIN_FILENO) == 1 && context.output.stderr_is_terminal();
    return carry(context, link, options);
  }
  if (context.output.format() == Format::json) context.output.data(Json::of(told));
  return Exit::done;
}

Result<void> link_for(const Context& context, const StoredRun& stored, std::optional<Link>& link) {
  HILLSTAR_TRY(auto environment, variables_for(context, stored.state.started.workflow_file,
                                               stored.state.started.workspace, {}, stored.state.plan.get()));
  link.emplace(LinkOptions{.folder = context.store, .environment = std::move(environment), .ephemeral = false});
  return {};
}

std::string unit_name(const run::RunState& state, const run::UnitRef& ref) { return visible(run::name_of(state, ref)); }

Result<Exit> list_questions(Context& context, const StoredRun& stored) {
  if (context.output.format() == Format::json || context.output.is_json()) {
    context.output.data(Json::of(bj::object{{"run", stored.run.str()}, {"waits", talk_waits(stored.state).value()}}));
    return Exit::done;
  }
  const auto questions = run::open_questions(stored.state);
  if (questions.empty()) context.output.say(stored.run.str() + " asks for nothing now");
  for (const auto& question : questions) {
    context.output.data(fmt::format("{}  {}", visible(question.request), visible(question.prompt)));
    if (!question.schema.is_null()) context.output.data("    schema  " + visible(question.schema.text()));
    if (question.deadline) context.output.data("    by      " + to_rfc3339(*question.deadline));
  }
  return Exit::done;
}

bool takes_text(const InputRequested& question) {
  const auto schema = question.schema.value();
  const auto* type = json::member(schema, "type");
  return question.schema.is_null() || (type != nullptr && type->is_string() && type->get_string() == "string");
}

/// Asks here until the answer fits. Nothing: the person wants to stop.
Result<std::optional<Json>> ask_here(Context& context, const InputRequested& question) {
  Prompt prompt;
  context.output.say(visible(question.prompt));
  if (!question.schema.is_null()) context.output.say("schema: " + visible(question.schema.text()));
  while (true) {
    const auto answer = prompt.ask(visible(question.request) + (takes_text(question) ? ": " : " (JSON): "));
    if (!answer.given()) return std::optional<Json>();
    const auto value = takes_text(question) ? Result<Json>(Json::string(json::to_utf8(answer.text)))
                                            : json_of(answer.text == "-" ? "\"-\"" : answer.text, question.request);
    if (!value) {
      context.output.warn(to_string(value.error()));
      continue;
    }
    const auto wrong = question.schema.is_null() ? std::vector<policy::Mismatch>()
                                                 : policy::mismatches(question.schema, value->value());
    if (wrong.empty()) return std::optional(*value);
    for (const auto& one : wrong) context.output.warn(visible(one.pointer + ": " + one.message));
  }
}

}  // namespace

Json talk_waits(const run::RunState& state) {
  bj::array waits;
  const auto add = [&](const char* kind, const char* field, const std::string& name,
                       const NodeId& node) -> bj::object& {
    return waits.emplace_back(bj::object{{"kind", kind}, {field, name}, {"node", node.str()}}).as_object();
  };
  for (const auto& question : run::open_questions(state)) {
    auto& entry = add("input", "request", question.request, question.node);
    if (question.item) entry["item"] = *question.item;
    entry["prompt"] = question.prompt;
    if (!question.schema.is_null()) entry["schema"] = question.schema.value();
    if (question.deadline) entry["deadline"] = to_rfc3339(*question.deadline);
  }
  for (const auto& [name, units] : state.talk.listeners)
    for (const auto& ref : units) {
      auto& entry = add("signal", "name", name, state.plan->nodes[ref.node].id);
      if (ref.item) entry["item"] = *ref.item;
    }
  return Json::of(waits);
}

std::vector<std::string> talk_hints(const run::RunState& state, const RunId& run) {
  std::vector<std::string> lines;
  for (const auto& question : run::open_questions(state)) {
    if (lines.size() >= kHintsMax) break;
    lines.push_back(fmt::format("  asks '{}': {}", visible(question.request), one_line(question.prompt, 200)));
    lines.push_back(fmt::format("  answer with: hillstar-actors input {} {} {}", run.str(),
                                shell_word(question.request), takes_text(question) ? "--text TEXT" : "JSON"));
  }
  for (const auto& [name, units] : state.talk.listeners) {
    if (lines.size() >= kHintsMax * 2) break;
    lines.push_back(fmt::format("  {} waits for a signal: hillstar-actors signal {} {}",
                                unit_name(state, units.front()), run.str(), shell_word(name)));
  }
  return lines;
}

Result<Exit> give_signal(Context& context, const SignalArgs& args) {
  HILLSTAR_TRY(const auto stored, stored_run(context, args.run));
  Word word{.kind = WordKind::signal, .yes = false, .node = 0, .item = {}, .who = person(), .reason = {}};
  word.name = args.name;
  if (!args.key.empty()) word.key = args.key;
  if (!args.payload.empty()) {
    HILLSTAR_TRY(word.value, json_of(args.payload, "JSON"));
  }
  Input input{{}, 0, SignalGiven{args.name, {{}, word.value.value_or(Json())}, word.key, word.who}};
  if (auto refused = run::refusal_of(stored.state, input)) return *std::move(refused);
  std::optional<Link> link;
  HILLSTAR_CHECK(link_for(context, stored, link));
  HILLSTAR_TRY(const auto facts, tell(*link, stored, word));
  context.output.say(facts.empty() ? fmt::format("{} had signal {} with this key already: nothing changed",
                                                 stored.run.str(), visible(args.name))
                                   : fmt::format("signal {} given to {}", visible(args.name), stored.run.str()));
  return go_on(context, *link, stored,
               {{"run", stored.run.str()}, {"signal", args.name}, {"accepted", !facts.empty()}});
}

Result<Exit> give_input(Context& context, const InputArgs& args) {
  HILLSTAR_TRY(const auto stored, stored_run(context, args.run));
  const auto open = run::open_questions(stored.state);
  auto request = args.request;
  const bool given = args.has_text || !args.value.empty();
  const bool here = !given && ::isatty(STDIN_FILENO) == 1 && context.output.stderr_is_terminal();
  if (request.empty()) {
    if (!here || open.size() != 1) return list_questions(context, stored);
    request = open.front().request;
  }
  Word word{.kind = WordKind::input, .yes = false, .node = 0, .item = {}, .who = person(), .reason = {}};
  word.name = request;
  if (args.has_text) {
    word.value = Json::string(json::to_utf8(args.text));
  } else if (given) {
    HILLSTAR_TRY(word.value, json_of(args.value, "JSON"));
  } else {
    const auto asked =
        std::find_if(open.begin(), open.end(), [&](const auto& question) { return question.request == request; });
    if (!here || asked == open.end())
      return Error{Errc::usage, "The answer is missing.", visible(request),
                   "Give it as JSON, `-` to read that from stdin, or --text TEXT."};
    HILLSTAR_TRY(word.value, ask_here(context, *asked));
    if (!word.value) return Exit::waits;
  }
  const Input input{{}, 0, InputGiven{request, {{}, *word.value}, word.who}};
  if (auto refused = run::refusal_of(stored.state, input)) return *std::move(refused);
  std::optional<Link> link;
  HILLSTAR_CHECK(link_for(context, stored, link));
  HILLSTAR_TRY(const auto facts, tell(*link, stored, word));
  context.output.say(
      facts.empty() ? fmt::format("{} has an answer to {} already: nothing changed", stored.run.str(), visible(request))
                    : fmt::format("answered {} of {}", visible(request), stored.run.str()));
  return go_on(context, *link, stored, {{"run", stored.run.str()}, {"request", request}, {"accepted", !facts.empty()}});
}

}  // namespace hillstar::cli
