// SPDX-License-Identifier: Apache-2.0
#include "actors/live_output.hpp"

#include <algorithm>
#include <utility>

namespace hillstar::actors {
namespace {

/// Where the last `bytes` of a text begin, or the first character after that.
std::size_t tail_from(std::string_view text, std::size_t bytes) {
  auto from = text.size() - std::min(text.size(), bytes);
  // Not in the middle of a character; text that is no UTF-8 is cut anywhere.
  for (int i = 0; i < 3 && from > 0 && from < text.size() && (static_cast<unsigned char>(text[from]) & 0xC0U) == 0x80U;
       ++i)
    ++from;
  return from;
}

}  // namespace

LiveOutput::LiveOutput(std::shared_ptr<FeedGate> gate, FeedActor feed, Progress place)
    : gate_(std::move(gate)), feed_(std::move(feed)), place_(std::move(place)) {}

void LiveOutput::say(std::string_view text) {
  if (text.empty()) return;
  std::call_once(begun_, [this] { gate_->tails->add(this); });
  const std::lock_guard lock(mutex_);
  kept_ += text;
  if (kept_.size() > 2 * kLiveTailBytes) kept_.erase(0, tail_from(kept_, kLiveTailBytes));
  const auto offset = std::exchange(said_, said_ + text.size());
  if (gate_->followers.load() == 0) return;
  auto piece = place_;
  piece.text = text;
  piece.offset = offset;
  piece.end = said_;
  send_progress(*gate_, feed_, std::move(piece));
}

void LiveOutput::end() { gate_->tails->drop(this); }

Progress LiveOutput::tail() const {
  const std::lock_guard lock(mutex_);
  auto piece = place_;
  piece.text = kept_.substr(tail_from(kept_, kLiveTailBytes));
  piece.offset = said_ - piece.text.size();
  piece.end = said_;
  return piece;
}

std::vector<Progress> LiveTails::of(const RunId& run) const {
  std::vector<Progress> pieces;
  const std::lock_guard lock(mutex_);
  const auto found = by_run_.find(run);
  if (found == by_run_.end()) return pieces;
  for (const auto* output : found->second) pieces.push_back(output->tail());
  return pieces;
}

void LiveTails::add(LiveOutput* output) {
  const std::lock_guard lock(mutex_);
  if (count_ >= kLiveTailsMax) return;
  ++count_;
  by_run_[output->place_.run].push_back(output);
}

void LiveTails::drop(LiveOutput* output) {
  const std::lock_guard lock(mutex_);
  const auto found = by_run_.find(output->place_.run);
  if (found == by_run_.end()) return;
  count_ -= std::erase(found->second, output);
  if (found->second.empty()) by_run_.erase(found);
}

}  // namespace hillstar::actors
