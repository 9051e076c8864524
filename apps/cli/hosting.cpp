// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/hosting.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include "apps/cli/environment.hpp"
#include "apps/cli/follower.hpp"
#include "apps/cli/interrupts.hpp"
#include "apps/cli/report.hpp"

namespace hillstar::cli {
namespace {

constexpr std::chrono::milliseconds kHostingPoll{200};
/// Runs that nobody follows get a moment: most of them end, or somebody takes them up.
constexpr int kQuietPolls = 5;

class Silence final : public Display {
 public:
  explicit Silence(Output& output) : output_(output) {}
  void event(const LiveRun& /*live*/, const Recorded& /*recorded*/) override {}
  void note(std::string_view line) override { output_.say(line); }
  void warn(std::string_view line) override { output_.warn(line); }

 private:
  Output& output_;
};

/// The run, or one that it is a part of, is among them.
bool is_part_of(const persistence::EventStore& store, run::Summary row, const std::set<RunId>& runs) {
  while (!runs.contains(row.run)) {
    if (!row.above) return false;
    auto above = store.summary(row.above->run);
    if (!above) return false;
    row = *std::move(above);
  }
  return true;
}

/// Runs that go on in this process, and are not followed by anybody else. Those that wait for a person need no host.
std::vector<RunId> moving_alone(const Link& link) {
  std::vector<RunId> moving;
  const auto store = link.reading();
  if (!store) return moving;
  // In this order: a run that starts in between is not seen as one that nobody follows.
  const auto live = link.live_runs();
  const auto others = link.followed_by_others();
  const std::set<RunId> followed(others.begin(), others.end());
  for (const auto& run : live) {
    const auto row = (*store)->summary(run);
    if (row && row->status == "running" && !is_part_of(**store, *row, followed)) moving.push_back(run);
  }
  return moving;
}

/// Until nothing of it is in flight: an end that comes when the engine stops is not recorded, and counts as lost.
void await_standstill(Context& context, Link& link, const RunId& run) {
  const auto store = link.reading();
  if (!store) return;
  auto stored = load_run(**store, run);
  if (!stored) return;
  FollowOptions options{.run = run, .plan = stored->state.plan, .owns = false, .ask = false};
  options.display = silent_display(context.output);
  (void)follow(link, context.output, context.clock, options);
}

/// Runs that were recovered here and that nobody follows: paused, so that they neither run unseen nor count as lost.
void pause_abandoned(Context& context, Link& link) {
  for (const auto& run : moving_alone(link)) {
    const auto facts = link.tell(
        run,
        {.kind = WordKind::pause, .yes = true, .node = 0, .item = {}, .who = person(), .reason = "its host ended"});
    if (!facts || facts->empty()) continue;
    await_standstill(context, link, run);
    context.output.say("paused " + run.str() + ", which was interrupted earlier; resume with: hillstar-actors resume " +
                       run.str());
  }
}

}  // namespace

std::shared_ptr<Display> silent_display(Output& output) { return std::make_shared<Silence>(output); }

void host_others(Context& context, Link& link) {
  if (!link.is_host()) return;
  std::atomic<bool> interrupted{false};
  const Interrupts interrupts([&interrupted](int) { interrupted = true; });
  std::size_t said = 0;
  for (int quiet = 0; !interrupted;) {
    const auto followed = link.followed_by_others().size();
    const bool is_calm = followed == 0 && (quiet >= kQuietPolls || moving_alone(link).empty());
    if (is_calm && link.leave_if_unused()) break;
    quiet = followed == 0 ? quiet + 1 : 0;
    if (followed != said && followed > 0)
      context.output.say(
          fmt::format("hosting {} run{} of other terminals; Ctrl-C hands over", followed, followed == 1 ? "" : "s"));
    said = followed;
    std::this_thread::sleep_for(kHostingPoll);
  }
  // What the last calls have set going: those who made them do not wait for it.
  for (int polls = 0; polls < kQuietPolls && !interrupted && !moving_alone(link).empty(); ++polls)
    std::this_thread::sleep_for(kHostingPoll);
  pause_abandoned(context, link);
}

}  // namespace hillstar::cli
