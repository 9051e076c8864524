// SPDX-License-Identifier: Apache-2.0
// Bodies of replies, read by every adapter: any bytes end in a reply or a failure, and how they are cut changes
// nothing.
#include <array>

#include "providers/adapter.hpp"
#include "tests/fuzz/target.hpp"

namespace {

using hillstar::Failure;
using hillstar::ModelReply;
using hillstar::providers::Adapter;
using Outcome = std::variant<ModelReply, Failure>;

constexpr std::array kAdapters = {"openai", "anthropic", "google", "ollama", "script", "codex"};

Outcome read(const Adapter& adapter, std::string_view bytes, bool in_pieces) {
  const auto reader = adapter.reader({});
  for (std::size_t at = 0; at < bytes.size();) {
    const auto length = in_pieces ? 1 + (static_cast<unsigned char>(bytes[at]) % 7U) : bytes.size();
    reader->feed(bytes.substr(at, length));
    at += length;
  }
  hillstar::providers::HttpReply reply;
  reply.status = 200;
  return reader->finish(reply);
}

bool same(const ModelReply& a, const ModelReply& b) {
  if (a.text != b.text || a.finish != b.finish || a.reasoning != b.reasoning || a.usage != b.usage) return false;
  if (a.tool_calls.size() != b.tool_calls.size() || a.verbatim != b.verbatim) return false;
  for (std::size_t i = 0; i < a.tool_calls.size(); ++i)
    if (a.tool_calls[i].id != b.tool_calls[i].id || a.tool_calls[i].arguments != b.tool_calls[i].arguments)
      return false;
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = hillstar::fuzz::text_of(data, size);
  for (const auto* name : kAdapters) {
    const auto* adapter = hillstar::providers::find_adapter(name);
    hillstar::fuzz::hold(adapter != nullptr, "the adapter is there");
    const auto whole = read(*adapter, bytes, false);
    const auto pieces = read(*adapter, bytes, true);
    hillstar::fuzz::hold(whole.index() == pieces.index(), "both a reply or both a failure");
    if (const auto* failure = std::get_if<Failure>(&whole)) {
      hillstar::fuzz::hold(failure->kind == std::get<Failure>(pieces).kind, "the same failure");
      hillstar::fuzz::hold(!failure->message.empty(), "a failure says why");
    } else {
      hillstar::fuzz::hold(same(std::get<ModelReply>(whole), std::get<ModelReply>(pieces)), "the same reply");
    }
  }
  return 0;
}
