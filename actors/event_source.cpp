// SPDX-License-Identifier: Apache-2.0
#include "actors/event_source.hpp"

#include <algorithm>

#include "persistence/event_codec.hpp"

namespace hillstar::actors {
namespace {

constexpr Millis kForEver{3'600'000};
/// Between two records of a cursor.
constexpr Millis kCursorEvery{10'000};
/// Histories are written side by side, by clocks that may be set: so much is read again.
constexpr Millis kMargin{300'000};
/// Sources that are kept in memory.
constexpr std::size_t kSourcesMax = 10'000;

UtcTime before(UtcTime time, Millis margin) { return {std::max<std::int64_t>(0, time.micros - margin.count() * 1000)}; }

}  // namespace

void EventSource::on_commit(const RunId& history, const std::vector<Recorded>& events) {
  bool any = false;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& recorded : events) {
      if (!types_.contains(type_name(recorded.event))) continue;
      any = true;
      if (waiting_.size() < kEventsWaitingMax)
        waiting_.push_back({history, recorded});
      else
        overrun_ = true;
    }
  }
  if (any) mailbox()->wake();
}

void EventSource::on_streams(const std::vector<StreamStatus>& streams) {
  auto old = std::exchange(lines_, {});
  std::set<std::string, std::less<>> types;
  for (const auto& status : streams) {
    const auto& declared = status.declared;
    const auto& trigger = declared.entry.event;
    if (status.removed || !trigger) continue;
    types.insert(trigger->types.begin(), trigger->types.end());
    if (const auto known = old.find(declared.stream); known != old.end() && known->second.trigger == *trigger) {
      known->second.has_key = declared.entry.dedupe.has_value();
      lines_.emplace(declared.stream, std::move(known->second));
      continue;
    }
    Line line;
    line.trigger = *trigger;
    line.declared_at = status.declared_at.value_or(UtcTime{});
    line.has_key = declared.entry.dedupe.has_value();
    line.cursor = std::max(line.declared_at, UtcTime{static_cast<std::int64_t>(status.cursor)});
    line.recorded = line.seen = line.cursor;
    lines_.emplace(declared.stream, std::move(line));
  }
  // From here on commits are told; those before are found in the store.
  const std::lock_guard lock(mutex_);
  types_ = std::move(types);
}

Millis EventSource::step() {
  for (auto& [name, line] : lines_)
    if (line.behind && line.offers.empty() && !line.busy && !is_over()) catch_up(name, line);
  take_waiting();
  auto wait = kForEver;
  for (auto& [name, line] : lines_) wait = std::min(wait, advance(name, line));
  return wait;
}

void EventSource::take_waiting() {
  std::deque<Waiting> waiting;
  bool overrun = false;
  {
    const std::lock_guard lock(mutex_);
    waiting.swap(waiting_);
    overrun = std::exchange(overrun_, false);
  }
  for (const auto& [history, recorded] : waiting)
    for (auto& [name, line] : lines_)
      if (!line.behind) consider(name, line, history, recorded);
  if (!overrun) return;
  for (auto& [name, line] : lines_) line.behind = true;
}

std::vector<EventSource::Waiting> EventSource::changed_since(UtcTime since, const Line& line, bool& more) {
  const auto& store = parts().engine.store();
  const auto earlier = [](const Waiting& a, const Waiting& b) { return a.recorded.at < b.recorded.at; };
  std::vector<Waiting> found;
  const auto take_oldest = [&] {
    std::stable_sort(found.begin(), found.end(), earlier);
    if (found.size() <= kEventsWaitingMax) return;
    more = true;
    found.erase(found.begin() + kEventsWaitingMax, found.end());
  };
  const auto read = [&](const RunId& history) {
    const auto recorded = store.read(history);
    if (!recorded) return parts().log("error " + to_string(recorded.error()));
    for (const auto& one : *recorded)
      if (one.at >= since && stream::matches_type(line.trigger, type_name(one.event))) found.push_back({history, one});
    if (found.size() > 2 * kEventsWaitingMax) take_oldest();
  };
  const auto listed = store.list([&](const run::Summary& row) {
    if (row.updated_at >= since) read(row.run);
    return !is_over();
  });
  if (!listed) parts().log("error " + to_string(listed.error()));
  if (const auto streams = store.streams())
    for (const auto& history : *streams) read(history);
  take_oldest();
  return found;
}

void EventSource::catch_up(const std::string& name, Line& line) {
  const auto since = std::max(line.declared_at, line.exact ? line.cursor : before(line.cursor, kMargin));
  bool more = false;
  const auto found = changed_since(since, line, more);
  if (is_over()) return;
  line.behind = line.exact = more;
  for (const auto& [history, recorded] : found) consider(name, line, history, recorded);
}

std::optional<stream::Source> EventSource::source_of(const RunId& history) {
  if (const auto known = sources_.find(history); known != sources_.end()) return known->second;
  const auto& store = parts().engine.store();
  const auto first = store.read_records(history, 1, 1);
  if (!first || first->empty()) return std::nullopt;
  const auto recorded = persistence::decode(first->front().line, history);
  if (!recorded) return std::nullopt;
  stream::Source source{history, {}, {}, 0};
  if (const auto* started = std::get_if<RunStarted>(&recorded->event)) {
    source.workflow = started->workflow;
    if (started->trigger) {
      source.stream = started->trigger->stream;
      source.depth = started->trigger->depth;
    }
  } else if (const auto* declared = std::get_if<StreamDeclared>(&recorded->event)) {
    source.workflow = declared->workflow;
    source.stream = declared->stream;
  }
  if (sources_.size() >= kSourcesMax) sources_.clear();
  return sources_.emplace(history, source).first->second;
}

void EventSource::consider(const std::string& name, Line& line, const RunId& history, const Recorded& recorded) {
  // A run that changes shared state and follows from such a change would go round for ever: nothing counts its depth.
  if (recorded.at < line.declared_at || is_state_history(history)) return;
  if (!stream::matches_type(line.trigger, type_name(recorded.event))) return;
  const auto source = source_of(history);
  if (!source || !stream::matches(line.trigger, *source, recorded.event)) return;
  const auto depth = stream::depth_after(line.trigger, *source);
  if (!depth) {
    parts().log("error " + to_string(depth.error()) + " The stream '" + name + "' does not start it.");
    parts().engine.end_chain(name, depth.error().message);
    return;
  }
  if (line.offers.size() >= kEventsWaitingMax) {
    line.behind = true;
    return;
  }
  line.seen = std::max(line.seen, recorded.at);
  TriggerRun request;
  request.stream = name;
  request.kind = TriggerKind::event;
  request.event = stream::event_document(*source, recorded);
  if (!line.has_key) request.key = stream::event_key(history, recorded.seq);
  request.cause = Origin{history, recorded.seq};
  request.depth = *depth;
  request.started_by = "event";
  line.offers.push_back(std::move(request));
}

Millis EventSource::advance(const std::string& name, Line& line) {
  if (line.busy) return kForEver;
  const auto now = parts().clock.steady_now();
  if (line.retry_at && now < *line.retry_at) return std::chrono::ceil<Millis>(*line.retry_at - now);
  line.retry_at.reset();
  if (!line.offers.empty()) {
    line.busy = true;
    const auto& request = line.offers.front();
    trigger(request,
            [this, name, cause = *request.cause](const Result<Accepted>& answer) { on_answer(name, cause, answer); });
    return kForEver;
  }
  line.cursor = std::max(line.cursor, line.seen);
  if (line.behind) return Millis(0);
  if (line.cursor == line.recorded) return kForEver;
  const auto next = line.recorded_at + kCursorEvery;
  if (now < next) return std::chrono::ceil<Millis>(next - now);
  record_cursor(name, line);
  return kForEver;
}

void EventSource::record_cursor(const std::string& name, Line& line) {
  line.recorded_at = parts().clock.steady_now();
  const auto done = parts().engine.move_cursor(name, static_cast<std::uint64_t>(line.cursor.micros));
  if (done)
    line.recorded = line.cursor;
  else
    parts().log("error " + to_string(done.error()));
}

void EventSource::on_answer(const std::string& name, const Origin& cause, const Result<Accepted>& answer) {
  const auto found = lines_.find(name);
  if (found == lines_.end()) return;
  auto& line = found->second;
  // The stream was declared anew meanwhile: the answer is of another line.
  if (!line.busy || line.offers.empty() || line.offers.front().cause != cause) return;
  line.busy = false;
  if (!answer && is_passing(answer.error().code)) {
    line.retry_at = parts().clock.steady_now() + wait_after(answer.error().code);
    return;
  }
  line.offers.pop_front();
  if (answer) return;
  parts().log("warning: The stream '" + name + "' starts no run for event " + std::to_string(cause.seq) + " of " +
              cause.run.str() + ": " + answer.error().message);
}

}  // namespace hillstar::actors
