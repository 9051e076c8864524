// SPDX-License-Identifier: Apache-2.0
// Answers and streamed events as they stand on the wire. Pure.
#pragma once

#include <string>
#include <string_view>

#include "apps/http/exchange.hpp"

namespace hillstar::http {

struct HeadFacts {
  bool keeps = true;         ///< The connection stays open.
  bool old = false;          ///< The client speaks HTTP/1.0.
  bool streams = false;      ///< No length: chunks follow, or with HTTP/1.0 bytes until the end.
  std::int64_t seconds = 0;  ///< Now, since 1970.
};
/// Status line and fields, with the blank line. Fields that would break the head are left out.
std::string head_text(const Response& response, const HeadFacts& facts);

/// `Sun, 22 Nov 2026 16:00:00 GMT`.
std::string http_date(std::int64_t seconds);

/// One server-sent event. Line ends in id and event are dropped; each line of data stands in a line of its own.
std::string event_text(std::string_view id, std::string_view event, std::string_view data);
/// The same as one WebSocket message: `{"data":"...","event":"...","id":"..."}`, without members that are empty.
std::string message_text(std::string_view id, std::string_view event, std::string_view data);
/// One chunk of a chunked body; none for no bytes, which would end it.
std::string chunk_text(std::string_view bytes);

}  // namespace hillstar::http
