// SPDX-License-Identifier: Apache-2.0
// Sources: GitHub "Validating webhook deliveries", Stripe "Verify webhook signatures manually", Slack "Verifying
// requests from Slack".
#include "runtime/stream/webhook.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "messages/json.hpp"

namespace hillstar::stream {
namespace {

using Digest = std::array<std::uint8_t, 32>;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

Error refused(std::string message, std::string hint = {}) {
  return {Errc::signature_invalid, std::move(message), {}, std::move(hint)};
}

/// Nothing if it is absent. One that comes twice is refused: which of them counts is for nobody to guess.
Result<std::optional<std::string_view>> header(const WebhookRequest& request, std::string_view name) {
  std::optional<std::string_view> found;
  for (const auto& one : request.headers) {
    if (!same_name(one.name, name)) continue;
    if (found) return refused("the header '" + std::string(name) + "' came twice");
    found = trimmed(one.value);
  }
  return found;
}

Result<std::string_view> needed(const WebhookRequest& request, std::string_view name) {
  HILLSTAR_TRY(const auto found, header(request, name));
  if (!found || found->empty())
    return refused("the request has no header '" + std::string(name) + "'", "the sender must sign what it sends");
  return *found;
}

std::optional<std::uint8_t> digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  c = lower(c);
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  return std::nullopt;
}

std::optional<Digest> from_hex(std::string_view text) {
  Digest digest{};
  if (text.size() != digest.size() * 2) return std::nullopt;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const auto high = digit(text[2 * i]);
    const auto low = digit(text[2 * i + 1]);
    if (!high || !low) return std::nullopt;
    digest[i] = static_cast<std::uint8_t>(*high * 16U + *low);
  }
  return digest;
}

/// Takes as long whatever the bytes are.
bool same(const Digest& a, const Digest& b) {
  volatile std::uint8_t difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference = difference | static_cast<std::uint8_t>(a[i] ^ b[i]);
  return difference == 0;
}

struct Claim {
  std::vector<Digest> signatures;
  std::string prefix;                ///< Signed in front of the body.
  std::optional<UtcTime> timestamp;  ///< Part of the prefix.
};

/// Seconds since 1970, in digits alone.
std::optional<UtcTime> seconds(std::string_view text) {
  constexpr std::size_t kDigitsMax = 11;
  if (text.empty() || text.size() > kDigitsMax) return std::nullopt;
  std::int64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return UtcTime{value * 1'000'000};
}

Result<Claim> claim_of(std::string_view signature, std::string_view scheme, std::string_view header_name) {
  const auto digest = signature.starts_with(scheme) ? from_hex(signature.substr(scheme.size())) : std::nullopt;
  if (!digest)
    return refused("the header '" + std::string(header_name) + "' is no signature",
                   "expected " + std::string(scheme) + " and 64 hex digits");
  Claim claim;
  claim.signatures.push_back(*digest);
  return claim;
}

/// `t=1492774577,v1=5257...,v1=...,v0=...`: elements of other names are for others.
Result<Claim> timed_claim(std::string_view text, std::string_view header_name) {
  Claim claim;
  std::string_view time;
  for (bool more = true; more;) {
    const auto comma = text.find(',');
    const auto element = trimmed(text.substr(0, comma));
    more = comma != std::string_view::npos;
    if (more) text.remove_prefix(comma + 1);
    if (element.starts_with("t=")) {
      if (claim.timestamp) return refused("the header '" + std::string(header_name) + "' has two timestamps");
      time = element.substr(2);
      claim.timestamp = seconds(time);
      if (!claim.timestamp)
        return refused("the header '" + std::string(header_name) + "' has no timestamp that counts");
    } else if (element.starts_with("v1=")) {
      const auto digest = from_hex(element.substr(3));
      if (digest && claim.signatures.size() < kSignaturesMax) claim.signatures.push_back(*digest);
    }
  }
  if (!claim.timestamp || claim.signatures.empty())
    return refused("the header '" + std::string(header_name) + "' is no signature",
                   "expected t=<seconds>,v1=<64 hex digits>");
  claim.prefix = std::string(time) + ".";
  return claim;
}

/// A body that was signed alone, but reads as a timestamp and a body that were signed together.
bool reads_as_timed(std::string_view body) {
  const auto dot = body.substr(0, 16).find('.');
  return dot != std::string_view::npos && seconds(body.substr(0, dot)).has_value();
}

Result<Claim> generic_claim(const WebhookTrigger& trigger, const WebhookRequest& request) {
  const auto name = trigger.signature_header.value_or("X-Hillstar-Signature");
  HILLSTAR_TRY(const auto signature, needed(request, name));
  if (signature.find("t=") != std::string_view::npos) return timed_claim(signature, name);
  if (trigger.tolerance)
    return refused("the header '" + name + "' has no timestamp", "this stream takes t=<seconds>,v1=<64 hex digits>");
  if (reads_as_timed(request.body))
    return refused("a body that begins like a timestamp must be signed together with one");
  return claim_of(signature, signature.starts_with("sha256=") ? "sha256=" : "", name);
}

