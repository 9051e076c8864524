// SPDX-License-Identifier: Apache-2.0
// wait: joined to the host it follows the runs; without one it looks at the store. It never becomes the host.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "apps/cli/carry.hpp"
#include "apps/cli/interrupts.hpp"
#include "apps/cli/live_commands.hpp"
#include "apps/cli/protocol.hpp"
#include "apps/cli/run_end.hpp"
#include "apps/cli/selector.hpp"
#include "apps/cli/store_owner.hpp"
#include "apps/cli/talk_commands.hpp"
#include "apps/cli/text.hpp"
#include "apps/cli/wait_policy.hpp"
#include "runtime/run/run.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;
using Steady = std::chrono::steady_clock;

/// A run that shows a standstill must keep it for so long: the events of one step come one by one.
constexpr std::chrono::milliseconds kSettle{60};
/// Between two looks for a host, or for what a run without one has become.
constexpr std::chrono::milliseconds kLook{300};
/// The same once it is known that nobody has it in hand.
constexpr std::chrono::milliseconds kLookSeldom{2000};
/// How often it is seen that nobody has a run in hand before it counts as left alone: another terminal may be taking
/// over. Looks, not time: who was held up has not looked.
constexpr int kLooksAlone = 6;
/// Feed items on their way to this thread before they are dropped, and the store is read again.
constexpr std::size_t kInboxMax = 50'000;

/// Shared with threads of the client and of the signals.
class Inbox {
 public:
  void put(std::size_t run, const FeedItem& item) {
    const std::lock_guard lock(mutex_);
    if (std::holds_alternative<Progress>(item)) return;
    if (items_.size() >= kInboxMax) {
      items_.clear();
      overflown_ = true;
    }
    items_.emplace_back(run, item);
    changed_.notify_one();
  }
  void interrupt(int signal) {
    const std::lock_guard lock(mutex_);
    signal_ = signal;
    changed_.notify_one();
  }
  /// What has come, at once or until `end`.
  std::deque<std::pair<std::size_t, FeedItem>> take(Steady::time_point end) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, end, [this] { return !items_.empty() || signal_ != 0; });
    return std::exchange(items_, {});
  }
  [[nodiscard]] int signal() const {
    const std::lock_guard lock(mutex_);
    return signal_;
  }
  bool take_overflown() {
    const std::lock_guard lock(mutex_);
    return std::exchange(overflown_, false);
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<std::size_t, FeedItem>> items_;
  bool overflown_ = false;
  int signal_ = 0;
};

struct Watched {
  LiveRun live;
  std::optional<std::uint64_t> ticket;  ///< Of the feed; absent: nobody is known to have the run in hand.
  Steady::time_point moved{};           ///< When an event came last; long ago before the first.
  int alone = 0;                        ///< Looks one after the other that found nobody who has it in hand.
  std::uint64_t seen_all = 0;           ///< The last version that was seen to be all there was.
  std::optional<Error> parked;          ///< Why its host does not go on with it.
  Standing standing = Standing::moves;
  bool told = false;
};

class Waiter {
 public:
  Waiter(Context& context, const WaitArgs& args)
      : context_(context),
        any_(args.any),
        quiet_(args.quiet),
        link_({.folder = context.store, .environment = {}, .ephemeral = false}) {}

  Result<Exit> run(const std::vector<std::string>& selectors, std::optional<Millis> timeout) {
    const Interrupts interrupts([inbox = inbox_](int signal) { inbox->interrupt(signal); });
    HILLSTAR_CHECK(find(selectors));
    const auto result = until_enough(timeout ? std::optional(Steady::now() + *timeout) : std::nullopt);
    link_.close();
    return result;
  }

 private:
  Result<void> find(const std::vector<std::string>& selectors) {
    HILLSTAR_TRY(const auto store, read_store(context_));
    for (const auto& selector : selectors) {
      HILLSTAR_TRY(const auto row, select_run(*store, selector));
      const auto same = [&row](const Watched& one) { return one.live.run == row.run; };
      if (std::any_of(runs_.begin(), runs_.end(), same)) continue;
      auto& watched = runs_.emplace_back();
      watched.live.run = row.run;
      HILLSTAR_CHECK(refresh(*store, watched));
    }
    if (runs_.size() > kFeedsMax)
      return Error{Errc::usage, fmt::format("At most {} runs can be waited for at once.", kFeedsMax), "RUN", {}};
    return {};
  }

