// SPDX-License-Identifier: Apache-2.0
// top: asks the host again and again, and draws over what it drew before.
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <atomic>
#include <chrono>

#include "apps/cli/carry.hpp"
#include "apps/cli/interrupts.hpp"
#include "apps/cli/span.hpp"
#include "apps/cli/top_view.hpp"
#include "apps/cli/watch_commands.hpp"
#include "apps/http/remote.hpp"

namespace hillstar::cli {
namespace {

using Steady = std::chrono::steady_clock;

constexpr Millis kEveryMin{100};
/// Between two looks at keys and signals.
constexpr Millis kGlance{100};

/// A screen of our own, and keys as they are pressed; given back whatever happens.
class Screen {
 public:
  explicit Screen(Output& output) : output_(output), was_known_(::tcgetattr(STDIN_FILENO, &was_) == 0) {
    if (was_known_) {
      auto raw = was_;
      raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
      ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    output_.draw("\x1b[?1049h\x1b[?25l");
  }
  ~Screen() {
    output_.draw("\x1b[?25h\x1b[?1049l");
    if (was_known_) ::tcsetattr(STDIN_FILENO, TCSANOW, &was_);
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  static TopFrame frame(const Output& output) {
    winsize size{};
    if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) size = {24, 80, 0, 0};
    TopFrame frame;
    frame.columns = std::max<std::size_t>(size.ws_col, 20) - 1;
    frame.rows = std::max<std::size_t>(size.ws_row, 4) - 1;
    frame.color = output.paint(Tone::good, "x").size() > 1;
    return frame;
  }

  void show(const std::vector<std::string>& lines) {
    std::string text = "\x1b[H";
    for (const auto& line : lines) text += line + "\x1b[K\r\n";
    output_.draw(text + "\x1b[J");
  }

  /// Waits; true if `q` was pressed, or nobody types any more.
  static bool is_left(Millis wait) {
    pollfd keys{STDIN_FILENO, POLLIN, 0};
    if (::poll(&keys, 1, static_cast<int>(wait.count())) <= 0) return false;
    char key = 0;
    const auto got = ::read(STDIN_FILENO, &key, 1);
    return got <= 0 || key == 'q' || key == 'Q';
  }

 private:
  Output& output_;
  termios was_{};
  bool was_known_;
};

/// Asks the host if there is one, else looks at the store.
class Source {
 public:
  explicit Source(Context& context)
      : context_(context), link_({.folder = context.store, .environment = {}, .ephemeral = false}) {}

  Result<Json> now() {
    for (int tries = 0; tries < 2; ++tries) {
      if (!joined_) {
        const auto joined = link_.join_only();
        if (!joined && http::is_service_url(context_.store)) return joined.error();
        joined_ = joined.has_value();
      }
      if (!joined_) break;
      auto answer = link_.client().ask({Topic::top, {}, {}, {}});
      if (answer || !is_host_gone(answer.error())) return answer;
      joined_ = false;
    }
    HILLSTAR_TRY(const auto store, read_store(context_));
    return top_document(*store, nullptr, context_.clock.utc_now());
  }

 private:
  Context& context_;
  Link link_;
  bool joined_ = false;
};

Result<Exit> print(Context& context, const TopArgs& args, Millis every) {
  auto& output = context.output;
  std::atomic<int> signal{0};
  const Interrupts interrupts([&signal](int caught) { signal = caught; });
  Source source(context);
  const bool endless = args.count == 0 && output.format() == Format::jsonl;
  Json before;
  for (std::uint64_t shown = 0; endless || shown < std::max<std::uint64_t>(args.count, 1); ++shown) {
    const auto next = Steady::now() + every;
    while (shown > 0 && Steady::now() < next && signal == 0 && !output.reader_left())
      ::poll(nullptr, 0, static_cast<int>(kGlance.count()));
    if (signal != 0) return static_cast<Exit>(128 + signal.load());
    if (output.broken() || output.reader_left()) break;
    HILLSTAR_TRY(auto document, source.now());
    if (output.is_json())
      output.data(document);
    else
      for (const auto& line : top_lines(document, before, {.columns = 200})) output.data(line);
    before = std::move(document);
  }
  return Exit::done;
}

Result<Exit> draw(Context& context, const TopArgs& args, Millis every) {
  std::atomic<int> signal{0};
  const Interrupts interrupts([&signal](int caught) { signal = caught; });
  Source source(context);
  HILLSTAR_TRY(auto document, source.now());
  Json before;
  Screen screen(context.output);
  for (std::uint64_t shown = 1;; ++shown) {
    const auto next = Steady::now() + every;
    screen.show(top_lines(document, before, Screen::frame(context.output)));
    if (shown == args.count) return Exit::done;
    while (Steady::now() < next) {
      if (signal != 0) return static_cast<Exit>(128 + signal.load());
      if (Screen::is_left(kGlance)) return Exit::done;
    }
    before = std::move(document);
    HILLSTAR_TRY(document, source.now());
  }
}

}  // namespace

Result<Exit> show_top(Context& context, const TopArgs& args) {
  HILLSTAR_TRY(const auto every, span_of(args.every));
  if (every < kEveryMin) return Error{Errc::usage, "A table is drawn ten times a second at most.", "--every", {}};
  const auto& output = context.output;
  const bool is_seen = ::isatty(STDIN_FILENO) == 1 && output.stdout_is_terminal() && output.stderr_is_terminal();
  return is_seen && !output.is_json() && !output.quiet() ? draw(context, args, every) : print(context, args, every);
}

}  // namespace hillstar::cli
