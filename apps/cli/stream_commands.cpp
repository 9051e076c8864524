// SPDX-License-Identifier: Apache-2.0
// stream ls, show, declare, trigger, hold, release, rm: asked of whoever hosts the store, here or elsewhere.
#include "apps/cli/stream_commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "apps/cli/carry.hpp"
#include "apps/cli/command_table.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/given_inputs.hpp"
#include "apps/cli/hosting.hpp"
#include "apps/cli/live_commands.hpp"
#include "apps/cli/questions.hpp"
#include "apps/cli/registry_file.hpp"
#include "apps/cli/stream_statuses.hpp"
#include "apps/cli/stream_view.hpp"
#include "apps/cli/text.hpp"
#include "apps/cli/workflow_file.hpp"
#include "apps/http/remote.hpp"
#include "messages/json_codec.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

constexpr std::size_t kEventBytesMax = 16U << 20U;

bool is_remote(const Context& context) { return http::is_service_url(context.store); }

/// Looks on: through the host if there is one, else in the store.
Result<Json> look(Context& context, const std::string& stream) {
  Link link({.folder = context.store, .environment = {}, .ephemeral = false});
  const auto joined = link.join_only();
  if (joined) return link.client().ask({Topic::streams, stream, {}, {}});
  if (is_remote(context)) return joined.error();
  HILLSTAR_TRY(const auto store, read_store(context));
  HILLSTAR_TRY(const auto streams, stored_streams(*store));
  const auto now = context.clock.utc_now();
  bj::array all;
  for (const auto& status : streams) {
    auto object = stream_object(status, now);
    if (status.declared.stream == stream) return object;
    all.push_back(object.value());
  }
  if (stream.empty()) return Json::of(all);
  return Error{Errc::not_found, "There is no stream '" + stream + "'.", {}, "`hillstar-actors stream ls` shows them."};
}

// -- what is shown --------------------------------------------------------------------------------------

std::string text_of(const bj::value& value, std::string_view name) {
  const auto* found = json::member(value, name);
  if (found == nullptr || found->is_null()) return {};
  return found->is_string() ? std::string(found->get_string()) : json::canonical(*found);
}
bj::array list_of(const bj::value& value, std::string_view name) {
  const auto* found = json::member(value, name);
  return found != nullptr && found->is_array() ? found->get_array() : bj::array();
}
bool is_held(const bj::value& stream) { return text_of(stream, "held") == "true"; }
bj::value entry_of(const bj::value& stream) {
  const auto* entry = json::member(stream, "entry");
  return entry != nullptr ? *entry : bj::value(bj::object());
}
std::string shown_time(const std::string& text) {
  const auto time = from_rfc3339(text);
  return time ? short_time(*time) : text;
}

std::string trigger_words(const bj::value& entry) {
  const auto kind = text_of(entry, "trigger");
  const auto* section = json::member(entry, kind);
  if (section == nullptr || !section->is_object()) return kind;
  const auto shown = [&](std::string_view name) { return one_line(text_of(*section, name), 60); };
  if (kind == "timer") {
    const auto cron = shown("cron");
    const auto zone = shown("time_zone");
    if (!cron.empty()) return "timer " + cron + (zone.empty() ? "" : " (" + zone + ")");
    const auto* every = json::member(*section, "every");
    if (every != nullptr && every->is_number())
      return "timer every " + duration(Millis(every->to_number<std::int64_t>()));
  }
  if (kind == "webhook") return "webhook " + shown("scheme");
  if (kind == "event") return "event " + shown("types");
  if (kind == "file") return "file " + shown("folder") + "/" + (shown("pattern").empty() ? "*" : shown("pattern"));
  return kind;
}

void print_list(Output& output, const bj::array& streams) {
  std::vector<std::vector<std::string>> cells{{"STREAM", "TRIGGER", "RUNNING", "QUEUED", "STATE", "NEXT"}};
  for (const auto& stream : streams) {
    const auto next = list_of(stream, "next");
    cells.push_back(
        {one_line(text_of(stream, "stream"), 60), text_of(entry_of(stream), "trigger"), text_of(stream, "running"),
         text_of(stream, "queued"), is_held(stream) ? "held" : "open",
         next.empty() || !next.front().is_string() ? "" : shown_time(std::string(next.front().get_string()))});
  }
  for (const auto& line : table(cells)) output.data(line);
}

