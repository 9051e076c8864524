// SPDX-License-Identifier: Apache-2.0
// Is this request from whom it says? Signatures of webhooks: GitHub's, Stripe's, Slack's, and a plain one. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/entry_point.hpp"
#include "messages/error.hpp"
#include "messages/units.hpp"

namespace hillstar::stream {

/// Age of a signed timestamp, before or after now, unless the trigger says otherwise.
inline constexpr Millis kToleranceDefault{300'000};
/// Longest name of a delivery that is taken; a longer one is refused.
inline constexpr std::size_t kDeliveryIdBytesMax = 256;
/// Signatures in one header that are looked at.
inline constexpr std::size_t kSignaturesMax = 16;

/// As they came: any case, any bytes, any order.
struct Header {
  std::string_view name;
  std::string_view value;
};

/// HMAC-SHA256 of `prefix` followed by `body`; runtime/platform has it.
using Mac = std::function<std::array<std::uint8_t, 32>(std::string_view secret, std::string_view prefix,
                                                       std::string_view body)>;

struct WebhookRequest {
  std::vector<Header> headers;
  std::string_view body;  ///< Byte for byte as it came.
};

/// What a genuine request says about itself.
struct Delivery {
  std::optional<std::string> id;     ///< The same for each attempt to deliver it; what the run's key is made of.
  std::optional<UtcTime> timestamp;  ///< Signed, and within the tolerance.
};

/// signature_invalid if the request is not genuine, whatever its bytes; says why, but nothing about what would be
/// right. stream_invalid if the scheme needs a secret and none of `secrets` is more than empty. Any of them may have
/// signed; signatures are compared in constant time. `secrets` are values, in any order.
Result<Delivery> verify_webhook(const WebhookTrigger& trigger, const WebhookRequest& request,
                                const std::vector<std::string>& secrets, UtcTime now, const Mac& mac);

}  // namespace hillstar::stream
