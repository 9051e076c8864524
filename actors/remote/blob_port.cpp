// SPDX-License-Identifier: Apache-2.0
#include "actors/remote/blob_port.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "actors/remote/orders.hpp"
#include "actors/remote/own_thread.hpp"
#include "actors/services.hpp"
#include "runtime/platform/clock.hpp"

namespace hillstar::actors {

constexpr Millis kBacklogLook{10};
constexpr std::size_t kSha256Digits = 64;

/// Shared with the thread that sends one blob.
struct BlobSending {
  std::mutex mutex;
  std::condition_variable moved;
  std::uint64_t upto = 0;
  bool stopped = false;

  /// Waits until byte `at` may be sent; false: it is not wanted any more.
  bool may_send(std::uint64_t at, const wire::FrameSink& sink) {
    std::unique_lock lock(mutex);
    moved.wait(lock, [&] { return stopped || at < upto; });
    while (!stopped && sink.backlog() > kBlobBacklog) moved.wait_for(lock, kBacklogLook);
    return !stopped;
  }
  void allow(std::uint64_t to) {
    const std::scoped_lock lock(mutex);
    upto = std::max(upto, to);
    moved.notify_one();
  }
  void stop() {
    const std::scoped_lock lock(mutex);
    stopped = true;
    moved.notify_one();
  }
};

namespace {

/// Cuts what the store hands out into chunks, and keeps the last one back: it is sent with the word that it is.
class Chunks {
 public:
  Chunks(std::string sha256, std::uint64_t from, wire::FrameSink sink, BlobSending& sending)
      : sha256_(std::move(sha256)), skip_(from), at_(from), sink_(std::move(sink)), sending_(sending) {}

  Result<void> take(std::string_view piece) {
    if (skip_ > 0) {
      const auto count = std::min<std::uint64_t>(skip_, piece.size());
      piece.remove_prefix(count);
      skip_ -= count;
    }
    while (!piece.empty()) {
      if (held_.size() == kFrameBytesMax && !send(false)) return Error{Errc::blob_transfer, "not wanted any more"};
      const auto count = std::min(piece.size(), kFrameBytesMax - held_.size());
      if (count >= kFrameBytesMax / 4) held_.reserve(kFrameBytesMax);  // more will come: it is not copied as it grows
      held_.append(piece.substr(0, count));
      piece.remove_prefix(count);
    }
    return {};
  }
  void end() { (void)send(true); }

 private:
  bool send(bool last) {
    // An empty blob, or one that is there already but for the word that it ends, takes no room.
    if (!held_.empty() && !sending_.may_send(at_, sink_)) return false;
    const auto size = held_.size();
    sink_.send(frame_of(FrameKind::blob_chunk, remote::BlobPiece{sha256_, at_, last, {}}, std::exchange(held_, {})));
    at_ += size;
    return true;
  }