/// `2 of 10`, or `2`.
std::string of_limit(const bj::value& used, const bj::value& quota, std::string_view name, bool is_money) {
  const auto amount = [&](const bj::value& from) {
    const auto* found = json::member(from, name);
    if (found == nullptr || !found->is_number()) return std::string();
    const auto number = found->to_number<std::int64_t>();
    return is_money ? money(MicroUsd{number}) : std::to_string(number);
  };
  const auto limit = amount(quota);
  const auto now = amount(used);
  return now.empty() ? "at most " + limit : now + " of " + limit;
}

void print_limits(Output& output, const bj::value& stream, const bj::value& entry) {
  const auto line = [&](std::string_view name, const std::string& text) {
    output.data(fmt::format("  {:<12} {}", name, visible(text)));
  };
  line("limits", fmt::format("{} at once, {} queued, overflow {}", text_of(entry, "max_concurrent"),
                             text_of(entry, "max_queued"), text_of(entry, "overflow")));
  const auto* quota = json::member(entry, "quota");
  if (quota != nullptr && quota->is_object()) {
    const auto* given = json::member(stream, "quota_used");
    const bj::value used = given != nullptr ? *given : bj::value();
    for (const auto& [name, limit] : quota->get_object())
      if (!limit.is_null())
        line("quota", fmt::format("{}: {}", std::string_view(name),
                                  of_limit(used, *quota, name, std::string_view(name) == "cost_per_day")));
  }
  const auto* kept = json::member(entry, "retention");
  if (kept == nullptr || !kept->is_object()) return;
  std::string words;
  if (const auto runs = text_of(*kept, "runs"); !runs.empty()) words += "the newest " + runs + " runs";
  if (const auto* age = json::member(*kept, "age"); age != nullptr && age->is_number())
    words += (words.empty() ? "" : "; ") + duration(Millis(age->to_number<std::int64_t>())) + " long";
  if (const auto bytes = text_of(*kept, "bytes"); !bytes.empty())
    words += (words.empty() ? "" : "; ") + bytes + " bytes of records";
  line("kept", words);
}

void print_stream(Output& output, const bj::value& stream) {
  const auto entry = entry_of(stream);
  const auto line = [&](std::string_view name, const std::string& text) {
    if (!text.empty()) output.data(fmt::format("  {:<12} {}", name, visible(text)));
  };
  output.data(output.paint_data(Tone::strong, visible(text_of(stream, "stream"))));
  line("trigger", trigger_words(entry));
  line("workflow", text_of(stream, "workflow_file"));
  line("declared", shown_time(text_of(stream, "declared_at")) + " by " + text_of(stream, "declared_by"));
  const auto reason = text_of(stream, "reason");
  line("state", is_held(stream) ? "held" + (reason.empty() ? "" : ": " + one_line(reason, 160)) : "open");
  line("runs", fmt::format("{} running, {} queued, {} callers wait", text_of(stream, "running"),
                           text_of(stream, "queued"), text_of(stream, "waiting_callers")));
  print_limits(output, stream, entry);
  line("triggers", fmt::format("{} accepted, {} repeated, {} refused, {} dropped, {} chains ended",
                               text_of(stream, "accepted"), text_of(stream, "repeated"), text_of(stream, "refused"),
                               text_of(stream, "dropped"), text_of(stream, "chains_ended")));
  line("last firing", shown_time(text_of(stream, "last_due")));
  for (const auto& due : list_of(stream, "next"))
    if (due.is_string()) line("next firing", shown_time(std::string(due.get_string())));
  for (const auto& refusal : list_of(stream, "refusals"))
    line("refused", fmt::format("{}  {}  {}", shown_time(text_of(refusal, "at")), text_of(refusal, "trigger"),
                                one_line(text_of(refusal, "why"), 200)));
}

Result<Exit> list(Context& context) {
  HILLSTAR_TRY(const auto streams, look(context, ""));
  auto& output = context.output;
  const auto value = streams.value();
  if (!value.is_array()) return Error{Errc::host_protocol, "The host did not say which streams there are.", {}, {}};
  if (output.format() == Format::json) output.data(streams);
  if (output.format() == Format::jsonl)
    for (const auto& one : value.get_array()) output.data(Json::of(one));
  if (output.is_json()) return Exit::done;
  if (value.get_array().empty())
    output.say("No streams.");
  else
    print_list(output, value.get_array());
  return Exit::done;
}

Exit tell_stream(Context& context, const Json& stream) {
  if (context.output.is_json())
    context.output.data(stream);
  else
    print_stream(context.output, stream.value());
  return Exit::done;
}

