// SPDX-License-Identifier: Apache-2.0
// Everything happens on the calling thread, in one event loop; engine threads and signals only post to it.
#include "apps/cli/follower.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>

#include "apps/cli/environment.hpp"
#include "apps/cli/interrupts.hpp"
#include "apps/cli/run_parts.hpp"
#include "apps/cli/text.hpp"
#include "runtime/run/live_pieces.hpp"
#include "runtime/run/run.hpp"

namespace hillstar::cli {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::milliseconds kTick{100};
/// A run that shows a wait must keep it for so long: the events of one step come one by one.
constexpr std::chrono::milliseconds kSettle{60};
/// Hosts that may end one after the other before one gives a feed.
constexpr int kHostsMax = 16;
/// Feed items on their way to this thread before the feed is dropped and taken up again.
constexpr std::size_t kInboxMax = 50'000;
constexpr std::size_t kAnswerBytesMax = 4 * 1024;

/// Shared with engine threads, which may hold a callback for a moment after unfollow.
struct Inbox {
  asio::io_context io;
  std::atomic<std::size_t> waiting{0};
};

class Follower {
 public:
  Follower(Link& link, Output& output, const Clock& clock, const FollowOptions& options)
      : link_(link),
        output_(output),
        options_(options),
        display_(options.display ? options.display : make_display(output, clock)),
        inbox_(std::make_shared<Inbox>()),
        ticker_(inbox_->io),
        settler_(inbox_->io),
        keyboard_(inbox_->io) {
    live_.run = options.run;
    live_.state = run::initial(options.plan);
  }

  Result<Followed> run() {
    Interrupts interrupts(
        [inbox = inbox_, this](int signal) { asio::post(inbox->io, [this, signal] { on_interrupt(signal); }); });
    auto& notes = link_.notes();
    notes.listen([inbox = inbox_, this] { asio::post(inbox->io, [this] { show_notes(); }); });
    const auto taken_up = take_up();
    if (taken_up) {
      tick();
      inbox_->io.run();
      if (feed_) link_.client().unfollow(*feed_);
    }
    notes.listen({});
    show_notes();
    display_->hide();
    HILLSTAR_CHECK(taken_up);
    if (failure_) return *std::move(failure_);
    return Followed{stop_, signal_, std::move(live_)};
  }

 private:
  /// What the engine said; on this thread, so that it does not tear the board.
  void show_notes() {
    for (const auto& line : link_.notes().take()) {
      const auto tone = line.starts_with("error") ? Tone::bad : Tone::warning;
      display_->warn(output_.paint(tone, visible(line)));
    }
  }

  /// Follows from the last event seen; joins or replaces the host first if it is gone.
  Result<void> take_up() {
    feed_.reset();
    const auto generation = ++generation_;
    const auto callback = [inbox = inbox_, this, generation, overflown = false](const FeedItem& item) mutable {
      if (overflown) return;
      overflown = inbox->waiting.fetch_add(1) >= kInboxMax;
      FeedItem next = overflown ? FeedItem(FeedCut{}) : item;
      // The raw pointer: what waits in the loop must not keep the loop alive.
      asio::post(inbox->io, [raw = inbox.get(), this, generation, next = std::move(next)] {
        --raw->waiting;
        if (generation == generation_ && !raw->io.stopped()) on_item(next);
      });
    };
    auto feed = link_.client().follow(options_.run, live_.state.version + 1, callback);
    for (int hosts = 0; !feed && is_host_gone(feed.error()) && options_.take_over && hosts < kHostsMax; ++hosts) {
      HILLSTAR_CHECK(replace_host());
      feed = link_.client().follow(options_.run, live_.state.version + 1, callback);
    }
    if (!feed) return feed.error();
    feed_ = *feed;
    settle();
    return {};
  }

  Result<void> replace_host() {
    display_->note("the host of this store ended; another takes over");
    HILLSTAR_CHECK(link_.open());
    if (link_.is_host()) display_->note("this terminal is the host now");
    // A run that ended meanwhile has no use for it.
    (void)link_.set_environment(options_.run, link_.options().environment);
    return {};
  }

  void on_item(const FeedItem& item) {
    if (std::holds_alternative<FeedCut>(item)) return fail_unless(take_up());
    if (const auto* parked = std::get_if<RunParked>(&item)) return fail_unless(parked->error);
    if (const auto* piece = std::get_if<Progress>(&item)) {
      // A feed that is taken up again gives the last of it again.
      auto fresh = *piece;
      fresh.text = pieces_.take(piece->node, piece->item, {piece->attempt, piece->offset, piece->end, piece->text});
      if (fresh.text.empty()) return;
      live_.stream({piece->node, piece->item}, piece->attempt, fresh.text);
      return display_->progress(live_, fresh);
    }
    on_event(std::get<FeedEvent>(item).recorded);
  }

  void on_event(const Recorded& recorded) {
    if (recorded.seq <= live_.state.version) return;
    if (recorded.seq != live_.state.version + 1) return fail_unless(take_up());
    live_.observe(recorded);
    if (recorded.seq >= options_.show_from) display_->event(live_, recorded);
    leave_prompt();
    if (run::is_terminal(live_.state)) return end(signal_ != 0 ? Stop::interrupted : Stop::ended);
    settle();
  }