Result<Claim> slack_claim(const WebhookRequest& request) {
  HILLSTAR_TRY(const auto signature, needed(request, "X-Slack-Signature"));
  HILLSTAR_TRY(const auto time, needed(request, "X-Slack-Request-Timestamp"));
  HILLSTAR_TRY(auto claim, claim_of(signature, "v0=", "X-Slack-Signature"));
  claim.timestamp = seconds(time);
  if (!claim.timestamp) return refused("the header 'X-Slack-Request-Timestamp' has no timestamp that counts");
  claim.prefix = "v0:" + std::string(time) + ":";
  return claim;
}

Result<Claim> claim_of(const WebhookTrigger& trigger, const WebhookRequest& request) {
  switch (trigger.scheme) {
    case WebhookScheme::github: {
      HILLSTAR_TRY(const auto signature, needed(request, "X-Hub-Signature-256"));
      return claim_of(signature, "sha256=", "X-Hub-Signature-256");
    }
    case WebhookScheme::stripe: {
      HILLSTAR_TRY(const auto signature, needed(request, "Stripe-Signature"));
      return timed_claim(signature, "Stripe-Signature");
    }
    case WebhookScheme::slack:
      return slack_claim(request);
    case WebhookScheme::generic:
    case WebhookScheme::none:
      break;
  }
  return generic_claim(trigger, request);
}

/// True if one of the secrets made one of the signatures. Tries all of them, so that time tells nothing.
Result<bool> is_signed(const Claim& claim, const WebhookRequest& request, const std::vector<std::string>& secrets,
                       const Mac& mac) {
  bool any_secret = false;
  bool genuine = false;
  for (const auto& secret : secrets) {
    // Everybody can sign with nothing.
    if (secret.empty()) continue;
    any_secret = true;
    const auto expected = mac(secret, claim.prefix, request.body);
    for (const auto& signature : claim.signatures) {
      const bool matches = same(signature, expected);
      genuine = genuine || matches;
    }
  }
  if (any_secret) return genuine;
  return Error(Errc::stream_invalid, "the stream has no secret to check signatures with", {},
               "set a variable that 'secrets' names to what the sender signs with");
}

/// `text` if it can name a delivery.
Result<std::optional<std::string>> delivery_id(std::string_view text) {
  if (text.empty()) return std::optional<std::string>();
  if (text.size() > kDeliveryIdBytesMax)
    return refused("the name of the delivery is longer than " + std::to_string(kDeliveryIdBytesMax) + " bytes");
  const bool printable =
      std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F; });
  if (!printable || !json::is_utf8(text)) return refused("the name of the delivery is not printable UTF-8");
  return std::optional<std::string>(text);
}

/// The name that Stripe and Slack give an event in its body, which is signed.
Result<std::optional<std::string>> id_in_body(std::string_view body, std::string_view member) {
  const auto document = json::parse(body);
  if (!document) return std::optional<std::string>();
  const auto* id = json::member(*document, member);
  if (id == nullptr || !id->is_string()) return std::optional<std::string>();
  return delivery_id({id->get_string().data(), id->get_string().size()});
}

Result<std::optional<std::string>> id_of(const WebhookTrigger& trigger, const WebhookRequest& request) {
  std::string name = trigger.idempotency_header.value_or("");
  if (name.empty()) {
    if (trigger.scheme == WebhookScheme::stripe) return id_in_body(request.body, "id");
    if (trigger.scheme == WebhookScheme::slack) return id_in_body(request.body, "event_id");
    name = trigger.scheme == WebhookScheme::github ? "X-GitHub-Delivery" : "Idempotency-Key";
  }
  HILLSTAR_TRY(const auto value, header(request, name));
  return delivery_id(value.value_or(""));
}

Result<void> check_age(UtcTime timestamp, UtcTime now, Millis tolerance) {
  const auto age = now - timestamp;
  if (age <= tolerance && -age <= tolerance) return {};
  return refused("the request was signed " + std::to_string(std::abs(age.count()) / 1000) + " s " +
                     (age.count() > 0 ? "ago" : "from now") + ", and " + std::to_string(tolerance.count() / 1000) +
                     " s are allowed",
                 "an old request that is sent again is refused; so is one by a clock that is wrong");
}

}  // namespace

Result<Delivery> verify_webhook(const WebhookTrigger& trigger, const WebhookRequest& request,
                                const std::vector<std::string>& secrets, UtcTime now, const Mac& mac) {
  Delivery delivery;
  if (trigger.scheme != WebhookScheme::none) {
    HILLSTAR_TRY(const auto claim, claim_of(trigger, request));
    HILLSTAR_TRY(const bool genuine, is_signed(claim, request, secrets, mac));
    if (!genuine) return refused("the signature is of another secret, or of another body");
    if (claim.timestamp)
      HILLSTAR_CHECK(check_age(*claim.timestamp, now, trigger.tolerance.value_or(kToleranceDefault)));
    delivery.timestamp = claim.timestamp;
  }
  HILLSTAR_TRY(delivery.id, id_of(trigger, request));
  return delivery;
}

}  // namespace hillstar::stream
