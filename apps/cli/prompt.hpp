// SPDX-License-Identifier: Apache-2.0
// Questions to the person at the terminal, or to the script behind a pipe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace hillstar::cli {

inline constexpr std::size_t kAnswerBytesMax = 1U << 16U;

struct Answer {
  std::string text;    ///< Without the end of the line and blanks around it.
  bool ended = false;  ///< Nothing more comes.
  int signal = 0;      ///< Not 0: the person wants to stop.

  [[nodiscard]] bool given() const { return !ended && signal == 0; }
};

/// Catches SIGINT, SIGTERM and SIGHUP while it lives; a second one ends the process. Main thread only.
class Prompt {
 public:
  Prompt();
  ~Prompt();
  Prompt(const Prompt&) = delete;
  Prompt& operator=(const Prompt&) = delete;

  [[nodiscard]] bool is_terminal() const;
  /// Writes `question` to stderr and reads a line.
  Answer ask(std::string_view question);
  /// The same without echo.
  Answer ask_hidden(std::string_view question);
  /// What came of a signal between questions; 0: none.
  [[nodiscard]] int signal() const;

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace hillstar::cli
