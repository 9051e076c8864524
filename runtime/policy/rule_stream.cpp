// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/rule_stream.hpp"

#include <algorithm>

namespace hillstar::policy {
namespace {

/// Bytes before a place that a rule may look at.
constexpr std::size_t kContextBytes = kBehindBytesMax + 32;
/// What is out goes in one move when it is this much.
constexpr std::size_t kForgetBytes = 4 * 1024;
/// A mask that is longer than this keeps the name it has. Counted in bytes of the text, so that cuts change nothing.
constexpr std::size_t kNamedBytesMax = kBlockBytesMax;

}  // namespace

std::string marker_of(const SecretRule& rule) {
  std::string marker = "[REDACTED:";
  return marker.append(rule.name).append("]");
}

std::string RuleStream::feed(std::string_view bytes) { return rules_ ? take(bytes, false) : std::string(bytes); }

std::string RuleStream::finish() {
  if (!rules_) return {};
  std::string out = take({}, true);
  text_.clear();
  masks_.clear();
  out_ = scanned_ = free_ = 0;
  return out;
}

std::string RuleStream::take(std::string_view bytes, bool is_whole) {
  text_ += bytes;
  extend();
  scan(is_whole);
  std::string out;
  const auto seen = std::string_view(text_).substr(0, scanned_);
  release(is_whole ? text_.size() : scanned_ - rules_->before(seen), is_whole, out);
  forget();
  return out;
}

void RuleStream::scan(bool is_whole) {
  while (true) {
    scanned_ = rules_->next_place(text_, scanned_);
    if (scanned_ >= text_.size()) return;
    if (!masks_.empty() && masks_.back().end <= scanned_) free_ = masks_.back().end;
    const auto match = rules_->match_at(text_, {scanned_, free_, is_whole});
    if (match.state == RuleMatch::State::unsure) return;
    if (match.state == RuleMatch::State::found) add(match);
    ++scanned_;
  }
}

void RuleStream::add(const RuleMatch& match) {
  Mask mask{match.begin, match.end, match.rule, secret_rules()[match.rule].extent, match.goes_on, false};
  while (!masks_.empty() && masks_.back().end > mask.begin) {
    const auto& last = masks_.back();
    const bool keeps = last.is_out || scanned_ > last.begin + kNamedBytesMax;
    mask.rule = keeps ? last.rule : std::min(last.rule, mask.rule);
    if (last.end > mask.end || (last.end == mask.end && last.goes_on)) {
      mask.extent = last.extent;
      mask.goes_on = last.goes_on;
    }
    mask.begin = std::min(last.begin, mask.begin);
    mask.end = std::max(last.end, mask.end);
    mask.is_out = last.is_out;
    masks_.pop_back();
  }
  masks_.push_back(mask);
  extend();
}

/// Only the last mask can go on: it reaches the farthest.
void RuleStream::extend() {
  if (masks_.empty() || !masks_.back().goes_on) return;
  auto& mask = masks_.back();
  while (mask.end < text_.size() && SecretRules::goes_on(mask.extent, static_cast<unsigned char>(text_[mask.end])))
    ++mask.end;
  mask.goes_on = mask.end == text_.size();
}

void RuleStream::release(std::size_t limit, bool is_whole, std::string& out) {
  std::size_t done = 0;
  for (auto& mask : masks_) {
    if (mask.begin >= limit) break;
    const bool is_over = mask.end <= limit && !(mask.goes_on && mask.end == limit);
    if (!is_over && !is_whole && limit - mask.begin <= kNamedBytesMax) {
      limit = std::max(mask.begin, out_);
      break;
    }
    if (mask.begin > out_) out.append(text_, out_, mask.begin - out_);
    if (!mask.is_out) out += marker_of(secret_rules()[mask.rule]);
    mask.is_out = true;
    out_ = std::min(mask.end, limit);
    if (!is_over) break;
    free_ = mask.end;
    ++done;
  }
  masks_.erase(masks_.begin(), masks_.begin() + static_cast<std::ptrdiff_t>(done));
  if (limit > out_) {
    out.append(text_, out_, limit - out_);
    out_ = limit;
  }
}

void RuleStream::forget() {
  const auto first = std::min(out_, scanned_);
  if (first < kContextBytes + kForgetBytes) return;
  const auto count = first - kContextBytes;
  text_.erase(0, count);
  out_ -= count;
  scanned_ -= count;
  free_ -= std::min(free_, count);
  for (auto& mask : masks_) {
    mask.begin -= std::min(mask.begin, count);
    mask.end -= count;
  }
}

}  // namespace hillstar::policy
