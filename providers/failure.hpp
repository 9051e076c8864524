// SPDX-License-Identifier: Apache-2.0
// What a provider's refusal means, in the classes that retry policies name. Pure.
#pragma once

#include <boost/json/fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "messages/failure.hpp"
#include "messages/secret.hpp"
#include "providers/http/transport.hpp"

namespace hillstar::providers {

/// Longest wait that a server can ask for.
inline constexpr Millis kRetryAfterMax{600'000};
/// Longest part of a provider's own words in a message.
inline constexpr std::size_t kExcerptBytesMax = 300;

/// Failure of a reply that is no success (not 2xx). `key` is blotted out wherever the body repeats it. The wait may
/// also come from the body (Google's RetryInfo).
Failure failure_of(const HttpReply& reply, const Secret& key);
/// Failure of an error object in a reply that began as a success, such as `{"message":...,"type":...,"code":...}`.
Failure failure_of(const boost::json::value& error, const Secret& key);

/// The provider's name for the call, from the headers; empty if there is none.
std::string_view request_id(const HttpReply& reply);
/// Adds that name, if there is one, to the message: support asks for it.
void name_request(Failure& failure, std::string_view id, const Secret& key);

/// The wait that the server asks for: `retry-after-ms`, or `retry-after` in seconds or as a date. A date counts from
/// the reply's own `date` header, so no clock is needed and a wrong one does no harm. Clamped; nothing if malformed.
std::optional<Millis> retry_after(const HttpReply& reply);

/// One line of valid UTF-8, at most kExcerptBytesMax bytes: control characters become blanks, `key` is blotted out.
std::string excerpt(std::string_view text, const Secret& key);

}  // namespace hillstar::providers
