// SPDX-License-Identifier: Apache-2.0
#include <boost/json.hpp>

#include "apps/cli/command_table.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/link.hpp"
#include "apps/cli/text.hpp"
#include "apps/cli/worker_commands.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

std::string text_of(const bj::object& row, const char* name) {
  const auto* value = row.if_contains(name);
  return value != nullptr && value->is_string() ? visible(std::string(value->get_string())) : "";
}

std::string state_of(const bj::object& row) {
  const auto is = [&](const char* name) { return row.contains(name) && row.at(name).as_bool(); };
  if (!is("connected")) return "away";
  if (is("draining")) return "draining";
  return is("cordoned") ? "cordoned" : "ready";
}

std::string labels_of(const bj::object& row) {
  std::string all;
  for (const auto& [name, value] : row.at("labels").as_object()) {
    if (!all.empty()) all += ' ';
    all += std::string(name);
    if (const auto& text = value.as_string(); !text.empty()) all += "=" + std::string(text);
  }
  return all.empty() ? "-" : visible(all);
}

void show_list(Output& output, const bj::array& rows) {
  if (rows.empty())
    return output.say("No worker is there; `hillstar-actors worker --join HOST:PORT` on a machine joins one.");
  std::vector<std::vector<std::string>> cells{{"NAME", "STATE", "USED", "SLOTS", "LOAD", "LABELS", "ADDRESS"}};
  for (const auto& value : rows) {
    const auto& row = value.as_object();
    cells.push_back({text_of(row, "name"), state_of(row), std::to_string(row.at("used").to_number<int>()),
                     std::to_string(row.at("slots").to_number<int>()),
                     std::to_string(row.at("load_percent").to_number<int>()) + " %", labels_of(row),
                     text_of(row, "address")});
  }
  for (const auto& line : table(cells)) output.data(line);
}

void show_one(Output& output, const bj::object& row) {
  output.data("Worker       " + text_of(row, "name") + ", " + state_of(row));
  output.data("Address      " + text_of(row, "address"));
  output.data("Certificate  " + text_of(row, "fingerprint"));
  output.data("Program      " + text_of(row, "program"));
  output.data("Labels       " + labels_of(row));
  output.data("Slots        " + std::to_string(row.at("used").to_number<int>()) + " of " +
              std::to_string(row.at("slots").to_number<int>()) + " used");
  output.data("Last seen    " + text_of(row, "last_seen"));
  for (const auto& attempt : row.at("attempts").as_array())
    output.data("Makes        " + visible(std::string(attempt.as_string())));
}

}  // namespace

Result<Exit> manage_workers(Context& context, const WorkersArgs& args) {
  Topic topic = Topic::workers;
  if (args.what == "cordon") topic = Topic::cordon;
  if (args.what == "uncordon") topic = Topic::uncordon;
  if (args.what == "drain") topic = Topic::drain;
  if (args.what != "ls" && args.name.empty())
    return Error{Errc::usage, "Which worker?", "NAME", "`hillstar-actors workers ls` lists them."};
  Link link({.folder = context.store, .environment = {}, .ephemeral = false});
  HILLSTAR_CHECK(link.join_only());
  HILLSTAR_TRY(const auto answer, link.ask({topic, args.what == "ls" ? "" : args.name, {}, person()}));
  auto& output = context.output;
  const auto tree = answer.value();
  if (output.is_json() && !(tree.is_array() && output.format() == Format::jsonl)) {
    output.data(answer);
  } else if (output.is_json()) {
    for (const auto& row : tree.as_array()) output.data(Json::of(row));
  } else if (topic != Topic::workers) {
    output.say("Worker " + visible(args.name) + " is told.");
  } else if (tree.is_array()) {
    show_list(output, tree.as_array());
  } else {
    show_one(output, tree.as_object());
  }
  return Exit::done;
}

void add_workers(Commands& commands) {
  auto [worker, w] = commands.add<WorkerArgs>("worker", "Make attempts for a host on another machine", work);
  worker->add_option("--join", w->join, "the host: what its `--workers` says")->type_name("HOST:PORT")->required();
  worker->add_option("--token", w->token, "join token, its file, or - for stdin; else HILLSTAR_JOIN_TOKEN")
      ->type_name("TOKEN");
  worker->add_option("--identity", w->identity, "folder with certificate and key")->type_name("DIR");
  worker->add_option("--label", w->labels, "what placements ask for: gpu or site=lab2; may be repeated")
      ->type_name("NAME[=VALUE]")
      ->allow_extra_args(false)
      ->take_all();
  worker->add_option("--slots", w->slots, "attempts at once; 0: one per core")
      ->check(CLI::Range(0U, 1'024U))
      ->type_name("N")
      ->capture_default_str();
  worker->add_option("--workspace", w->workspace, "folder for attempts")->type_name("DIR")->capture_default_str();
  worker->add_option("--cache", w->cache, "keep so much of what crossed, for attempts to come: 500M, 8G")
      ->type_name("BYTES")
      ->capture_default_str();
  worker->add_option("--env-file", w->env_file, "instead of the nearest .env; what is set already wins");

  auto [workers, m] = commands.add<WorkersArgs>("workers", "List the workers of a host, and tell them", manage_workers);
  workers->add_option("WHAT", m->what, "ls, show, cordon, uncordon or drain")
      ->check(CLI::IsMember({"ls", "show", "cordon", "uncordon", "drain"}))
      ->capture_default_str();
  workers->add_option("NAME", m->name, "which; not for ls");
}

void add_places(CLI::App& run, RunArgs& args) {
  run.add_option("--workers", args.workers, "where workers of other machines join; port 0 takes a free one")
      ->type_name("ADDR:PORT");
  run.add_option("--workers-identity", args.workers_identity, "folder with the host's certificate and key for them")
      ->type_name("DIR");
  run.add_option("--worker-lost-after", args.worker_lost_after, "a worker that is silent for so long is gone")
      ->type_name("SPAN")
      ->capture_default_str();
}

}  // namespace hillstar::cli
