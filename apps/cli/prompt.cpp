// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/prompt.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <string>

#include "apps/cli/interrupts.hpp"
#include "runtime/platform/descriptor.hpp"

namespace hillstar::cli {
namespace {

/// What is typed is not shown while it lives.
class NoEcho {
 public:
  explicit NoEcho(bool terminal) : on_(terminal && ::tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!on_) return;
    termios hidden = before_;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    on_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0;
  }
  ~NoEcho() {
    if (on_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;

 private:
  termios before_{};
  bool on_;
};

void say(std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written <= 0 && errno != EINTR) return;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::string trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin));
}

}  // namespace

struct Prompt::Inner {
  std::atomic<int> signal{0};
  Descriptor woken{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  Interrupts interrupts{[this](int number) {
    signal = number;
    const std::uint64_t one = 1;
    (void)!::write(woken.get(), &one, sizeof one);
  }};
  std::string read;  ///< Beyond the last line that was taken.
  bool at_end = false;

  Answer line() {
    while (true) {
      if (signal != 0) return {{}, false, signal};
      if (const auto end = read.find('\n'); end != std::string::npos || (at_end && !read.empty())) {
        Answer answer{trimmed(std::string_view(read).substr(0, end)), false, 0};
        read.erase(0, end == std::string::npos ? end : end + 1);
        return answer;
      }
      if (at_end || read.size() > kAnswerBytesMax) return {{}, true, 0};
      more();
    }
  }

  void more() {
    std::array<pollfd, 2> wait{{{STDIN_FILENO, POLLIN, 0}, {woken.get(), POLLIN, 0}}};
    if (::poll(wait.data(), wait.size(), -1) < 0 || wait[0].revents == 0) return;
    std::array<char, 4096> piece;
    const auto got = ::read(STDIN_FILENO, piece.data(), piece.size());
    if (got > 0) read.append(piece.data(), static_cast<std::size_t>(got));
    at_end = got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN);
    std::fill(piece.begin(), piece.end(), '\0');
  }
};

Prompt::Prompt() : inner_(std::make_unique<Inner>()) {}
Prompt::~Prompt() = default;

bool Prompt::is_terminal() const { return ::isatty(STDIN_FILENO) == 1; }
int Prompt::signal() const { return inner_->signal; }

Answer Prompt::ask(std::string_view question) {
  say(question);
  auto answer = inner_->line();
  // What comes from a pipe is not on the screen, nor is the end of its line.
  if (!is_terminal() || !answer.given()) say("\n");
  return answer;
}

Answer Prompt::ask_hidden(std::string_view question) {
  const NoEcho hidden(is_terminal());
  say(question);
  auto answer = inner_->line();
  if (is_terminal() || !question.empty()) say("\n");
  return answer;
}

}  // namespace hillstar::cli
