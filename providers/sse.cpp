// SPDX-License-Identifier: Apache-2.0
#include "providers/sse.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace hillstar::providers {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::int64_t kRetryMillisMax = 600'000;

}  // namespace

Result<std::vector<SseEvent>> SseParser::feed(std::string_view bytes) {
  if (failed_) return too_large();
  std::vector<SseEvent> events;
  if (after_cr_ && !bytes.empty()) {
    if (bytes.front() == '\n') bytes.remove_prefix(1);
    after_cr_ = false;
  }
  while (!bytes.empty()) {
    const auto end = bytes.find_first_of("\r\n");
    if (!append_line(bytes.substr(0, end))) return too_large();
    if (end == std::string_view::npos) break;
    const bool carriage_return = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    if (carriage_return) {
      // A bare CR ends a line at once; whether it was half of a CR LF shows only with the next byte.
      if (bytes.empty())
        after_cr_ = true;
      else if (bytes.front() == '\n')
        bytes.remove_prefix(1);
    }
    end_line(events);
    if (failed_) return too_large();
  }
  return events;
}

bool SseParser::append_line(std::string_view piece) {
  if (piece.size() > event_bytes_max_ - std::min(line_.size(), event_bytes_max_)) {
    failed_ = true;
    return false;
  }
  line_ += piece;
  return true;
}

void SseParser::end_line(std::vector<SseEvent>& events) {
  std::string_view line = line_;
  if (at_start_ && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
  at_start_ = false;
  if (line.empty()) {
    if (has_data_) {
      if (!data_.empty()) data_.pop_back();
      events.push_back({.event = std::move(event_), .data = std::move(data_), .id = id_});
    }
    event_.clear();
    data_.clear();
    has_data_ = false;
  } else if (const auto colon = line.find(':'); colon != 0) {
    std::string_view value;
    if (colon != std::string_view::npos) {
      value = line.substr(colon + 1);
      if (value.starts_with(' ')) value.remove_prefix(1);
    }
    field(line.substr(0, colon), value);
  }
  line_.clear();
}

void SseParser::field(std::string_view name, std::string_view value) {
  if (name == "data") {
    if (data_.size() + value.size() > event_bytes_max_) {
      failed_ = true;
      return;
    }
    data_ += value;
    data_ += '\n';
    has_data_ = true;
  } else if (name == "event") {
    event_ = value;
  } else if (name == "id") {
    if (value.find('\0') == std::string_view::npos) id_ = value;
  } else if (name == "retry") {
    std::int64_t millis = 0;
    const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), millis);
    const bool digits = !value.empty() && value.find_first_not_of("0123456789") == std::string_view::npos;
    if (digits) retry_ = Millis(code == std::errc{} ? std::min(millis, kRetryMillisMax) : kRetryMillisMax);
  }
}

Error SseParser::too_large() {
  line_.clear();
  data_.clear();
  return {Errc::output_limit, "An event of the stream is larger than " + std::to_string(event_bytes_max_) + " bytes."};
}

}  // namespace hillstar::providers