  Result<Exit> until_enough(std::optional<Steady::time_point> deadline) {
    while (true) {
      if (judge()) return finish(std::nullopt);
      if (const int signal = inbox_->signal(); signal != 0) return finish(static_cast<Exit>(128 + signal));
      const auto now = Steady::now();
      if (deadline && now >= *deadline) return finish(Exit::timeout);
      if (now >= next_look_) {
        HILLSTAR_CHECK(look());
        next_look_ = Steady::now() + pace();
        continue;
      }
      auto wake = std::min(next_look_, now + kSettle);
      if (deadline) wake = std::min(wake, *deadline);
      for (const auto& [index, item] : inbox_->take(wake)) take(runs_[index], item);
      if (inbox_->take_overflown())
        for (auto& watched : runs_) let_go(watched);
    }
  }

  [[nodiscard]] std::chrono::milliseconds pace() const {
    const auto is_open = [](const Watched& one) { return one.standing == Standing::moves && !one.ticket; };
    return std::any_of(runs_.begin(), runs_.end(), is_open) ? kLook : kLookSeldom;
  }

  /// Brings how the runs stand up to date, and tells of those that have ended. True: it is enough.
  bool judge() {
    const auto now = Steady::now();
    std::vector<Standing> standings;
    for (auto& watched : runs_) {
      const bool in_hand = watched.ticket.has_value();
      const bool alone = !in_hand && (watched.parked || watched.alone >= kLooksAlone) && !is_changing_;
      watched.standing = standing_of(watched.live.state, {in_hand, now - watched.moved >= kSettle, alone});
      if (watched.standing == Standing::stands && !has_seen_all(watched)) watched.standing = Standing::moves;
      standings.push_back(watched.standing);
      if (watched.standing != Standing::ended) continue;
      if (watched.ticket) link_.client().unfollow(*std::exchange(watched.ticket, std::nullopt));
      if (context_.output.format() != Format::json) tell(watched);
    }
    return is_enough(standings, any_);
  }

  /// What the feed is still to tell may be what goes on.
  bool has_seen_all(Watched& watched) {
    if (watched.seen_all == watched.live.state.version) return true;
    const auto store = read_store(context_);
    const auto row = store ? (*store)->summary(watched.live.run) : store.error();
    if (row && row->version > watched.live.state.version) return false;
    watched.seen_all = watched.live.state.version;
    return true;
  }

  void take(Watched& watched, const FeedItem& item) {
    if (std::holds_alternative<FeedCut>(item)) return let_go(watched);
    if (const auto* parked = std::get_if<RunParked>(&item)) {
      watched.parked = parked->error;
      return let_go(watched);
    }
    const auto* event = std::get_if<FeedEvent>(&item);
    if (event == nullptr || event->recorded.seq <= watched.live.state.version) return;
    if (event->recorded.seq != watched.live.state.version + 1) return let_go(watched);
    watched.live.observe(event->recorded);
    watched.moved = Steady::now();
  }

  void let_go(Watched& watched) {
    if (!watched.ticket) return;
    watched.ticket.reset();
    watched.alone = 0;
    next_look_ = Steady::now();
  }

