// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/display.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "apps/cli/board.hpp"
#include "apps/cli/protocol.hpp"
#include "apps/cli/text.hpp"

namespace hillstar::cli {
namespace {

constexpr std::size_t kBoardRowsMax = 16;
constexpr std::size_t kStreamedLineMax = 4 * 1024;

Tone tone_of(const Event& event) {
  if (std::holds_alternative<NodeFailed>(event) || std::holds_alternative<LoopExhausted>(event)) return Tone::bad;
  if (std::holds_alternative<NodeAttemptFailed>(event) || std::holds_alternative<NodeAttemptLost>(event) ||
      std::holds_alternative<ApprovalRequested>(event) || std::holds_alternative<RunPaused>(event) ||
      std::holds_alternative<CancelRequested>(event))
    return Tone::warning;
  if (std::holds_alternative<NodeSkipped>(event) || std::holds_alternative<NodeInherited>(event)) return Tone::faint;
  return Tone::plain;
}

class LinesDisplay final : public Display {
 public:
  explicit LinesDisplay(Output& output) : output_(output) {}

  void event(const LiveRun& live, const Recorded& recorded) override {
    if (const auto line = progress_line(live, recorded)) output_.say(output_.paint(tone_of(recorded.event), *line));
  }
  void progress(const LiveRun&, const Progress& piece) override {
    if (!output_.verbose()) return;
    const Unit unit{piece.node, piece.item};
    auto& begun = begun_[unit];
    begun += piece.text;
    for (std::size_t end = begun.find('\n'); end != std::string::npos; end = begun.find('\n')) {
      show(unit, std::string_view(begun).substr(0, end));
      begun.erase(0, end + 1);
    }
    if (begun.size() > kStreamedLineMax) {
      show(unit, begun);
      begun.clear();
    }
  }
  void note(std::string_view line) override { output_.say(line); }
  void warn(std::string_view line) override { output_.warn(line); }

 private:
  void show(const Unit& unit, std::string_view line) { output_.say("  " + to_string(unit) + " | " + visible(line)); }
  Output& output_;
  std::map<Unit, std::string> begun_;
};

class JsonLinesDisplay final : public Display {
 public:
  explicit JsonLinesDisplay(Output& output) : output_(output) {}
  void event(const LiveRun& live, const Recorded& recorded) override { output_.data(record_line(live.run, recorded)); }
  void note(std::string_view line) override { output_.say(line); }
  void warn(std::string_view line) override { output_.warn(line); }

 private:
  Output& output_;
};

class BoardDisplay final : public Display {
 public:
  BoardDisplay(Output& output, const Clock& clock) : output_(output), clock_(clock) {}
  ~BoardDisplay() override { hide(); }

  void event(const LiveRun& live, const Recorded& recorded) override {
    if (const auto line = progress_line(live, recorded)) {
      above_ += output_.paint(tone_of(recorded.event), *line);
      above_ += '\n';
    }
    // A long history must not pile up until the next tick.
    if (above_.size() > kAboveBytesMax) tick(live);
  }
  void note(std::string_view line) override {
    above_ += line;
    above_ += '\n';
  }
  void warn(std::string_view line) override { note(line); }
  void tick(const LiveRun& live) override {
    winsize size{};
    if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) size = {24, 80, 0, 0};
    BoardFrame frame;
    frame.columns = std::max<std::size_t>(size.ws_col, 20) - 1;
    frame.rows = std::clamp<std::size_t>(size.ws_row > 4 ? size.ws_row - 3U : 3U, 3, kBoardRowsMax);
    frame.now = clock_.utc_now();
    frame.color = output_.paint(Tone::good, "x").size() > 1;
    std::string text = erase() + above_;
    above_.clear();
    // Before its first event a run has neither a start nor nodes to count.
    const auto lines = live.state.version > 0 ? board_lines(live, frame) : std::vector<std::string>();
    for (const auto& line : lines) text += line + "\n";
    shown_ = lines.size();
    output_.draw(text);
  }
  void hide() override {
    const std::string text = erase() + above_;
    above_.clear();
    shown_ = 0;
    if (!text.empty()) output_.draw(text);
  }

 private:
  static constexpr std::size_t kAboveBytesMax = 64 * 1024;
  /// Up to the board's first line, and clear from there.
  [[nodiscard]] std::string erase() const {
    return shown_ == 0 ? std::string() : fmt::format("\x1b[{}F\x1b[J", shown_);
  }

  Output& output_;
  const Clock& clock_;
  std::string above_;
  std::size_t shown_ = 0;
};

}  // namespace

std::unique_ptr<Display> make_display(Output& output, const Clock& clock) {
  if (output.format() == Format::jsonl) return std::make_unique<JsonLinesDisplay>(output);
  if (output.stderr_is_terminal() && !output.quiet()) return std::make_unique<BoardDisplay>(output, clock);
  return std::make_unique<LinesDisplay>(output);
}

}  // namespace hillstar::cli
