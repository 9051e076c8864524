// SPDX-License-Identifier: Apache-2.0
#include "providers/http/reply_body.hpp"

#include <algorithm>
#include <utility>

namespace hillstar::providers {
namespace {

constexpr std::size_t kErrorBodyBytesMax = 64U << 10U;  // Enough to say why; the rest of an error body is not read.
constexpr std::size_t kNameShownMax = 40;

std::string token(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  std::string result;
  for (const char c : text.substr(0, kNameShownMax))
    result += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c > ' ' && c < 0x7F ? c : '?';
  return result;
}

}  // namespace

ReplyBody::Verdict ReplyBody::fail(FailureClass kind, const std::string& what) {
  failure_ = {kind, "The reply of " + server_ + what, std::nullopt};
  return Verdict::failed;
}

ReplyBody::Verdict ReplyBody::begin(unsigned status, std::string_view content_encoding, Receiver receiver) {
  is_error_ = status / 100 != 2;
  receiver_ = is_error_ ? Receiver() : std::move(receiver);
  const auto coding = token(content_encoding);
  if (coding.empty() || coding == "identity") return Verdict::go_on;
  const InflateLimits limits{.bytes_max = bytes_max_};
  if (coding == "gzip" || coding == "x-gzip")
    inflater_ = std::make_unique<Inflater>(Inflater::Coding::gzip, limits);
  else if (coding == "deflate")
    inflater_ = std::make_unique<Inflater>(Inflater::Coding::deflate, limits);
  else if (is_error_)
    unreadable_ = true;
  else
    return fail(FailureClass::malformed_reply, " is compressed as '" + coding + "', which nobody asked for.");
  return Verdict::go_on;
}

ReplyBody::Verdict ReplyBody::take(std::string_view bytes) {
  bytes_ += bytes.size();
  if (unreadable_) return Verdict::enough;
  if (bytes_ > bytes_max_)
    return fail(FailureClass::output_limit, " is larger than " + std::to_string(bytes_max_) + " bytes.");
  if (inflater_ != nullptr)
    return judge(inflater_->feed(bytes, [this](std::string_view piece) { return hand_on(piece); }));
  return hand_on(bytes) ? Verdict::go_on : Verdict::enough;
}

ReplyBody::Verdict ReplyBody::end() { return inflater_ == nullptr ? Verdict::go_on : judge(inflater_->finish()); }

ReplyBody::Verdict ReplyBody::judge(Inflater::Verdict verdict) {
  if (verdict == Inflater::Verdict::good) return Verdict::go_on;
  // The status of an error counts more than the state of its body.
  if (is_error_) return Verdict::enough;
  if (verdict == Inflater::Verdict::too_large)
    return fail(FailureClass::output_limit, ", decompressed, is larger than " + std::to_string(bytes_max_) + " bytes.");
  if (verdict == Inflater::Verdict::bomb)
    return fail(FailureClass::output_limit, " is compressed to far less than its size; it is not read.");
  return fail(FailureClass::malformed_reply, " is damaged: its compressed body cannot be read.");
}

bool ReplyBody::hand_on(std::string_view bytes) {
  if (!is_error_) {
    if (receiver_)
      receiver_(bytes);
    else
      text_ += bytes;
    return true;
  }
  text_ += bytes.substr(0, kErrorBodyBytesMax - std::min(text_.size(), kErrorBodyBytesMax));
  return text_.size() < kErrorBodyBytesMax;
}

}  // namespace hillstar::providers
