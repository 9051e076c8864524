// SPDX-License-Identifier: Apache-2.0
// What a host lets a peer be that has a good certificate, and how much of it gets into the log. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "messages/remote.hpp"

namespace hillstar::actors {

/// From the end of its handshake to its hello.
inline constexpr Millis kHelloTime{5'000};
/// Connections of one certificate that have not said hello.
inline constexpr std::size_t kStrangersMax = 4;
/// Attempts of one worker at once.
inline constexpr std::size_t kAttemptsMax = 10'000;
inline constexpr std::size_t kKeyBytesMax = 1'024;
inline constexpr std::uint32_t kSlotsMax = 1'024;
/// Lines that one worker may have in the log within kLinesWindow; the rest is counted.
inline constexpr std::size_t kLinesMax = 20;
inline constexpr Millis kLinesWindow{2'000};

/// Why a worker that says this may not work here. `version`: of this program.
std::optional<remote::Refused> refusal_of(const remote::Hello& hello, const std::string& version, UtcTime now);

/// A line that somebody else wrote cannot move the cursor, nor begin another line, nor go on for ever.
std::string plain(std::string line);

/// How many lines one worker has said.
class LineLimit {
 public:
  using Moment = std::chrono::steady_clock::time_point;

  /// Whether it may say one more now. False: it was counted.
  bool may_say(Moment now);
  /// Once the window is over: how many were left out of it. Nothing while it lasts.
  [[nodiscard]] std::optional<std::size_t> left_out(Moment now) const;

 private:
  Moment since_{};
  std::size_t said_ = 0;
};

}  // namespace hillstar::actors
