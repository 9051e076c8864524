// SPDX-License-Identifier: Apache-2.0
// What an engine says to the operator, on its way to a terminal that may just be showing a board.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace hillstar::cli {

/// Lines that may wait for their reader; later ones are counted and not kept.
inline constexpr std::size_t kNotesMax = 1'000;

/// Thread-safe. While nobody listens, lines go straight to stderr, in the form that was asked for.
class EngineNotes {
 public:
  void add(const std::string& line);
  /// How a line is written to stderr; any thread, and must not call back. Empty: as it is.
  void write_as(std::function<std::string(const std::string&)> form);
  /// `wake` is called on the thread that adds, must be quick, and must not call back. Empty: nobody listens any more.
  void listen(std::function<void()> wake);
  /// The lines that came since the last call; the last one tells of those that were not kept.
  std::vector<std::string> take();

 private:
  std::mutex mutex_;
  std::function<void()> wake_;
  std::function<std::string(const std::string&)> form_;
  std::vector<std::string> lines_;
  std::size_t dropped_ = 0;
};

}  // namespace hillstar::cli
