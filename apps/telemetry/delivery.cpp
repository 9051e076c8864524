// SPDX-License-Identifier: Apache-2.0
#include "apps/telemetry/delivery.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "messages/json.hpp"

namespace hillstar::telemetry {
namespace {

constexpr Millis kPauseFirst{1'000};
constexpr Millis kPauseMax{30'000};
constexpr std::int64_t kAskedSecondsMax = 300;
constexpr std::size_t kWhyBytesMax = 200;

std::string one_line(std::string_view text) {
  std::string out(text.substr(0, kWhyBytesMax));
  for (auto& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return json::to_utf8(out);
}

std::string member_text(const boost::json::value& tree, std::string_view name) {
  const auto* value = json::member(tree, name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

/// A number, or one written as text.
std::uint64_t count_of(const boost::json::value* value) {
  if (value == nullptr) return 0;
  if (value->is_int64()) return value->get_int64() > 0 ? static_cast<std::uint64_t>(value->get_int64()) : 0;
  std::uint64_t count = 0;
  if (value->is_string())
    std::from_chars(value->get_string().data(), value->get_string().data() + value->get_string().size(), count);
  return count;
}

Verdict taken(const providers::HttpReply& reply) {
  Verdict verdict;
  const auto body = json::parse(reply.body);
  const auto* partial = body ? json::member(*body, "partialSuccess") : nullptr;
  if (partial == nullptr) return verdict;
  verdict.rejected = std::max(count_of(json::member(*partial, "rejectedSpans")),
                              count_of(json::member(*partial, "rejectedDataPoints")));
  verdict.why = one_line(member_text(*partial, "errorMessage"));
  return verdict;
}

}  // namespace

Verdict verdict_of(const providers::HttpOutcome& outcome) {
  Verdict verdict;
  if (const auto* failure = std::get_if<Failure>(&outcome)) {
    const bool passes = failure->kind == FailureClass::network || failure->kind == FailureClass::timeout;
    verdict.kind = passes ? Verdict::Kind::again : Verdict::Kind::refused;
    verdict.why = one_line(failure->message);
    return verdict;
  }
  const auto& reply = std::get<providers::HttpReply>(outcome);
  if (reply.status >= 200 && reply.status < 300) return taken(reply);
  const bool passes = reply.status == 429 || reply.status == 502 || reply.status == 503 || reply.status == 504;
  verdict.kind = passes ? Verdict::Kind::again : Verdict::Kind::refused;
  verdict.why = "HTTP " + std::to_string(reply.status);
  if (const auto body = json::parse(reply.body))
    if (const auto message = member_text(*body, "message"); !message.empty()) verdict.why += ": " + one_line(message);
  const auto asked = reply.header("retry-after");
  std::int64_t seconds = 0;
  const auto [rest, code] = std::from_chars(asked.data(), asked.data() + asked.size(), seconds);
  if (passes && !asked.empty() && code == std::errc() && rest == asked.data() + asked.size() && seconds >= 0)
    verdict.wait = Millis(std::min(seconds, kAskedSecondsMax) * 1'000);
  return verdict;
}

Millis pause_after(std::uint32_t tried, std::uint32_t chance_ppm) {
  auto pause = kPauseFirst;
  for (std::uint32_t i = 1; i < tried && pause < kPauseMax; ++i) pause *= 2;
  pause = std::min(pause, kPauseMax);
  // Half of it by chance, so that many do not come back at once.
  return pause / 2 + Millis(pause.count() / 2 * std::int64_t{chance_ppm} / 1'000'000);
}

}  // namespace hillstar::telemetry
