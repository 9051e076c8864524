// SPDX-License-Identifier: Apache-2.0
// Server-sent events, from bytes that arrive in any pieces. Pure and bounded.
//
// Source: WHATWG HTML Living Standard, section 9.2.6 "Interpreting an event stream".
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"
#include "messages/units.hpp"

namespace hillstar::providers {

struct SseEvent {
  std::string event;  ///< Empty: the default type, `message`.
  std::string data;   ///< Lines of `data:`, joined by line feeds.
  std::string id;     ///< Last id of the stream so far.
};

/// Not thread-safe. One per stream.
class SseParser {
 public:
  /// @param event_bytes_max  largest line, and largest data of one event
  explicit SseParser(std::size_t event_bytes_max = 4U << 20U) : event_bytes_max_(event_bytes_max) {}

  /// Returns the events that became complete. An event without its blank line never is (as the standard says).
  /// Error output_limit: something was larger than the limit; the parser then stays at that error.
  Result<std::vector<SseEvent>> feed(std::string_view bytes);
  /// Last `retry:` of the stream.
  [[nodiscard]] std::optional<Millis> retry() const { return retry_; }

 private:
  bool append_line(std::string_view piece);
  void end_line(std::vector<SseEvent>& events);
  void field(std::string_view name, std::string_view value);
  Error too_large();

  std::size_t event_bytes_max_;
  std::string line_;
  std::string event_;
  std::string data_;
  std::string id_;
  std::optional<Millis> retry_;
  bool has_data_ = false;  ///< An event with empty data is one too.
  bool after_cr_ = false;  ///< The next line feed belongs to the line end before it.
  bool at_start_ = true;   ///< A byte order mark may still come.
  bool failed_ = false;
};

}  // namespace hillstar::providers
