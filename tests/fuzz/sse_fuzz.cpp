// SPDX-License-Identifier: Apache-2.0
// Server-sent events: how the bytes are cut into pieces changes nothing.
#include "providers/sse.hpp"
#include "tests/fuzz/target.hpp"

namespace {

constexpr std::size_t kEventBytesMax = 256;

struct Parsed {
  std::string text;
  bool failed = false;
};

void feed(hillstar::providers::SseParser& parser, std::string_view bytes, Parsed& parsed) {
  if (parsed.failed) return;
  const auto events = parser.feed(bytes);
  parsed.failed = !events;
  if (!events) return;
  for (const auto& event : *events) {
    hillstar::fuzz::hold(event.data.size() <= kEventBytesMax, "data keeps to the limit");
    parsed.text += event.event + '\0' + event.data + '\0' + event.id + '\0';
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = hillstar::fuzz::text_of(data, size);
  hillstar::providers::SseParser whole(kEventBytesMax);
  Parsed at_once;
  feed(whole, bytes, at_once);
  hillstar::providers::SseParser pieces(kEventBytesMax);
  Parsed bit_by_bit;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto length = 1 + (static_cast<unsigned char>(bytes[at]) % 5U);
    feed(pieces, bytes.substr(at, length), bit_by_bit);
    at += length;
  }
  hillstar::fuzz::hold(at_once.failed == bit_by_bit.failed, "both refuse or both accept");
  if (!at_once.failed) hillstar::fuzz::hold(at_once.text == bit_by_bit.text, "the same events");
  return 0;
}