  std::string sha256_;
  std::uint64_t skip_;
  std::uint64_t at_;
  wire::FrameSink sink_;
  BlobSending& sending_;
  std::string held_;
};

}  // namespace

BlobPortState::~BlobPortState() {
  on_down();
  for (auto& [sha256, fetch] : std::exchange(fetches_, {}))
    for (auto& order : fetch.orders)
      if (auto done = std::exchange(order->done, {}))
        done(Error{Errc::blob_transfer, "the connection is over", sha256});
}

void BlobPortState::on_up(const PortUp& message) {
  on_down();
  sink_ = message.sink;
  is_up_ = true;
  want_more();
}

void BlobPortState::on_down() {
  is_up_ = false;
  for (auto& [sha256, send] : std::exchange(sends_, {})) send.sending->stop();
  for (const auto& sha256 : std::exchange(asked_, {})) fetch_queue_.push_front(sha256);
}

void BlobPortState::on_offer(const OfferBlobs& message) {
  for (const auto& sha256 : message.sha256s) {
    if (!message.withdrawn)
      ++offered_[sha256];
    else if (const auto entry = offered_.find(sha256); entry != offered_.end() && --entry->second == 0)
      offered_.erase(entry);
  }
}

// -- what we need ---------------------------------------------------------------------------------------

void BlobPortState::on_fetch(FetchBlobs& message) {
  for (const auto& blob : message.blobs)
    if (blob.bytes > kBlobBytesMax)
      return message.done(Error{Errc::blob_transfer,
                                "a blob of " + std::to_string(blob.bytes) + " bytes is larger than any may be",
                                blob.sha256});
  auto order = std::make_shared<Order>(Order{1, std::move(message.done)});
  for (const auto& blob : message.blobs) {
    if (parts_.store->has_blob(blob.sha256)) continue;
    auto [place, is_new] = fetches_.try_emplace(blob.sha256);
    auto& fetch = place->second;
    const auto bytes = blob.bytes == 0 ? kUnsizedBlobMax : blob.bytes;
    fetch.bytes_max = is_new ? bytes : std::max(fetch.bytes_max, bytes);
    if (is_new) fetch_queue_.push_back(blob.sha256);
    if (!fetch.orders.empty() && fetch.orders.back() == order) continue;
    fetch.orders.push_back(order);
    ++order->missing;
  }
  if (--order->missing == 0) return order->done(true);
  want_more();
}

void BlobPortState::want_more() {
  while (is_up_ && asked_.size() < kBlobsAtOnce && !fetch_queue_.empty()) {
    const auto sha256 = std::move(fetch_queue_.front());
    fetch_queue_.pop_front();
    const auto entry = fetches_.find(sha256);
    if (entry == fetches_.end()) continue;
    if (!entry->second.sink) entry->second.sink = parts_.store->blob_sink();
    asked_.insert(sha256);
    entry->second.moved = SystemClock().steady_now();
    want(sha256, entry->second);
  }
  arm();
}

void BlobPortState::want(const std::string& sha256, Fetch& fetch) {
  fetch.upto = fetch.offset + kBlobWindow;
  sink_.send(frame_of(FrameKind::blob_want, remote::BlobWant{sha256, fetch.offset, fetch.upto}));
}

void BlobPortState::arm() {
  if (asked_.empty() || std::exchange(ticking_, true)) return;
  caf::delayed_anon_send(BlobPort(self_), parts_.stall / 4, BlobTick{});
}

void BlobPortState::on_tick() {
  ticking_ = false;
  const auto now = SystemClock().steady_now();
  std::vector<std::string> stalled;
  for (const auto& sha256 : asked_)
    if (now - fetches_.at(sha256).moved > parts_.stall) stalled.push_back(sha256);
  for (const auto& sha256 : stalled)
    end_fetch(sha256, Error{Errc::blob_transfer,
                            "the other side sent nothing of a blob for " + std::to_string(parts_.stall.count()) + " ms",
                            sha256});
  arm();
}

void BlobPortState::on_chunk(const Frame& frame) {
  const auto piece = body_of<remote::BlobPiece>(frame);
  if (!piece) return sink_.close();
  const auto entry = fetches_.find(piece->sha256);
  // Not asked for, or asked for twice: what is late is of no use, and does no harm.
  if (entry == fetches_.end() || !asked_.contains(piece->sha256) || entry->second.offset != piece->from) return;
  auto& fetch = entry->second;
  if (frame.bytes.empty() && !piece->last) return sink_.close();  // it could go on for ever
  if (frame.bytes.size() > fetch.bytes_max - fetch.offset)
    return end_fetch(piece->sha256,
                     Error{Errc::blob_transfer, "a blob is larger than it was said to be", piece->sha256});
  if (const auto kept = fetch.sink->append(frame.bytes); !kept) return end_fetch(piece->sha256, kept.error());
  fetch.offset += frame.bytes.size();
  fetch.moved = SystemClock().steady_now();
  if (!piece->last) {
    const bool may_be_more = fetch.upto < fetch.bytes_max;
    if (may_be_more && fetch.upto - fetch.offset <= kBlobWindow / 2) want(piece->sha256, fetch);
    return;
  }
  auto sha256 = fetch.sink->finish();
  if (!sha256) return end_fetch(piece->sha256, sha256.error());
  if (*sha256 != piece->sha256)
    return end_fetch(piece->sha256, Error{Errc::blob_transfer, "a blob arrived that has another hash", piece->sha256});
  end_fetch(piece->sha256, true);
}

void BlobPortState::on_none(const Frame& frame) {
  const auto piece = body_of<remote::BlobPiece>(frame);
  if (!piece) return sink_.close();
  if (asked_.contains(piece->sha256))
    end_fetch(piece->sha256,
              Error{Errc::blob_transfer, "the other side cannot send a blob: " + piece->reason, piece->sha256});
}

void BlobPortState::end_fetch(const std::string& sha256, const Result<bool>& end) {
  asked_.erase(sha256);
  auto fetch = fetches_.extract(sha256);
  if (fetch.empty()) return;
  for (auto& order : fetch.mapped().orders) {
    if (!order->done) continue;
    if (!end)
      std::exchange(order->done, {})(end.error());
    else if (--order->missing == 0)
      std::exchange(order->done, {})(true);
  }
  want_more();
}

// -- what the peer needs ----------------------------------------------------------------------------------

void BlobPortState::on_want(const Frame& frame) {
  const auto want = body_of<remote::BlobWant>(frame);
  if (!want || want->upto < want->from || want->sha256.size() != kSha256Digits) return sink_.close();
  const auto none = [&](const char* reason) {
    sink_.send(frame_of(FrameKind::blob_none, remote::BlobPiece{want->sha256, want->from, false, reason}));
  };
  if (!offered_.contains(want->sha256)) return none("it was not offered");
  if (const auto running = sends_.find(want->sha256); running != sends_.end()) {
    auto& send = running->second;
    if (want->from > send.asked_from && !send.anew) {
      send.asked_from = want->from;
      return send.sending->allow(want->upto);
    }
    send.anew = *want;
    return send.sending->stop();
  }
  if (sends_.size() >= kBlobsAtOnce * 2) return none("too many transfers at once");
  start_send(want->sha256, want->from, want->upto);
}

void BlobPortState::start_send(const std::string& sha256, std::uint64_t from, std::uint64_t upto) {
  auto sending = std::make_shared<BlobSending>();
  sending->upto = upto;
  sends_.emplace(sha256, Send{sending, from, {}});
  // A thread for as long as the blob takes: it waits for the disk, and for the peer.
  on_own_thread(self_->home_system(), [sha256, from, sending, sink = sink_, port = BlobPort(self_),
                                       store = parts_.store, alive = parts_.alive] {
    Chunks chunks(sha256, from, sink, *sending);
    const auto sent = store->pass_blob(sha256, [&](std::string_view piece) { return chunks.take(piece); });
    if (sent)
      chunks.end();
    else if (sent.error().code != Errc::blob_transfer)
      sink.send(frame_of(FrameKind::blob_none, remote::BlobPiece{sha256, from, false, sent.error().message}));
    caf::anon_send(port, BlobSent{sha256, sending});
  });
}

void BlobPortState::on_sent(const BlobSent& message) {
  // After a reconnect another one of the same blob may be on its way.
  const auto entry = sends_.find(message.sha256);
  if (entry == sends_.end() || entry->second.sending != message.sending) return;
  const auto anew = std::move(entry->second.anew);
  sends_.erase(entry);
  if (anew) start_send(anew->sha256, anew->from, anew->upto);
}

void BlobPortState::on_frame(const BlobFrame& message) {
  if (!is_up_) return;
  if (message.frame.kind == FrameKind::blob_chunk)
    on_chunk(message.frame);
  else if (message.frame.kind == FrameKind::blob_want)
    on_want(message.frame);
  else
    on_none(message.frame);
}

BlobPort::behavior_type blob_port(BlobPort::stateful_pointer<BlobPortState> self, BlobPortParts parts) {
  die_quietly(self);
  self->state.open(std::move(parts));
  return {[self](const PortUp& message) { self->state.on_up(message); },
          [self](const PortDown&) { self->state.on_down(); },
          [self](const OfferBlobs& message) { self->state.on_offer(message); },
          [self](FetchBlobs& message) { self->state.on_fetch(message); },
          [self](const BlobFrame& message) { self->state.on_frame(message); },
          [self](const BlobSent& message) { self->state.on_sent(message); },
          [self](const BlobTick&) { self->state.on_tick(); }};
}

}  // namespace hillstar::actors
