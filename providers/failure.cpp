// SPDX-License-Identifier: Apache-2.0
#include "providers/failure.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "messages/json.hpp"
#include "providers/dates.hpp"
#include "providers/fields.hpp"
#include "providers/http/url.hpp"
#include "runtime/policy/retry.hpp"

namespace hillstar::providers {
namespace {

namespace bj = boost::json;

constexpr std::size_t kErrorBodyBytesMax = 64U << 10U;
constexpr std::size_t kErrorBodyDepthMax = 16;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

bool names_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](std::string_view part) { return text.find(part) != std::string_view::npos; });
}

/// What servers put into an error object, in whichever spelling.
struct Said {
  std::string message;
  std::string kind;  ///< `type`, `code`, `status` and the reasons among `details`, lower case.
  std::string request_id;
  std::optional<Millis> retry_after;
};

std::string text_of(const bj::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  return value.is_null() ? std::string() : bj::serialize(value);
}

std::optional<Millis> clamped(double millis) {
  if (!std::isfinite(millis) || millis < 0) return std::nullopt;
  return Millis(static_cast<std::int64_t>(std::min(millis, static_cast<double>(kRetryAfterMax.count()))));
}

std::optional<double> number_in(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (text.empty() || end != text.data() + text.size()) return std::nullopt;
  // Too many digits for a double: as long as can be.
  return code == std::errc::result_out_of_range ? 1e15 : value;
}

/// What the particulars of an error tell: `{"error_code":...}` as Anthropic has them, or Google's list of typed
/// objects, of which ErrorInfo has a `reason` and RetryInfo a `retryDelay` such as `1.2s`.
void add_detail(const bj::value& detail, Said& said) {
  for (const char* key : {"error_code", "reason"})
    if (const auto word = text_member(&detail, key); !word.empty()) said.kind += " " + lower(word);
  const auto delay = text_member(&detail, "retryDelay");
  if (!delay.ends_with('s') || said.retry_after) return;
  if (const auto seconds = number_in(delay.substr(0, delay.size() - 1))) said.retry_after = clamped(*seconds * 1000.0);
}

/// `{"error":{...}}`, `[{"error":{...}}]`, `{"error":"text"}`, `{"detail":...}`, `{"message":...}` or the inner object
/// alone.
Said said_by(const bj::value& value) {
  // Google's streams that fail at once are a list of one error.
  if (const auto* list = value.if_array(); list != nullptr && !list->empty()) return said_by(list->front());
  const auto* object = value.if_object();
  if (object == nullptr) return {text_of(value), {}, {}, {}};
  if (const auto* inner = object->if_contains("error"); inner != nullptr && !inner->is_null()) {
    Said said = said_by(*inner);
    if (said.request_id.empty()) said.request_id = text_member(&value, "request_id").substr(0, kNameBytesMax);
    return said;
  }
  Said said;
  said.request_id = text_member(&value, "request_id").substr(0, kNameBytesMax);
  for (const char* key : {"message", "detail", "msg"})
    if (const auto* text = object->if_contains(key); text != nullptr && said.message.empty())
      said.message = text_of(*text);
  for (const char* key : {"type", "code", "status"})
    if (const auto* text = object->if_contains(key)) said.kind += " " + lower(text_of(*text));
  const auto* details = member(&value, "details");
  if (const auto* list = array_member(&value, "details"))
    for (const auto& detail : *list) add_detail(detail, said);
  else if (details != nullptr)
    add_detail(*details, said);
  if (said.message.empty()) said.message = bj::serialize(value);
  return said;
}

Said said_by(std::string_view body) {
  auto value = json::parse(body, {.bytes_max = kErrorBodyBytesMax, .depth_max = kErrorBodyDepthMax});
  return value ? said_by(*value) : Said{std::string(body.substr(0, kErrorBodyBytesMax)), {}, {}, {}};
}

/// Classes that the words decide, whatever the status.
/// Codes: API references of OpenAI, Anthropic and Google, and the llama.cpp server, 2026-11.
std::optional<FailureClass> class_of(const Said& said) {
  const std::string message = lower(said.message);
  if (names_any(said.kind, {"insufficient_quota", "billing", "payment_required"})) return FailureClass::quota;
  if (names_any(said.kind, {"context_length", "exceed_context_size", "context_window", "request_too_large"}) ||
      names_any(message, {"context length", "context size", "context window", "prompt is too long",
                          "exceeds the maximum number of tokens"}))
    return FailureClass::context_too_long;
  if (names_any(said.kind,
                {"content_filter", "content_policy", "bio_policy", "cyber_policy", "policyviolation", "safety"}))
    return FailureClass::refused;
  if (names_any(said.kind, {"api_key_invalid"})) return FailureClass::auth;
  return std::nullopt;
}

FailureClass class_of(unsigned status, const Said& said) {
  const auto by_words = class_of(said);
  if (status == 429) return by_words == FailureClass::quota ? FailureClass::quota : FailureClass::rate_limited;
  if ((status == 400 || status == 413 || status == 422) && by_words) return *by_words;
  if (status == 401 || status == 403) return by_words == FailureClass::quota ? FailureClass::quota : FailureClass::auth;
  if (status == 402) return FailureClass::quota;
  if (status == 408) return FailureClass::timeout;
  if (status == 409 || status == 425) return FailureClass::server;
  if (status == 413) return FailureClass::context_too_long;
  if (status == 503 || status == 529) return FailureClass::overloaded;
  if (status >= 500) return by_words == FailureClass::context_too_long ? *by_words : FailureClass::server;
  return FailureClass::invalid_request;
}