Result<Exit> show(Context& context, const std::string& name) {
  HILLSTAR_TRY(const auto stream, look(context, name));
  return tell_stream(context, stream);
}

// -- what is changed ------------------------------------------------------------------------------------

Result<Json> ask(Context& context, Topic topic, const std::string& stream, const Json& body) {
  Link link({.folder = context.store, .environment = {}, .ephemeral = false});
  HILLSTAR_CHECK(link.open());
  auto answer = link.ask({topic, stream, body, person()});
  host_others(context, link);
  return answer;
}

/// What a file declares, as a terminal on this machine has compiled it.
DeclareJob job_of(const LoadedWorkflow& loaded, const std::string& file, const std::string& workspace) {
  const auto& plan = *loaded.compiled.plan;
  DeclareJob job;
  job.plan = workflow::to_text(plan);
  job.workflow_text = loaded.text;
  job.workflow_file = file;
  job.workspace = workspace;
  job.output_dir = absolute_path(".hillstar");
  for (const auto& folder : plan.file_access) job.allow_paths.push_back(absolute_path(folder));
  return job;
}

Result<Exit> declare(Context& context, const StreamArgs& args) {
  HILLSTAR_TRY(const auto workspace, current_folder());
  HILLSTAR_TRY(const auto registry, load_registry(context.environment));
  HILLSTAR_TRY(auto loaded, load_workflow(args.target, {false, *registry, context.environment, false}));
  if (!show_diagnostics(context.output, loaded.compiled.diagnostics, args.target)) return Exit::invalid_workflow;
  auto& plan = *loaded.compiled.plan;
  if (plan.entry_points.empty()) plan.entry_points.emplace_back().id = "default";
  auto job = job_of(loaded, args.target, workspace);
  bool any = false;
  for (const auto& entry : plan.entry_points) {
    if (!args.entry.empty() && entry.id != args.entry) continue;
    any = true;
    const auto name = plan.workflow.str() + "/" + entry.id;
    job.entry = entry;
    // A service compiles the text itself, by its own rules.
    const auto body = is_remote(context)
                          ? Json::of(bj::object{{"workflow_text", loaded.text}, {"workflow_file", args.target}})
                          : Json::from_canonical(json::to_text(job));
    HILLSTAR_TRY(const auto stream, ask(context, Topic::declare, name, body));
    if (context.output.is_json())
      context.output.data(stream);
    else
      context.output.data("declared " + name);
  }
  if (any) return Exit::done;
  return Error{Errc::not_found, "The workflow has no entry point '" + args.entry + "'.", args.target, {}};
}

Result<Json> event_of(const std::string& text) {
  std::string given = text;
  if (text == "-") {
    HILLSTAR_TRY(given, read_file("/dev/stdin", Errc::usage, kEventBytesMax));
  }
  auto parsed = json::parse(given);
  if (!parsed)
    return Error{Errc::usage, "--event: this is no JSON: " + parsed.error().message, {}, "Strings need quotes."};
  return Json::of(*parsed);
}

/// The plan that the stream's runs are started with.
Result<std::shared_ptr<const workflow::Plan>> plan_of(Context& context, const std::string& stream) {
  HILLSTAR_TRY(const auto shown, look(context, stream));
  HILLSTAR_TRY(const auto store, read_store(context));
  return load_plan(*store, text_of(shown.value(), "plan_sha256"));
}

Result<TriggerJob> trigger_of(const StreamArgs& args, const workflow::Plan& plan, Output& output) {
  TriggerJob job;
  if (!args.inputs.empty()) {
    HILLSTAR_TRY(const auto given, given_parameters(args.inputs));
    const auto inputs = workflow::resolve_inputs(plan, given, Json());
    if (!show_diagnostics(output, inputs.diagnostics, args.target))
      return Error{Errc::inputs_invalid, "The inputs do not fit the workflow.", args.target, {}};
    job.inputs = inputs.values;
  }
  if (!args.event.empty()) {
    HILLSTAR_TRY(job.event, event_of(args.event));
  }
  if (!args.key.empty()) job.key = args.key;
  HILLSTAR_TRY(job.labels, labels_of(args.labels));
  if (!args.correlation.empty()) job.correlation = args.correlation;
  return job;
}

