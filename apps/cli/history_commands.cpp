// SPDX-License-Identifier: Apache-2.0
// events, logs: a run's history, as it is or as a person reads it.
#include <fmt/format.h>

#include <atomic>
#include <boost/json.hpp>
#include <chrono>
#include <thread>

#include "apps/cli/carry.hpp"
#include "apps/cli/commands.hpp"
#include "apps/cli/interrupts.hpp"
#include "apps/cli/protocol.hpp"
#include "apps/cli/selector.hpp"
#include "apps/cli/text.hpp"
#include "runtime/run/run.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

constexpr std::chrono::milliseconds kPoll{300};
constexpr std::size_t kDetailColumns = 120;
/// Lines of one node's output in `logs`; `result` prints all.
constexpr std::size_t kOutputLinesMax = 200;

/// `   7  2026-11-22 03:04:05Z  node_completed  review  {...}`.
std::string event_line(const RunId& run, const Recorded& recorded) {
  auto record = json::parse(record_line(run, recorded));
  bj::object data = record ? record->at("data").as_object() : bj::object();
  const auto* node = node_of(recorded.event);
  std::string name = node != nullptr ? node->str() : std::string();
  if (const auto* item = data.if_contains("item"); item != nullptr) name += "[" + json::canonical(*item) + "]";
  data.erase("node");
  data.erase("item");
  return fmt::format("{:>4}  {}  {:<19}  {}", recorded.seq, to_rfc3339(recorded.at), type_name(recorded.event),
                     one_line(name + (data.empty() ? "" : "  " + json::canonical(data)), kDetailColumns));
}

class EventsDisplay final : public Display {
 public:
  explicit EventsDisplay(Output& output) : output_(output) {}
  void event(const LiveRun& live, const Recorded& recorded) override {
    seen_ = recorded.seq;
    output_.data(output_.is_json() ? record_line(live.run, recorded) : event_line(live.run, recorded));
  }
  void note(std::string_view line) override { output_.say(line); }
  void warn(std::string_view line) override { output_.warn(line); }
  [[nodiscard]] std::uint64_t seen() const { return seen_; }

 private:
  Output& output_;
  std::uint64_t seen_ = 0;
};

Result<Exit> print_events(Context& context, const persistence::EventStore& store, const EventsArgs& args) {
  HILLSTAR_TRY(const auto row, select_run(store, args.run));
  HILLSTAR_TRY(const auto history, store.read(row.run));
  bj::array array;
  for (const auto& recorded : history) {
    if (recorded.seq < args.from || context.output.broken()) continue;
    const auto format = context.output.format();
    if (format == Format::text) context.output.data(event_line(row.run, recorded));
    if (format == Format::jsonl) context.output.data(record_line(row.run, recorded));
    if (format == Format::json) {
      HILLSTAR_TRY(auto record, json::parse(record_line(row.run, recorded)));
      array.push_back(std::move(record));
    }
  }
  if (context.output.format() == Format::json) context.output.data(Json::of(array));
  return Exit::done;
}

/// Through the host while there is one, else by looking again; watching starts nothing.
Result<Exit> watch_events(Context& context, const EventsArgs& args) {
  HILLSTAR_TRY(auto store, read_store(context));
  HILLSTAR_TRY(const auto row, select_run(*store, args.run));
  HILLSTAR_TRY(const auto stored, load_run(*store, row.run));
  const auto display = std::make_shared<EventsDisplay>(context.output);
  Link link({.folder = context.store, .environment = {}, .ephemeral = false});
  std::uint64_t next = std::max<std::uint64_t>(args.from, 1);
  bool said = false;
  while (!context.output.broken() && !context.output.reader_left()) {
    if (link.join_only()) {
      FollowOptions options{.run = row.run, .plan = stored.state.plan, .show_from = next, .owns = false, .ask = false};
      options.past_waits = true;
      options.take_over = false;
      options.display = display;
      const auto followed = follow(link, context.output, context.clock, options);
      if (followed && followed->stop == Stop::interrupted) return static_cast<Exit>(128 + followed->signal);
      if (followed) return Exit::done;
      if (!is_host_gone(followed.error())) return followed.error();
      next = std::max(next, display->seen() + 1);
    }
    HILLSTAR_TRY(store, read_store(context));
    HILLSTAR_TRY(auto fresh, load_run(*store, row.run));
    LiveRun live;
    live.run = row.run;
    for (const auto& recorded : fresh.history)
      if (recorded.seq >= next) display->event(live, recorded);
    next = std::max(next, fresh.state.version + 1);
    if (run::is_terminal(fresh.state)) return Exit::done;
    if (!said)
      context.output.say("nobody hosts this run now; waiting (`hillstar-actors resume " + row.run.str() +
                         "` goes on with it)");
    said = true;
    std::this_thread::sleep_for(kPoll);
  }
  return Exit::done;
}