  /// Looks for a host that has the runs in hand, and follows them there; what nobody has is read from the store.
  Result<void> look() {
    const auto open = [](const Watched& one) { return !one.ticket && one.standing != Standing::ended; };
    if (std::none_of(runs_.begin(), runs_.end(), open)) return {};
    auto live = joined_ ? link_.client().live_runs() : Result<std::vector<RunId>>(std::vector<RunId>());
    if (!joined_ || !live) {
      for (auto& watched : runs_) let_go(watched);
      joined_ = link_.join_only().has_value();
      if (joined_) live = link_.client().live_runs();
    }
    // Who owns the store and does not answer is about to be its host, or to let go of it.
    is_changing_ = !joined_ && owner_of(context_.store) != 0;
    HILLSTAR_TRY(const auto store, read_store(context_));
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      auto& watched = runs_[i];
      if (!open(watched)) continue;
      HILLSTAR_CHECK(refresh(*store, watched));
      const bool in_hand = joined_ && live && std::find(live->begin(), live->end(), watched.live.run) != live->end();
      watched.alone = in_hand || is_changing_ ? 0 : watched.alone + 1;
      if (!in_hand || watched.parked || run::is_terminal(watched.live.state)) continue;
      auto ticket = link_.client().follow(watched.live.run, watched.live.state.version + 1,
                                          [inbox = inbox_, i](const FeedItem& item) { inbox->put(i, item); });
      if (ticket) watched.ticket = *ticket;
    }
    return {};
  }

  static Result<void> refresh(const persistence::EventStore& store, Watched& watched) {
    HILLSTAR_TRY(const auto row, store.summary(watched.live.run));
    if (row.version == watched.live.state.version) return {};
    HILLSTAR_TRY(auto stored, load_run(store, watched.live.run));
    watched.live.state = std::move(stored.state);
    watched.parked.reset();
    return {};
  }

  Result<Exit> finish(std::optional<Exit> given_up) {
    auto& output = context_.output;
    Exit worst = Exit::done;
    bj::array array;
    for (auto& watched : runs_) {
      const bool shown = given_up || !any_ || watched.standing != Standing::moves;
      if (!shown) continue;
      if (output.format() == Format::json) array.push_back(object_of(watched).value());
      if (output.format() != Format::json) tell(watched);
      hint_at(watched);
      worst = worse_end(worst, exit_of_end(watched.live.state));
    }
    if (output.format() == Format::json && !quiet_) output.data(Json::of(array));
    if (given_up == Exit::timeout) output.warn("gave up waiting; nothing was changed");
    return given_up.value_or(worst);
  }

  [[nodiscard]] static Json object_of(const Watched& watched) {
    auto object = row_object(run::summarize(watched.live.state, watched.live.run)).value().as_object();
    const bool moves = watched.standing == Standing::moves;
    if (watched.live.state.talking > 0) object["waits"] = talk_waits(watched.live.state).value();
    object["exit"] = moves ? bj::value(nullptr) : bj::value(static_cast<int>(exit_of_end(watched.live.state)));
    object["hosted"] = watched.standing == Standing::ended ? bj::value(nullptr) : bj::value(watched.ticket.has_value());
    return Json::of(object);
  }

  void tell(Watched& watched) {
    if (quiet_ || std::exchange(watched.told, true)) return;
    auto& output = context_.output;
    if (output.is_json()) return output.data(object_of(watched));
    const auto row = run::summarize(watched.live.state, watched.live.run);
    std::string line = fmt::format("{}  {:<9}  {}/{}  {}", row.run.str(), row.status, row.nodes_done, row.nodes,
                                   one_line(row.workflow.str(), 32));
    if (watched.standing == Standing::alone) line += "  nobody hosts it";
    if (!row.reason.empty()) line += "  " + one_line(row.reason, 160);
    output.data(line);
  }

  void hint_at(const Watched& watched) const {
    auto& output = context_.output;
    const auto& run = watched.live.run.str();
    if (watched.parked) output.warn(run + " stopped: " + visible(to_string(*watched.parked)));
    if (watched.standing == Standing::alone)
      output.warn(run + " will not go on by itself: nobody hosts it. Take it up with: hillstar-actors resume " + run);
    if (watched.standing == Standing::stands)
      output.warn(run +
                  (watched.live.state.status == run::RunStatus::paused
                       ? " is paused; go on with: hillstar-actors resume "
                       : " waits for a person; see: hillstar-actors show ") +
                  run);
    for (const auto& line : talk_hints(watched.live.state, watched.live.run)) output.warn(line);
  }

  Context& context_;
  bool any_;
  bool quiet_;
  std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();  // shared with feeds and the thread of the signals
  std::vector<Watched> runs_;
  Link link_;
  Steady::time_point next_look_{};
  bool joined_ = false;
  bool is_changing_ = false;
};

}  // namespace

Result<Exit> wait_for_runs(Context& context, const WaitArgs& args) {
  std::optional<Millis> timeout;
  if (args.timeout) {
    HILLSTAR_TRY(timeout, timeout_of(*args.timeout));
  }
  return Waiter(context, args).run(args.runs.empty() ? std::vector<std::string>{"latest"} : args.runs, timeout);
}

}  // namespace hillstar::cli
