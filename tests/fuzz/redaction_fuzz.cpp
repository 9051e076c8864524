// SPDX-License-Identifier: Apache-2.0
// Redaction: how the bytes are cut into pieces changes nothing, nor does doing it twice; UTF-8 stays UTF-8.
#include "messages/json.hpp"
#include "runtime/policy/redaction.hpp"
#include "tests/fuzz/target.hpp"

namespace {

using hillstar::policy::Redactor;

const Redactor& by_rules(bool all) {
  static const auto kMake = [](bool optional) {
    hillstar::policy::RuleChoice choice;
    for (const auto& rule : hillstar::policy::secret_rules())
      if (optional && rule.optional) choice.on.emplace_back(rule.name);
    return Redactor({"a value that is held"}, std::make_shared<const hillstar::policy::SecretRules>(choice));
  };
  static const Redactor kSome = kMake(false);
  static const Redactor kAll = kMake(true);
  return all ? kAll : kSome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = hillstar::fuzz::text_of(data, size);
  for (const bool all : {false, true}) {
    const auto clean = by_rules(all).redact(bytes);
    hillstar::policy::StreamRedactor stream(by_rules(all));
    std::string pieces;
    for (std::size_t at = 0; at < bytes.size();) {
      const auto length = 1 + (static_cast<unsigned char>(bytes[at]) % 29U);
      pieces += stream.feed(bytes.substr(at, length));
      at += length;
    }
    pieces += stream.finish();
    hillstar::fuzz::hold(pieces == clean, "cuts change nothing");
    // Not of personal data: what was no part of a number may look like one when its neighbour is gone.
    if (!all) hillstar::fuzz::hold(by_rules(all).redact(clean) == clean, "twice changes nothing");
    if (hillstar::json::is_utf8(bytes)) hillstar::fuzz::hold(hillstar::json::is_utf8(clean), "UTF-8 stays UTF-8");
  }
  return 0;
}
