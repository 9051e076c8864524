// SPDX-License-Identifier: Apache-2.0
// All timers of an engine's streams on one thread. What fires when, runtime/stream/timer.hpp decides.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "actors/trigger_source.hpp"
#include "runtime/stream/timer.hpp"

namespace hillstar::actors {

class TimerSource final : public TriggerSource {
 public:
  using TriggerSource::TriggerSource;
  ~TimerSource() override { stop(); }

 private:
  struct Line {
    stream::Timer timer;
    stream::TimerState state;
    bool has_key = false;  ///< The entry point makes one.
    bool busy = false;     ///< A firing is on its way: the next one is looked at after it.
    std::optional<std::chrono::steady_clock::time_point> retry_at;
  };

  void on_streams(const std::vector<StreamStatus>& streams) override;
  Millis step() override;
  Millis look(const std::string& name, Line& line);
  void fire(const std::string& name, Line& line, UtcTime due);
  void on_answer(const std::string& name, UtcTime due, const Result<Accepted>& answer);
  bool pass_over(const std::string& name, Line& line, UtcTime due, const std::string& reason);

  std::map<std::string, Line> lines_;
};

}  // namespace hillstar::actors