  /// Looks again once nothing has happened for a moment.
  void settle() {
    settler_.expires_after(kSettle);
    settler_.async_wait([this](auto cancelled) {
      if (cancelled) return;
      if (inbox_->waiting > 0) return settle();
      if (!run::waits_for_person(live_.state)) return;
      if (!has_seen_all() || (live_.state.children > 0 && !parts_rest())) return settle();
      if (signal_ != 0) return end(Stop::interrupted);
      if (options_.past_waits) return;
      if (options_.ask && ask()) return;
      end(Stop::waits);
    });
  }

  /// The events of one step are recorded at once, and come one by one: the next may be what goes on.
  bool has_seen_all() {
    const auto store = link_.reading();
    if (!store) return true;
    const auto row = (*store)->summary(options_.run);
    return !row || row->version <= live_.state.version;
  }

  /// A run that is paused stands still once those do that its nodes wait for.
  bool parts_rest() {
    const auto store = link_.reading();
    return !store || cli::parts_rest(**store, options_.run);
  }

  void on_interrupt(int signal) {
    signal_ = signal;
    leave_prompt();
    if (!options_.owns || run::is_terminal(live_.state)) return end(Stop::interrupted);
    display_->hide();
    display_->note("interrupted: pausing the run; once more ends at once");
    auto told = link_.tell(
        options_.run,
        {.kind = WordKind::pause, .yes = true, .node = 0, .item = {}, .who = person(), .reason = "interrupted"});
    if (!told && told.error().code == Errc::run_state) return;  // it has just ended: the event is on its way
    if (!told) return fail_unless(told.error());
    settle();
  }

  /// May this person still answer? Who has approved waits for others.
  static bool is_asked(const run::NodeState& node) {
    return node.status == run::NodeStatus::held && run::would_count(*node.approval, person(), true);
  }

  /// False if no approval is open that this person may give.
  bool ask() {
    const auto& nodes = live_.state.nodes;
    const auto held = std::find_if(nodes.begin(), nodes.end(), is_asked);
    if (held == nodes.end() || live_.state.status == run::RunStatus::paused) return false;
    asked_ = static_cast<NodeIndex>(held - nodes.begin());
    const auto& id = options_.plan->nodes[*asked_].id;
    ticker_.cancel();
    display_->hide();
    output_.draw(fmt::format("{} {} [y/n, then a reason if you like; q leaves the run waiting] ",
                             output_.paint(Tone::warning, "approve"), visible(id.str())));
    keyboard_.assign(::dup(STDIN_FILENO));
    // Waiting only: reading through asio would make the terminal non-blocking for everyone who shares it.
    keyboard_.async_wait(asio::posix::stream_descriptor::wait_read, [this](auto cancelled) {
      if (!cancelled && asked_) on_answer();
    });
    return true;
  }

  void on_answer() {
    std::array<char, kAnswerBytesMax> buffer;
    const auto got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    std::string_view answer(buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    answer = answer.substr(0, answer.find('\n'));
    const auto word = answer.substr(0, answer.find(' '));
    const bool yes = word == "y" || word == "Y" || word == "yes";
    const bool no = word == "n" || word == "N" || word == "no";
    const NodeIndex node = *asked_;
    leave_prompt();
    if (got <= 0 || word == "q") return end(Stop::waits);
    if (yes || no) {
      const auto reason = word.size() < answer.size() ? answer.substr(word.size() + 1) : std::string_view();
      auto told = link_.tell(options_.run, {.kind = WordKind::answer,
                                            .yes = yes,
                                            .node = node,
                                            .item = {},
                                            .who = person(),
                                            .reason = json::to_utf8(reason)});
      if (!told && told.error().code != Errc::run_state) return fail_unless(told.error());
    }
    settle();
  }

  void leave_prompt() {
    if (!asked_) return;
    asked_.reset();
    keyboard_.close();
    tick();
  }

  void tick() {
    if (!options_.take_over && output_.reader_left()) return end(Stop::ended);
    display_->tick(live_);
    ticker_.expires_after(kTick);
    ticker_.async_wait([this](auto cancelled) {
      if (!cancelled) tick();
    });
  }

  void fail_unless(const Result<void>& result) {
    if (result) return;
    failure_ = result.error();
    inbox_->io.stop();
  }

  void end(Stop stop) {
    stop_ = stop;
    inbox_->io.stop();
  }

  Link& link_;
  Output& output_;
  FollowOptions options_;
  std::shared_ptr<Display> display_;  // shared: the caller may have given it
  std::shared_ptr<Inbox> inbox_;
  asio::steady_timer ticker_;
  asio::steady_timer settler_;
  asio::posix::stream_descriptor keyboard_;
  LiveRun live_;
  run::LivePieces pieces_;
  std::optional<std::uint64_t> feed_;
  std::uint64_t generation_ = 0;  // tells items of the present feed from late ones of an earlier
  std::optional<NodeIndex> asked_;
  std::optional<Error> failure_;
  Stop stop_ = Stop::ended;
  int signal_ = 0;
};

}  // namespace

Result<Followed> follow(Link& link, Output& output, const Clock& clock, const FollowOptions& options) {
  return Follower(link, output, clock, options).run();
}

}  // namespace hillstar::cli
