// SPDX-License-Identifier: Apache-2.0
// What makes an entry point's runs start, and what they are given.
#include "runtime/workflow/definition_entry_parts.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "messages/events.hpp"
#include "messages/json_codec.hpp"
#include "runtime/workflow/cron.hpp"
#include "runtime/workflow/did_you_mean.hpp"
#include "runtime/workflow/templates.hpp"

namespace hillstar::workflow {
namespace {

namespace bj = boost::json;

constexpr Range kIntervalSeconds{0.1, 31'536'000, "seconds"};
constexpr Range kIntervalMinutes{0.1 / 60, 525'600, "minutes"};
constexpr Range kJitterSeconds{0, 86'400, "seconds"};
constexpr Range kToleranceSeconds{1, 86'400, "seconds"};
constexpr Range kSettleSeconds{0, 86'400, "seconds"};
constexpr Range kDepth{1, 1'000, "runs"};
constexpr std::size_t kSecretsMax = 8;
constexpr std::size_t kTextBytesMax = 4096;

void problem(const FieldReader& reader, std::string_view field, std::string message, std::string hint = {}) {
  const auto at = reader.place().key(field);
  reader.problems().error(Errc::workflow_invalid, at.pointer(), std::move(message), std::move(hint));
}

bool is_text(std::string_view text) {
  return !text.empty() && text.size() <= kTextBytesMax && std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
}

/// A string that is neither empty nor without end, and that a line can show.
std::optional<std::string> text_at(const FieldReader& reader, std::string_view field) {
  auto text = reader.string(field);
  if (!text || is_text(*text)) return text;
  problem(reader, field, "expected 1 to " + std::to_string(kTextBytesMax) + " bytes without control characters");
  return std::nullopt;
}

/// The first of two spellings that is there.
std::string_view either(const FieldReader& reader, std::string_view ours, std::string_view other) {
  return reader.find(ours) == nullptr && reader.find(other) != nullptr ? other : ours;
}

bool is_variable(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && name.size() <= kIdBytesMax && letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

/// Source: RFC 9110, field names are tokens.
bool is_header(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !name.empty() && name.size() <= kIdBytesMax && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

std::optional<std::string> header_at(const FieldReader& webhook, std::string_view field) {
  auto name = webhook.string(field);
  if (!name || is_header(*name)) return name;
  problem(webhook, field, "'" + *name + "' cannot be the name of a header", "such as X-Signature");
  return std::nullopt;
}

const std::vector<std::string_view>& event_names() {
  static const auto kNames = [] {
    std::vector<std::string_view> names;
    boost::mp11::mp_for_each<boost::mp11::mp_transform<boost::mp11::mp_identity, Event>>([&](auto type) {
      using Type = typename decltype(type)::type;
      names.push_back(type_name(Event(Type{})));
    });
    return names;
  }();
  return kNames;
}

/// Hive's names of what has one here.
std::string_view event_of_hive(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"execution_started", "run_started"},  {"execution_completed", "run_completed"},
      {"execution_failed", "run_failed"},    {"execution_paused", "run_paused"},
      {"execution_resumed", "run_resumed"},  {"node_loop_completed", "node_completed"},
      {"node_retry", "node_attempt_failed"}, {"client_input_requested", "input_requested"},
      {"stream_started", "stream_declared"}};
  for (const auto& [hive, ours] : kNames)
    if (hive == name) return ours;
  return {};
}

std::vector<std::string> read_types(const FieldReader& event) {
  const auto field = either(event, "types", "event_types");
  if (event.find(field) == nullptr) {
    event.missing("types", "list what starts a run, such as [\"run_failed\"]");
    return {};
  }
  auto types = event.strings(field);
  if (types.empty() && event.find(field)->is_array()) problem(event, field, "an event trigger without events");
  const auto at = event.place().key(field);
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (const auto ours = event_of_hive(types[i]); !ours.empty()) types[i] = std::string(ours);
    const auto& known = event_names();
    if (std::find(known.begin(), known.end(), types[i]) != known.end()) continue;
    const auto type_at = at.element(i);
    auto hint = event.problems().suggest(types[i], known);
    if (hint.empty())
      hint = types[i] == "webhook_received" ? "write a trigger of the kind 'webhook'"
                                            : "such as run_completed, run_failed or node_failed";
    event.problems().error(Errc::workflow_invalid, type_at.pointer(), "there is no event '" + types[i] + "'",
                           std::move(hint));
  }
  std::sort(types.begin(), types.end());
  types.erase(std::unique(types.begin(), types.end()), types.end());
  return types;
}

/// Refuses references that name something else than the trigger. True if there is a reference.
bool check_template(std::string_view text, const std::string& pointer, Problems& problems) {
  const auto references = find_references(text);
  for (const auto& reference : references) {
    const auto inner = inner_text(text, reference);
    if (inner.substr(0, inner.find('.')) == "trigger") continue;
    problems.error(
        Errc::reference, pointer,
        "'" + std::string(inner) + "' names no trigger: there is no run yet whose nodes or inputs it could be",
        "write {{ trigger.body... }} or another member of the trigger");
  }
  return !references.empty();
}

}  // namespace

TimerTrigger read_timer(const FieldReader& timer) {
  timer.check_names(Section::timer);
  TimerTrigger trigger;
  trigger.cron = timer.string("cron");
  const auto every = either(timer, "every", "interval_minutes");
  const bool minutes = every == "interval_minutes";
  if (const auto wait = timer.number(every, minutes ? kIntervalMinutes : kIntervalSeconds))
    trigger.every = to_millis(*wait * (minutes ? 60 : 1));
  if (timer.find("cron") != nullptr && timer.find(every) != nullptr)
    problem(timer, every, "a timer has 'cron' or '" + std::string(every) + "', not both", "remove one of them");
  if (timer.find("cron") == nullptr && timer.find(every) == nullptr)
    timer.missing("cron", R"(write "cron": "0 3 * * *", or "every": seconds)");
  if (trigger.cron) {
    if (const auto cron = parse_cron(*trigger.cron); !cron)
      problem(timer, "cron", cron.error().message, cron.error().hint);
  }
  trigger.time_zone = text_at(timer, "time_zone");
  if (trigger.time_zone && timer.find(every) != nullptr)
    problem(timer, "time_zone", "an interval is the same in every time zone", "remove it");
  if (const auto wait = timer.number("jitter", kJitterSeconds); wait && *wait > 0) trigger.jitter = to_millis(*wait);
  if (trigger.jitter && trigger.every && *trigger.jitter > *trigger.every)
    problem(timer, "jitter", "a firing may be late by no more than the interval");
  if (const auto what = timer.word("catch_up", enum_names<CatchUp>())) trigger.catch_up = static_cast<CatchUp>(*what);
  trigger.at_start = timer.boolean(either(timer, "at_start", "run_immediately")).value_or(false);
  return trigger;
}

WebhookTrigger read_webhook(const FieldReader& webhook) {
  webhook.check_names(Section::webhook);
  WebhookTrigger trigger;
  if (const auto scheme = webhook.word("scheme", enum_names<WebhookScheme>()))
    trigger.scheme = static_cast<WebhookScheme>(*scheme);
  trigger.secrets = webhook.strings("secrets");
  const auto at = webhook.place().key("secrets");
  for (std::size_t i = 0; i < trigger.secrets.size(); ++i) {
    const auto secret_at = at.element(i);
    // The text is not repeated: it may be the secret itself.
    if (!is_variable(trigger.secrets[i]))
      webhook.problems().error(Errc::workflow_invalid, secret_at.pointer(),
                               "expected the name of an environment variable",
                               "secrets never stand in a workflow file; write [\"GITHUB_WEBHOOK_SECRET\"]");
  }
  const bool open = trigger.scheme == WebhookScheme::none;
  if (trigger.secrets.size() > kSecretsMax)
    problem(webhook, "secrets", "more than " + std::to_string(kSecretsMax) + " secrets");
  if (!open && webhook.find("secrets") == nullptr)
    webhook.missing("secrets", R"(write ["GITHUB_WEBHOOK_SECRET"], the names of variables, or "scheme": "none")");
  if (!open && webhook.find("secrets") != nullptr && trigger.secrets.empty() && webhook.find("secrets")->is_array())
    problem(webhook, "secrets", "no secret to check signatures with", "name a variable, or write \"scheme\": \"none\"");
  if (open && !trigger.secrets.empty())
    problem(webhook, "secrets", "nothing is signed with the scheme 'none'", "choose a scheme, or remove the secrets");
  if (open && webhook.find("scheme") != nullptr)
    webhook.problems().warning(webhook.place().key("scheme").pointer(),
                               "whoever reaches this webhook can start runs: nothing is signed");
  if (const auto age = webhook.number("tolerance", kToleranceSeconds)) trigger.tolerance = to_millis(*age);
  trigger.signature_header = header_at(webhook, "signature_header");
  if (trigger.signature_header && trigger.scheme != WebhookScheme::generic)
    problem(webhook, "signature_header", "the scheme says which header holds the signature", "remove it");
  trigger.idempotency_header = header_at(webhook, "idempotency_header");
  return trigger;
}

EventTrigger read_event(const FieldReader& event) {
  event.check_names(Section::event);
  EventTrigger trigger;
  trigger.types = read_types(event);
  trigger.workflow = text_at(event, either(event, "workflow", "filter_graph"));
  trigger.stream = text_at(event, either(event, "stream", "filter_stream"));
  trigger.node = text_at(event, either(event, "node", "filter_node"));
  if (const auto depth = event.integer("depth", kDepth)) trigger.depth = static_cast<std::uint32_t>(*depth);
  if (event.boolean("exclude_own_graph").value_or(false))
    problem(event, "exclude_own_graph", "not supported: what a run causes is bounded by 'depth'",
            "name the workflow whose events count with 'workflow'");
  return trigger;
}

FileTrigger read_file_trigger(const FieldReader& file) {
  file.check_names(Section::file);
  FileTrigger trigger;
  if (file.find("folder") == nullptr) file.missing("folder", "write the folder that is watched");
  trigger.folder = text_at(file, "folder").value_or("");
  trigger.pattern = text_at(file, "pattern");
  if (trigger.pattern && trigger.pattern->find('/') != std::string::npos)
    problem(file, "pattern", "a pattern is of names of files, not of paths",
            "write '*.csv', and the folder as 'folder'");
  if (const auto wait = file.number("settle", kSettleSeconds)) trigger.settle = to_millis(*wait);
  return trigger;
}

std::optional<std::string> read_dedupe(const FieldReader& entry) {
  auto key = text_at(entry, "dedupe");
  const auto at = entry.place().key("dedupe");
  if (key && !check_template(*key, at.pointer(), entry.problems()))
    problem(entry, "dedupe", "the same key for every trigger: only one run would ever start",
            "name what tells triggers apart, such as {{ trigger.body.id }}");
  return key;
}

std::optional<Json> read_entry_inputs(const FieldReader& entry, const std::vector<InputSpec>& inputs) {
  const auto* object = entry.object("inputs");
  if (object == nullptr) return std::nullopt;
  auto& problems = entry.problems();
  const auto at = entry.place().key("inputs");
  std::vector<std::string_view> names;
  for (const auto& input : inputs) {
    names.emplace_back(input.name);
    if (!input.fallback && !object->contains(input.name))
      problems.error(Errc::inputs_invalid, at.pointer(), "input '" + input.name + "' is missing and has no default",
                     "write \"" + input.name + "\": \"{{ trigger.body." + input.name + " }}\"");
  }
  for (const auto& [key, value] : *object) {
    const std::string_view name(key.data(), key.size());
    const auto input_at = at.key(name);
    const auto spec = std::find_if(inputs.begin(), inputs.end(), [&](const auto& one) { return one.name == name; });
    if (spec == inputs.end()) {
      auto hint = problems.suggest(name, names);
      if (hint.empty()) hint = names.empty() ? "it declares none" : "it declares " + one_of(names);
      problems.error(Errc::inputs_invalid, input_at.pointer(),
                     "the workflow declares no input '" + std::string(name) + "'", std::move(hint));
    }
    bool templated = false;
    visit_strings(value, [&](std::string_view text, const std::string& pointer) {
      templated = check_template(text, input_at.pointer() + pointer, problems) || templated;
    });
    if (spec != inputs.end() && !templated && !has_type(value, spec->type))
      problems.error(Errc::inputs_invalid, input_at.pointer(),
                     "expected " + std::string(json::enum_name(spec->type)) + ", found " + kind_of(value));
  }
  return Json::of(bj::value(*object));
}

}  // namespace hillstar::workflow
