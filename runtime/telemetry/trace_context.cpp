// SPDX-License-Identifier: Apache-2.0
#include "runtime/telemetry/trace_context.hpp"

#include <algorithm>
#include <charconv>

namespace hillstar::telemetry {
namespace {

// version-trace-parent-flags: `00-<32>-<16>-<2>`.
constexpr std::size_t kTraceAt = 3;
constexpr std::size_t kTraceLength = 32;
constexpr std::size_t kSpanAt = 36;
constexpr std::size_t kSpanLength = 16;
constexpr std::size_t kFlagsAt = 53;
constexpr std::size_t kLength = 55;
/// Of versions to come, which may have more behind it.
constexpr std::size_t kLengthMax = 512;

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_zero(std::string_view text) { return text.find_first_not_of('0') == std::string_view::npos; }

std::string hex(std::uint64_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(kSpanLength, '0');
  for (std::size_t i = kSpanLength; i-- > 0; value >>= 4U) text[i] = kDigits[value & 0xFU];
  return text;
}

/// FNV-1a, with the avalanche of MurmurHash3 behind it: texts that hardly differ have ids that share nothing.
class Hash {
 public:
  explicit Hash(std::string_view kind) { add(kind); }
  Hash& add(std::string_view text) {
    for (const char c : text) mix(static_cast<unsigned char>(c));
    mix(0);  // parts do not run into one another: none of them holds a zero
    return *this;
  }
  Hash& add(std::uint64_t number) {
    for (unsigned i = 0; i < 8; ++i) mix(static_cast<unsigned char>(number >> (8 * i)));
    return *this;
  }
  Hash& add(std::optional<std::uint32_t> item) { return add(item ? std::uint64_t{*item} + 1 : 0); }
  /// Never zero, which is no id.
  [[nodiscard]] std::uint64_t value() const {
    auto h = state_;
    h ^= h >> 33U;
    h *= 0xff51afd7ed558ccdULL;
    h ^= h >> 33U;
    h *= 0xc4ceb9fe1a85ec53ULL;
    h ^= h >> 33U;
    return h == 0 ? 1 : h;
  }
  [[nodiscard]] std::string text() const { return hex(value()); }

 private:
  void mix(unsigned char byte) {
    state_ ^= byte;
    state_ *= 0x100000001b3ULL;
  }
  std::uint64_t state_ = 0xcbf29ce484222325ULL;
};

}  // namespace

std::optional<TraceContext> read_traceparent(std::string_view header) {
  if (header.size() < kLength || header.size() > kLengthMax) return std::nullopt;
  if (header[2] != '-' || header[kSpanAt - 1] != '-' || header[kFlagsAt - 1] != '-') return std::nullopt;
  const auto version = header.substr(0, 2);
  const auto trace = header.substr(kTraceAt, kTraceLength);
  const auto span = header.substr(kSpanAt, kSpanLength);
  const auto flags = header.substr(kFlagsAt, 2);
  if (!is_hex(version) || !is_hex(trace) || !is_hex(span) || !is_hex(flags)) return std::nullopt;
  if (version == "ff" || is_zero(trace) || is_zero(span)) return std::nullopt;
  if (version == "00" && header.size() != kLength) return std::nullopt;
  if (header.size() > kLength && header[kLength] != '-') return std::nullopt;
  unsigned bits = 0;
  std::from_chars(flags.data(), flags.data() + flags.size(), bits, 16);
  return TraceContext{std::string(trace), std::string(span), (bits & 1U) != 0};
}

std::string to_traceparent(const TraceContext& context) {
  return "00-" + context.trace_id + "-" + context.span_id + (context.sampled ? "-01" : "-00");
}

bool is_sampled(const Sampler& sampler, std::string_view trace_id, std::optional<bool> parent) {
  if (sampler.parent_based && parent) return *parent;
  if (sampler.ratio >= 1.0) return true;
  if (!(sampler.ratio > 0.0) || trace_id.size() != kTraceLength) return false;
  std::uint64_t low = 0;
  std::from_chars(trace_id.data() + kSpanLength, trace_id.data() + kTraceLength, low, 16);
  // The last 56 bits are those that are random in every trace id.
  constexpr double kRange = 72057594037927936.0;
  return static_cast<double>(low & 0x00ff'ffff'ffff'ffffULL) < sampler.ratio * kRange;
}

RunTrace run_trace(const RunId& run, const std::optional<std::string>& asked, const Sampler& sampler) {
  RunTrace trace;
  const auto parent = asked ? read_traceparent(*asked) : std::nullopt;
  if (parent) {
    trace.self.trace_id = parent->trace_id;
    trace.parent_span_id = parent->span_id;
  } else {
    trace.self.trace_id = Hash("trace").add(run.str()).text() + Hash("trace, low").add(run.str()).text();
  }
  trace.self.span_id = Hash("run").add(run.str()).text();
  trace.self.sampled = is_sampled(sampler, trace.self.trace_id, parent ? std::optional(parent->sampled) : std::nullopt);
  return trace;
}

RunTrace run_trace(const RunId& run, const RunStarted& started, const Sampler& sampler) {
  return run_trace(run, started.trigger ? started.trigger->trace : std::nullopt, sampler);
}

std::string attempt_span_id(const RunId& run, const NodeId& node, std::optional<std::uint32_t> item,
                            std::uint32_t attempt) {
  return Hash("attempt").add(run.str()).add(node.str()).add(item).add(std::uint64_t{attempt}).text();
}

std::string map_span_id(const RunId& run, const NodeId& node) {
  return Hash("map").add(run.str()).add(node.str()).text();
}

std::string wait_span_id(const RunId& run, const NodeId& node, std::optional<std::uint32_t> item,
                         std::uint32_t number) {
  return Hash("wait").add(run.str()).add(node.str()).add(item).add(std::uint64_t{number}).text();
}

std::string traceparent_of(std::string_view run_traceparent, const RunId& run, const NodeId& node,
                           std::optional<std::uint32_t> item, std::uint32_t attempt) {
  auto context = read_traceparent(run_traceparent);
  if (!context) return {};
  context->span_id = attempt_span_id(run, node, item, attempt);
  return to_traceparent(*context);
}

}  // namespace hillstar::telemetry
