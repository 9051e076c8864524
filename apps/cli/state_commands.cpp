// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/state_commands.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <iostream>
#include <optional>

#include "apps/cli/carry.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/hosting.hpp"
#include "apps/cli/selector.hpp"
#include "apps/cli/state_view.hpp"
#include "apps/cli/text.hpp"
#include "apps/http/remote.hpp"
#include "persistence/state_histories.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

constexpr std::size_t kShownColumns = 100;

Result<std::string> all_of_stdin() {
  std::string text;
  std::array<char, 4096> piece{};
  while (std::cin.read(piece.data(), piece.size()) || std::cin.gcount() > 0) {
    text.append(piece.data(), static_cast<std::size_t>(std::cin.gcount()));
    if (text.size() > 2 * state::kValueBytesMax)
      return Error{Errc::too_large, fmt::format("stdin holds more than {} bytes.", state::kValueBytesMax), "-",
                   "Put what is larger into a file, and keep its path."};
  }
  return text;
}

Result<Json> value_of(const StateArgs& args) {
  std::string text = args.value;
  if (text == "-" && !args.is_text) {
    HILLSTAR_TRY(text, all_of_stdin());
  }
  if (args.is_text) return Json::string(json::to_utf8(text));
  const auto value = json::parse(text);
  if (value) return Json::of(*value);
  return Error{Errc::inputs_invalid, "This is no JSON: " + value.error().message + ".", "VALUE",
               "Texts stand in quotes, such as '\"yes\"'; --text takes a text as it stands."};
}

Result<std::optional<std::uint64_t>> version_of(const StateArgs& args) {
  using Version = std::optional<std::uint64_t>;
  if (args.if_version.empty()) return Version();
  std::uint64_t version = 0;
  const auto* end = args.if_version.data() + args.if_version.size();
  const auto [stopped, failed] = std::from_chars(args.if_version.data(), end, version);
  if (failed != std::errc() || stopped != end)
    return Error{Errc::usage, "'" + args.if_version + "' is no version.", "--if-version", "Give 0, 1, 2, ..."};
  return Version(version);
}

StateScope scope_of(const StateArgs& args) { return args.stream.empty() ? StateScope::store : StateScope::stream; }

/// The cells that are asked for, of a run or of what many share; from the store, or from the service.
Result<Json> cells_of(const Context& context, const StateArgs& args) {
  if (!args.run.empty()) {
    HILLSTAR_TRY(const auto store, read_store(context));
    HILLSTAR_TRY(const auto row, select_run(*store, args.run));
    HILLSTAR_TRY(const auto stored, load_run(*store, row.run));
    return cells_array(stored.state.cells, args.key);
  }
  if (!http::is_service_url(context.store)) {
    HILLSTAR_TRY(const auto store, read_store(context));
    HILLSTAR_TRY(const auto scope, persistence::read_scope(*store, args.stream));
    return cells_array(scope.state.cells, args.key);
  }
  Link link({.folder = context.store, .environment = context.environment, .ephemeral = false});
  HILLSTAR_CHECK(link.open());
  StateRequest request{scope_of(args), StateOp::list, {}, OnConflict::fail, false};
  request.operations.push_back({StateOp::list, args.key, {}, {}, {}});
  HILLSTAR_TRY(const auto answer, link.ask_state({request, args.stream, person()}));
  const auto listed = answer.value();
  const auto* output = json::member(listed, "output");
  const auto* versions = json::member(listed, "versions");
  bj::array all;
  if (output != nullptr && output->is_object() && versions != nullptr && versions->is_object())
    for (const auto& [key, value] : output->get_object()) {
      const auto* version = versions->get_object().if_contains(key);
      all.push_back(
          bj::object{{"key", key}, {"value", value}, {"version", version == nullptr ? bj::value(0) : *version}});
    }
  return Json::of(all);
}

/// Rows as an array, or as one line each.
void print_rows(Output& output, const Json& rows, const std::function<std::string(const bj::object&)>& line) {
  if (output.format() == Format::json) return output.data(rows);
  const auto all = rows.value();
  for (const auto& row : all.get_array()) {
    if (output.is_json())
      output.data(Json::of(row));
    else
      output.data(line(row.get_object()));
  }
}

std::string text_at(const bj::object& row, const char* name) {
  const auto* value = row.if_contains(name);
  if (value == nullptr) return {};
  return value->is_string() ? std::string(value->get_string()) : json::canonical(*value);
}

Result<Exit> list(Context& context, const StateArgs& args) {
  HILLSTAR_TRY(const auto cells, cells_of(context, args));
  print_rows(context.output, cells, [](const bj::object& row) {
    return fmt::format("{}  v{}  {}", visible(text_at(row, "key")), text_at(row, "version"),
                       one_line(json::canonical(row.at("value")), kShownColumns));
  });
  if (cells.text() == "[]") context.output.say("There is no value here.");
  return Exit::done;
}

Result<Exit> get(Context& context, const StateArgs& args) {
  HILLSTAR_TRY(const auto cells, cells_of(context, args));
  const auto all = cells.value();
  for (const auto& row : all.get_array()) {
    if (text_at(row.get_object(), "key") != args.key) continue;
    if (context.output.is_json())
      context.output.data(Json::of(row));
    else
      context.output.data(json::canonical(row.get_object().at("value")));
    return Exit::done;
  }
  return Error{Errc::not_found, "There is no value of this name.", args.key, "`state ls` shows what there is."};
}