/// The trigger's answer, and what a person can do with it.
void tell_accepted(Output& output, const Json& accepted, const std::string& run, const bj::value& value) {
  if (output.is_json()) return output.data(accepted);
  output.data(run);
  if (text_of(value, "repeated") == "true") output.say("It had been accepted before: the same key.");
  if (text_of(value, "queued") == "true") output.say("It waits its turn; see it with: hillstar-actors show " + run);
}

Result<Exit> trigger(Context& context, const StreamArgs& args) {
  HILLSTAR_TRY(const auto plan, plan_of(context, args.target));
  HILLSTAR_TRY(const auto job, trigger_of(args, *plan, context.output));
  HILLSTAR_TRY(const auto workspace, current_folder());
  std::vector<std::string> environment;
  if (!is_remote(context)) {
    HILLSTAR_TRY(environment, variables_for(context, "", workspace, {}, plan.get()));
  }
  Link link({.folder = context.store, .environment = std::move(environment), .ephemeral = false});
  HILLSTAR_CHECK(link.open());
  HILLSTAR_TRY(const auto accepted,
               link.ask({Topic::trigger, args.target, Json::from_canonical(json::to_text(job)), person()}));
  const auto value = accepted.value();
  const auto run = text_of(value, "run");
  if (run.empty()) return Error{Errc::host_protocol, "The host did not say which run it accepted.", {}, {}};
  // Nobody else would go on with it.
  const bool is_ours = link.is_host() && text_of(value, "queued") != "true" && text_of(value, "repeated") != "true";
  // What follows is one document.
  if (!context.output.is_json() || !(is_ours || args.wait)) tell_accepted(context.output, accepted, run, value);
  if (is_ours) return carry(context, link, {.run = RunId(run), .plan = plan});
  link.close();
  if (!args.wait) return Exit::done;
  WaitArgs wait;
  wait.runs = {run};
  return wait_for_runs(context, wait);
}

Result<Exit> change(Context& context, const StreamArgs& args, Topic topic) {
  HoldJob job;
  if (!args.reason.empty()) job.reason = args.reason;
  HILLSTAR_TRY(const auto stream, ask(context, topic, args.target, Json::from_canonical(json::to_text(job))));
  if (topic != Topic::remove) return tell_stream(context, stream);
  context.output.say("removed " + visible(args.target) + "; its runs go on");
  return Exit::done;
}

Result<void> check(const StreamArgs& args) {
  if (args.what == "ls") return {};
  if (args.target.empty())
    return Error{Errc::usage,
                 args.what == "declare" ? "Which workflow file?" : "Which stream?",
                 {},
                 "`hillstar-actors stream ls` shows what there is."};
  return {};
}

}  // namespace

Result<Exit> steer_streams(Context& context, const StreamArgs& args) {
  HILLSTAR_CHECK(check(args));
  if (args.what == "show") return show(context, args.target);
  if (args.what == "declare") return declare(context, args);
  if (args.what == "trigger") return trigger(context, args);
  if (args.what == "hold") return change(context, args, Topic::hold);
  if (args.what == "release") return change(context, args, Topic::release);
  if (args.what == "rm") return change(context, args, Topic::remove);
  return list(context);
}

void add_streams(Commands& commands) {
  auto [stream, s] = commands.add<StreamArgs>(
      "stream", "Streams, which start runs: list, show, declare, trigger, hold, release, remove them", steer_streams);
  stream->add_option("ACTION", s->what, "ls, show, declare, trigger, hold, release or rm")
      ->check(CLI::IsMember({"ls", "show", "declare", "trigger", "hold", "release", "rm"}))
      ->capture_default_str();
  stream->add_option("STREAM", s->target, "workflow/entry point; declare: a workflow file");
  stream->add_option("--entry", s->entry, "declare: only this entry point")->type_name("ID");
  stream->add_option("-i,--input", s->inputs, "trigger: an input of the workflow, name=value; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false)
      ->take_all();
  stream->add_option("--event", s->event, "trigger: what {{ trigger.body }} stands for; - reads it from stdin")
      ->type_name("JSON");
  stream->add_option("--key", s->key, "trigger: a second one with this key is the same run")->type_name("KEY");
  stream->add_option("--label", s->labels, "trigger: a label of the run; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false)
      ->take_all();
  stream->add_option("--correlation", s->correlation, "trigger: ties the run to other systems")->type_name("ID");
  stream->add_flag("--wait", s->wait, "trigger: until the run has ended, and exit as it did");
  stream->add_option("--reason", s->reason, "hold: why; recorded");
}

}  // namespace hillstar::cli
