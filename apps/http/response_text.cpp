// SPDX-License-Identifier: Apache-2.0
#include "apps/http/response_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "messages/json.hpp"

namespace hillstar::http {
namespace {

struct Reason {
  unsigned status;
  std::string_view text;
};
constexpr std::array<Reason, 26> kReasons{{{200, "OK"},
                                           {201, "Created"},
                                           {202, "Accepted"},
                                           {204, "No Content"},
                                           {206, "Partial Content"},
                                           {303, "See Other"},
                                           {304, "Not Modified"},
                                           {400, "Bad Request"},
                                           {401, "Unauthorized"},
                                           {403, "Forbidden"},
                                           {404, "Not Found"},
                                           {405, "Method Not Allowed"},
                                           {406, "Not Acceptable"},
                                           {409, "Conflict"},
                                           {410, "Gone"},
                                           {413, "Content Too Large"},
                                           {414, "URI Too Long"},
                                           {415, "Unsupported Media Type"},
                                           {417, "Expectation Failed"},
                                           {422, "Unprocessable Content"},
                                           {429, "Too Many Requests"},
                                           {431, "Request Header Fields Too Large"},
                                           {500, "Internal Server Error"},
                                           {501, "Not Implemented"},
                                           {503, "Service Unavailable"},
                                           {504, "Gateway Timeout"}}};

std::string_view reason_of(unsigned status) {
  const auto* found =
      std::find_if(kReasons.begin(), kReasons.end(), [&](const Reason& reason) { return reason.status == status; });
  return found == kReasons.end() ? std::string_view("Answer") : found->text;
}

/// Neither a line end nor anything else that ends a field.
bool is_field(std::string_view name, std::string_view value) {
  const auto is_control = [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; };
  return !name.empty() && std::none_of(value.begin(), value.end(), is_control) &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

void add(std::string& head, std::string_view name, std::string_view value) {
  if (!is_field(name, value)) return;
  head.append(name).append(": ").append(value).append("\r\n");
}

std::string without_line_ends(std::string_view text) {
  std::string result(text);
  std::erase_if(result, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
  return result;
}

}  // namespace

std::string http_date(std::int64_t seconds) {
  constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t time = seconds;
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays[static_cast<std::size_t>(parts.tm_wday)],
                     parts.tm_mday, kMonths[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string head_text(const Response& response, const HeadFacts& facts) {
  std::string head = fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason_of(response.status));
  add(head, "date", http_date(facts.seconds));
  const bool bodyless = response.status == 204 || response.status == 304;
  if (!response.content_type.empty() && !bodyless) add(head, "content-type", response.content_type);
  if (facts.streams && !facts.old) add(head, "transfer-encoding", "chunked");
  if (!facts.streams && !bodyless) add(head, "content-length", std::to_string(response.body.size()));
  bool cached = false;
  for (const auto& [name, value] : response.headers) {
    cached = cached || name == "cache-control";
    add(head, name, value);
  }
  if (!cached) add(head, "cache-control", "no-store");
  add(head, "x-content-type-options", "nosniff");
  if (!facts.keeps) add(head, "connection", "close");
  if (facts.keeps && facts.old) add(head, "connection", "keep-alive");
  return head + "\r\n";
}

std::string event_text(std::string_view id, std::string_view event, std::string_view data) {
  std::string text;
  if (!id.empty()) text += "id: " + without_line_ends(id) + "\n";
  if (!event.empty()) text += "event: " + without_line_ends(event) + "\n";
  while (true) {
    const auto end = std::min(data.find('\n'), data.size());
    text.append("data: ").append(without_line_ends(data.substr(0, end))).append("\n");
    if (end == data.size()) break;
    data.remove_prefix(end + 1);
  }
  return text + "\n";
}

std::string message_text(std::string_view id, std::string_view event, std::string_view data) {
  std::string text = "{\"data\":";
  json::append_string(text, json::to_utf8(data));
  if (!event.empty()) {
    text += ",\"event\":";
    json::append_string(text, json::to_utf8(event));
  }
  if (!id.empty()) {
    text += ",\"id\":";
    json::append_string(text, json::to_utf8(id));
  }
  return text + "}";
}

std::string chunk_text(std::string_view bytes) {
  if (bytes.empty()) return {};
  auto text = fmt::format("{:x}\r\n", bytes.size());
  text.append(bytes).append("\r\n");
  return text;
}

}  // namespace hillstar::http