Result<Exit> change(Context& context, const StateArgs& args) {
  if (!args.run.empty())
    return Error{Errc::usage, "The state of a run is its own: only its nodes change it.", "--run " + args.run,
                 "`fork` begins a new run with it."};
  StateOperation operation;
  operation.op = args.what == "put" ? StateOp::put : args.what == "add" ? StateOp::add : StateOp::remove;
  operation.key = args.key;
  HILLSTAR_TRY(operation.expected_version, version_of(args));
  if (operation.op == StateOp::put) {
    if (args.value.empty() && !args.is_text)
      return Error{Errc::usage, "state put: which value?", {}, "Give it as JSON."};
    HILLSTAR_TRY(operation.value, value_of(args));
  } else if (operation.op == StateOp::add) {
    operation.by = Json::from_canonical("1");
    if (!args.value.empty()) {
      HILLSTAR_TRY(operation.by, value_of(args));
    }
  } else if (!args.value.empty()) {
    return Error{Errc::usage, "state rm takes no value.", args.value, {}};
  }
  const StateRequest request{scope_of(args), operation.op, {operation}, OnConflict::fail, false};
  Link link({.folder = context.store, .environment = context.environment, .ephemeral = false});
  HILLSTAR_CHECK(link.open());
  const auto answer = link.ask_state({request, args.stream, person()});
  host_others(context, link);
  HILLSTAR_CHECK(answer);
  const auto said = answer->value();
  const auto& object = said.get_object();
  if (context.output.is_json())
    context.output.data(
        Json::of(bj::object{{"key", args.key}, {"value", object.at("value")}, {"version", object.at("version")}}));
  else
    context.output.say(fmt::format(
        "{} is at version {}: {}", visible(args.key), text_at(object, "version"),
        operation.op == StateOp::remove ? "removed" : one_line(json::canonical(object.at("value")), kShownColumns)));
  return Exit::done;
}

Result<Json> changes_of(const Context& context, const StateArgs& args) {
  if (http::is_service_url(context.store) && args.run.empty()) {
    HILLSTAR_TRY(const auto remote, http::Remote::open(context.store, context.environment));
    const auto place = args.stream.empty() ? std::string("store") : "streams/" + args.stream;
    HILLSTAR_TRY(const auto page, remote->get("/v1/state-history/" + place));
    HILLSTAR_TRY(const auto rows, json::parse(page.body));
    bj::array kept;
    if (rows.is_array())
      for (const auto& row : rows.get_array())
        if (args.key.empty() || (row.is_object() && text_at(row.get_object(), "key") == args.key)) kept.push_back(row);
    return Json::of(kept);
  }
  HILLSTAR_TRY(const auto store, read_store(context));
  if (args.run.empty()) return state_changes(*store, args.stream, args.key);
  HILLSTAR_TRY(const auto row, select_run(*store, args.run));
  HILLSTAR_TRY(const auto stored, load_run(*store, row.run));
  return state_changes(stored.history, args.key);
}

Result<Exit> history(Context& context, const StateArgs& args) {
  HILLSTAR_TRY(const auto rows, changes_of(context, args));
  print_rows(context.output, rows, [](const bj::object& row) {
    const auto node = text_at(row, "node") + (row.contains("item") ? "[" + text_at(row, "item") + "]" : "");
    const auto run = text_at(row, "run");
    const auto who = node.empty() ? text_at(row, "who") : node + (run.empty() ? "" : " of " + run);
    return fmt::format("{}  {}  v{}  {}  by {}", text_at(row, "at"), visible(text_at(row, "key")),
                       text_at(row, "version"),
                       row.contains("removed") ? "removed" : one_line(json::canonical(row.at("value")), kShownColumns),
                       visible(who.empty() ? "a fork" : who));
  });
  return Exit::done;
}

Result<Exit> scopes(Context& context) {
  if (http::is_service_url(context.store)) {
    HILLSTAR_TRY(const auto remote, http::Remote::open(context.store, context.environment));
    HILLSTAR_TRY(const auto page, remote->get("/v1/state"));
    HILLSTAR_TRY(const auto rows, json::parse(page.body));
    context.output.data(Json::of(rows));
    return Exit::done;
  }
  HILLSTAR_TRY(const auto store, read_store(context));
  HILLSTAR_TRY(const auto rows, state_scopes(*store));
  print_rows(context.output, rows, [](const bj::object& row) {
    const auto stream = text_at(row, "stream");
    return fmt::format("{}  {} events  {}", stream.empty() ? "store" : "stream " + visible(stream),
                       text_at(row, "version"), text_at(row, "updated_at"));
  });
  return Exit::done;
}

}  // namespace

Result<Exit> use_state(Context& context, const StateArgs& args) {
  const bool changes = args.what == "put" || args.what == "add" || args.what == "rm";
  if (args.key.empty() && (changes || args.what == "get"))
    return Error{Errc::usage, "state " + args.what + ": which value?", {}, "Give its KEY."};
  if (!changes && !args.if_version.empty())
    return Error{Errc::usage, "--if-version goes with put, add and rm.", "state " + args.what, {}};
  if (args.what == "ls") return list(context, args);
  if (args.what == "get") return get(context, args);
  if (args.what == "history") return history(context, args);
  if (args.what == "scopes") return scopes(context);
  return change(context, args);
}

}  // namespace hillstar::cli