std::string_view phrase(unsigned status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 500:
      return "Internal Server Error";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "";
  }
}

std::string redirect_target(const HttpReply& reply) {
  const auto location = reply.header("location");
  if (const auto url = parse_url(location)) return url->authority();
  return location.empty() ? "nowhere" : "another path of the same server";
}

/// Servers that know better than their status say so: `x-should-retry`, which OpenAI and Anthropic send.
void heed_advice(const HttpReply& reply, Failure& failure) {
  const auto advice = reply.header("x-should-retry");
  if (advice == "false" && policy::is_transient(failure.kind)) {
    failure.kind = failure.kind == FailureClass::rate_limited ? FailureClass::quota : FailureClass::invalid_request;
    failure.message += "; the server asks not to try again";
  } else if (advice == "true" && failure.kind == FailureClass::invalid_request) {
    failure.kind = FailureClass::server;
    failure.message += "; the server asks to try again";
  }
}

}  // namespace

Failure failure_of(const HttpReply& reply, const Secret& key) {
  const auto status = std::to_string(reply.status);
  if (reply.status >= 300 && reply.status < 400)
    return {FailureClass::invalid_request,
            excerpt("HTTP " + status + ": the server redirects to " + redirect_target(reply) +
                        "; redirects are not followed, set the endpoint to the final address",
                    key),
            std::nullopt};
  const Said said = said_by(reply.body);
  std::string message = "HTTP " + status;
  if (const auto words = phrase(reply.status); !words.empty()) message += " " + std::string(words);
  if (const auto words = excerpt(said.message, key); !words.empty()) message += ": " + words;
  auto wait = retry_after(reply);
  Failure failure{class_of(reply.status, said), std::move(message), wait ? wait : said.retry_after};
  heed_advice(reply, failure);
  const auto id = request_id(reply);
  name_request(failure, id.empty() ? std::string_view(said.request_id) : id, key);
  return failure;
}

std::string_view request_id(const HttpReply& reply) {
  for (const char* name : {"x-request-id", "request-id"})
    if (const auto id = reply.header(name); !id.empty()) return id.substr(0, kNameBytesMax);
  return {};
}

void name_request(Failure& failure, std::string_view id, const Secret& key) {
  if (!id.empty()) failure.message += " (request " + excerpt(id, key) + ")";
}

Failure failure_of(const bj::value& error, const Secret& key) {
  const Said said = said_by(error);
  const auto status = [&]() -> unsigned {
    const auto* object = error.if_object();
    const auto* code = object != nullptr ? object->if_contains("code") : nullptr;
    boost::system::error_code ignored;
    const auto number = code != nullptr && code->is_number() ? code->to_number<std::int64_t>(ignored) : 0;
    return number >= 400 && number < 600 ? static_cast<unsigned>(number) : 0;
  }();
  FailureClass kind = FailureClass::server;
  if (status != 0)
    kind = class_of(status, said);
  else if (const auto by_words = class_of(said))
    kind = *by_words;
  else if (names_any(said.kind, {"rate_limit"}))
    kind = FailureClass::rate_limited;
  else if (names_any(said.kind, {"overloaded", "unavailable"}))
    kind = FailureClass::overloaded;
  else if (names_any(said.kind, {"timeout"}))
    kind = FailureClass::timeout;
  else if (names_any(said.kind, {"authentication", "invalid_api_key", "permission"}))
    kind = FailureClass::auth;
  else if (names_any(said.kind, {"invalid_", "not_found", "unsupported_", "image_", "data_residency"}))
    kind = FailureClass::invalid_request;
  return {kind, "The server reported an error in its reply: " + excerpt(said.message, key), said.retry_after};
}

std::optional<Millis> retry_after(const HttpReply& reply) {
  if (const auto millis = number_in(reply.header("retry-after-ms"))) return clamped(*millis);
  const auto text = reply.header("retry-after");
  if (const auto seconds = number_in(text)) return clamped(*seconds * 1000.0);
  const auto due = http_date(text);
  const auto now = http_date(reply.header("date"));
  if (!due || !now) return std::nullopt;
  return clamped(static_cast<double>(std::max<std::int64_t>(*due - *now, 0)) * 1000.0);
}

std::string excerpt(std::string_view text, const Secret& key) {
  constexpr std::string_view kBlot = "[key]";
  constexpr std::size_t kKeyBytesMin = 4;  // Shorter ones would blot out ordinary words.
  std::string clean = json::to_utf8(text.substr(0, kErrorBodyBytesMax));
  const auto secret = key.reveal();
  if (secret.size() >= kKeyBytesMin)
    for (auto at = clean.find(secret); at != std::string::npos; at = clean.find(secret, at + kBlot.size()))
      clean.replace(at, secret.size(), kBlot);
  std::string line;
  for (const char c : clean) {
    const bool blank = static_cast<unsigned char>(c) <= ' ' || c == 0x7F;
    if (!blank)
      line += c;
    else if (!line.empty() && line.back() != ' ')
      line += ' ';
    if (line.size() > kExcerptBytesMax + 4) break;
  }
  if (line.size() > kExcerptBytesMax) {
    std::size_t end = kExcerptBytesMax - 3;
    while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0U) == 0x80U) --end;
    line = line.substr(0, end) + "...";
  }
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

}  // namespace hillstar::providers