/// The lines of a result's texts, indented; what scripts said on stderr too.
Result<void> print_output(Output& output, const Value& result, const ReadBlob& read) {
  HILLSTAR_TRY(const auto document, whole(result, read));
  const auto show = [&output](const char* mark, const bj::value& value) {
    std::string text = value.is_string() ? std::string(value.get_string()) : json::canonical(value);
    std::string_view rest = text;
    std::size_t lines = 0;
    for (; !rest.empty() && lines < kOutputLinesMax; ++lines) {
      const auto end = rest.find('\n');
      output.data(fmt::format("    {} {}", mark, visible(rest.substr(0, end))));
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    if (!rest.empty()) output.data(fmt::format("    {} ... {} more bytes", mark, rest.size()));
  };
  if (const auto* object = document.if_object()) {
    for (const char* key : {"output", "error"})
      if (const auto* member = object->if_contains(key); member != nullptr && !member->is_null())
        show(key[0] == 'o' ? "|" : "!", *member);
  } else if (!document.is_null()) {
    show("|", document);
  }
  return {};
}

}  // namespace

Result<Exit> show_events(Context& context, const EventsArgs& args) {
  if (args.follow) return watch_events(context, args);
  HILLSTAR_TRY(const auto store, read_store(context));
  return print_events(context, *store, args);
}

Result<Exit> show_logs(Context& context, const NodeArgs& args) {
  HILLSTAR_TRY(const auto store, read_store(context));
  HILLSTAR_TRY(const auto row, select_run(*store, args.run));
  HILLSTAR_TRY(const auto stored, load_run(*store, row.run));
  if (!args.node.empty()) {
    HILLSTAR_TRY([[maybe_unused]] const auto node, find_node(*stored.state.plan, args.node));
  }
  const auto read = [&store](const std::string& sha256) { return store->read_blob(sha256); };
  LiveRun live;
  live.run = row.run;
  live.state = run::initial(stored.state.plan);
  auto& output = context.output;
  bj::array array;
  for (const auto& recorded : stored.history) {
    live.observe(recorded);
    const auto* node = node_of(recorded.event);
    if (output.broken() || (!args.node.empty() && (node == nullptr || node->str() != args.node))) continue;
    auto line = progress_line(live, recorded);
    if (!line) line = "        " + std::string(type_name(recorded.event)) + (node != nullptr ? " " + node->str() : "");
    const Value* result = nullptr;
    if (const auto* done = std::get_if<NodeCompleted>(&recorded.event)) result = &done->result;
    if (const auto* failed = std::get_if<NodeAttemptFailed>(&recorded.event)) result = &failed->result;
    if (output.is_json()) {
      bj::object entry{{"seq", recorded.seq}, {"at", to_rfc3339(recorded.at)}, {"text", *line}};
      if (node != nullptr) entry["node"] = node->str();
      if (result != nullptr) {
        HILLSTAR_TRY(entry["result"], whole(*result, read));
      }
      if (output.format() == Format::jsonl)
        output.data(Json::of(entry));
      else
        array.push_back(std::move(entry));
      continue;
    }
    output.data(short_time(recorded.at) + "  " + visible(*line));
    if (result != nullptr) HILLSTAR_CHECK(print_output(output, *result, read));
  }
  if (output.format() == Format::json) output.data(Json::of(array));
  return Exit::done;
}

}  // namespace hillstar::cli
