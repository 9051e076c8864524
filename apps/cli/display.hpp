// SPDX-License-Identifier: Apache-2.0
// How a followed run is shown: a live board on a terminal, plain lines in a pipe, events as JSON lines.
#pragma once

#include <memory>
#include <string_view>

#include "actors/engine.hpp"
#include "apps/cli/live_run.hpp"
#include "apps/cli/output.hpp"
#include "runtime/platform/clock.hpp"

namespace hillstar::cli {

/// Used by the main thread only.
class Display {
 public:
  virtual ~Display() = default;
  /// `live` has observed the event.
  virtual void event(const LiveRun& live, const Recorded& recorded) = 0;
  virtual void progress(const LiveRun& /*live*/, const Progress& /*piece*/) {}
  /// A line of talk beside the run.
  virtual void note(std::string_view line) = 0;
  /// The same, said even if only what a person must know is.
  virtual void warn(std::string_view line) = 0;
  /// Brings what moves up to date; called several times a second.
  virtual void tick(const LiveRun& /*live*/) {}
  /// Takes away what moves, so that others may print.
  virtual void hide() {}
};

std::unique_ptr<Display> make_display(Output& output, const Clock& clock);

}  // namespace hillstar::cli
