// SPDX-License-Identifier: Apache-2.0
#include "actors/timer_source.hpp"

#include <algorithm>

#include "runtime/platform/time_zone.hpp"

namespace hillstar::actors {
namespace {

constexpr Millis kRetry{1'000};
/// Firings without a run that one look records; the rest follows at once.
constexpr int kPassedOverMax = 16;
constexpr Millis kForEver{3'600'000};

Result<stream::Timer> timer_of(const StreamStatus& status) {
  const auto& trigger = *status.declared.entry.timer;
  TimeZone zone;
  if (trigger.time_zone) {
    HILLSTAR_TRY(zone, load_time_zone(*trigger.time_zone));
  }
  return stream::make_timer(status.declared.stream, trigger, std::move(zone));
}

}  // namespace

void TimerSource::on_streams(const std::vector<StreamStatus>& streams) {
  auto old = std::exchange(lines_, {});
  for (const auto& status : streams) {
    const auto& name = status.declared.stream;
    if (status.removed || !status.declared.entry.timer) continue;
    auto timer = timer_of(status);
    if (!timer) {
      parts().log("error " + to_string(timer.error()) + " The timer of the stream '" + name + "' does not run.");
      continue;
    }
    Line line{*std::move(timer),
              {status.declared_at.value_or(UtcTime{}), status.last_due},
              status.declared.entry.dedupe.has_value(),
              false,
              {}};
    // What is on its way is not in the history yet.
    if (const auto known = old.find(name); known != old.end()) {
      line.busy = known->second.busy;
      line.state.last_due = std::max(line.state.last_due, known->second.state.last_due);
    }
    lines_.emplace(name, std::move(line));
  }
}

Millis TimerSource::step() {
  auto wait = kForEver;
  for (auto& [name, line] : lines_)
    if (!line.busy && !is_over()) wait = std::min(wait, look(name, line));
  return wait;
}

Millis TimerSource::look(const std::string& name, Line& line) {
  const auto steady = parts().clock.steady_now();
  if (line.retry_at && steady < *line.retry_at) return std::chrono::ceil<Millis>(*line.retry_at - steady);
  line.retry_at.reset();
  for (int i = 0; i < kPassedOverMax; ++i) {
    const auto now = parts().clock.utc_now();
    const auto firings = stream::firings_at(line.timer, line.state, now);
    if (firings.now.empty())
      return firings.wake_at ? Millis((firings.wake_at->micros - now.micros + 999) / 1000) : kForEver;
    // One at a time: what follows depends on what became of it.
    const auto& firing = firings.now.front();
    if (!firing.skipped) {
      fire(name, line, firing.due);
      return kForEver;
    }
    if (!pass_over(name, line, firing.due, *firing.skipped)) return kRetry;
  }
  return Millis(0);
}

bool TimerSource::pass_over(const std::string& name, Line& line, UtcTime due, const std::string& reason) {
  const auto done = parts().engine.skip_firing(name, due, reason);
  if (!done) {
    line.retry_at = parts().clock.steady_now() + kRetry;
    parts().log("error " + to_string(done.error()));
    return false;
  }
  line.state.last_due = due;
  return true;
}

void TimerSource::fire(const std::string& name, Line& line, UtcTime due) {
  TriggerRun request;
  request.stream = name;
  request.kind = TriggerKind::timer;
  std::string document = "{\"due\":\"" + to_rfc3339(due) + "\",\"stream\":";
  json::append_string(document, name);
  request.event = Json::from_canonical(document + "}");
  if (!line.has_key) request.key = stream::timer_key(due);
  request.due = due;
  request.started_by = "timer";
  line.busy = true;
  trigger(std::move(request), [this, name, due](const Result<Accepted>& answer) { on_answer(name, due, answer); });
}

void TimerSource::on_answer(const std::string& name, UtcTime due, const Result<Accepted>& answer) {
  const auto found = lines_.find(name);
  if (found == lines_.end()) return;
  auto& line = found->second;
  line.busy = false;
  if (answer && !answer->repeated) {
    line.state.last_due = due;
  } else if (answer) {
    // The process died between the run and the record of its firing.
    pass_over(name, line, due, "the run " + answer->run.str() + " was accepted for it before");
  } else if (answer.error().code == Errc::run_state) {
    // The stream left it out because of a run that is under way, and has recorded that.
    line.state.last_due = due;
  } else if (is_passing(answer.error().code) && answer.error().code != Errc::stream_full &&
             answer.error().code != Errc::rate_limited) {
    line.retry_at = parts().clock.steady_now() + kRetry;
  } else {
    parts().log("warning: The stream '" + name + "' starts no run for its firing of " + to_rfc3339(due) + ": " +
                answer.error().message);
    pass_over(name, line, due, answer.error().message);
  }
}

}  // namespace hillstar::actors
