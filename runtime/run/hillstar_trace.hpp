// SPDX-License-Identifier: Apache-2.0
// One event as a line of a trace and a line of a log. For the hillstar_*.cpp files of this folder.
#pragma once

#include <boost/json/fwd.hpp>
#include <memory>
#include <optional>
#include <string>

#include "messages/events.hpp"
#include "runtime/run/hillstar_history.hpp"
#include "runtime/run/hillstar_names.hpp"

namespace hillstar::run {

/// Where this run's files are, relative to the folder that holds the output folder: `.hillstar/traces/...`.
struct HillstarPlaces {
  std::string trace;
  std::string log;
  std::string audit_trace;
  std::string audit_log;
};

/// An event in Hillstar's words.
class TraceEntry {
 public:
  /// `history` has taken the event already.
  TraceEntry(const HillstarHistory& history, const Event& event, const HillstarPlaces& places,
             const HashText& sha256_hex);
  ~TraceEntry();
  TraceEntry(const TraceEntry&) = delete;
  TraceEntry& operator=(const TraceEntry&) = delete;

  /// Both end in a newline.
  [[nodiscard]] std::string trace_line() const;
  [[nodiscard]] std::string log_line() const;

 private:
  struct Fields;
  struct Writer;

  const HillstarHistory& history_;
  std::string type_;
  std::string message_;
  std::optional<NodeIndex> node_;
  std::unique_ptr<Fields> fields_;
};

}  // namespace hillstar::run
