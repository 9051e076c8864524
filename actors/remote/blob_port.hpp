// SPDX-License-Identifier: Apache-2.0
// Blobs between two machines, both ways, over the frames of one peer.
//
// Whoever needs a blob asks for it, from where it stands, and says how far the other side may go: so memory is bounded
// on both sides, a slow disk slows the sender, and a transfer goes on where it stopped when the connection is back. The
// hash is checked at the end; nothing is handed on of bytes that do not have it. A peer gets only what it was named.
#pragma once

#include <caf/stateful_actor.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "actors/remote/orders.hpp"
#include "actors/reply.hpp"
#include "actors/wire/wire.hpp"
#include "messages/value.hpp"
#include "persistence/event_store.hpp"

namespace hillstar::actors {

/// Bytes that may be on their way of one blob, and blobs of which some are, each way.
inline constexpr std::uint64_t kBlobWindow = 8U << 20U;
inline constexpr std::size_t kBlobsAtOnce = 4;
/// Nothing more is sent while so much is still here for a peer that reads slowly.
inline constexpr std::size_t kBlobBacklog = 64U << 20U;
/// A peer that is there and sends nothing of a blob for so long does not have it.
inline constexpr Millis kBlobStall{60'000};
/// Of a blob whose size nobody said.
inline constexpr std::uint64_t kUnsizedBlobMax = 64U << 20U;
/// Of any.
inline constexpr std::uint64_t kBlobBytesMax = 256U << 20U;

/// The connection is there, again.
struct PortUp {
  wire::FrameSink sink;
};
struct PortDown {};
/// The peer may ask for these, or may not any more; as often withdrawn as offered.
struct OfferBlobs {
  std::vector<std::string> sha256s;
  bool withdrawn = false;
};
/// `done` is called once all of them are in the store, on an engine thread; an error says which one is not.
struct FetchBlobs {
  std::vector<BlobRef> blobs;
  std::function<void(Result<bool>)> done;
};
/// blob_want, blob_chunk, blob_none.
struct BlobFrame {
  Frame frame;
  std::shared_ptr<const void> room{};  ///< Of the peer, who is read no further while too many wait here.
};
/// To itself: has anything come of what was asked for?
struct BlobTick {};
struct BlobSending;
struct BlobSent {
  std::string sha256;
  std::shared_ptr<BlobSending> sending;
};

using BlobPort = caf::typed_actor<caf::reacts_to<PortUp>, caf::reacts_to<PortDown>, caf::reacts_to<OfferBlobs>,
                                  caf::reacts_to<FetchBlobs>, caf::reacts_to<BlobFrame>, caf::reacts_to<BlobSent>,
                                  caf::reacts_to<BlobTick>>;

struct BlobPortParts {
  persistence::EventStore* store = nullptr;  ///< Outlives the actor.
  Reply<bool> alive;
  Millis stall = kBlobStall;
};

class BlobPortState {
 public:
  explicit BlobPortState(BlobPort::pointer actor) : self_(actor) {}
  ~BlobPortState();

  void open(BlobPortParts parts) { parts_ = std::move(parts); }
  void on_up(const PortUp& message);
  void on_down();
  void on_offer(const OfferBlobs& message);
  void on_fetch(FetchBlobs& message);
  void on_frame(const BlobFrame& message);
  void on_sent(const BlobSent& message);
  void on_tick();

  const char* name = "blob_port";

 private:
  struct Order {
    std::size_t missing = 0;
    std::function<void(Result<bool>)> done;
  };
  using OrderPtr = std::shared_ptr<Order>;
  struct Fetch {
    std::uint64_t bytes_max = kUnsizedBlobMax;
    std::uint64_t offset = 0;
    std::uint64_t upto = 0;
    std::unique_ptr<BlobSink> sink;
    std::vector<OrderPtr> orders;
    std::chrono::steady_clock::time_point moved;
  };
  struct Send {
    std::shared_ptr<BlobSending> sending;
    std::uint64_t asked_from = 0;            ///< Whoever goes on asks from further on each time,
    std::optional<remote::BlobWant> anew{};  ///< others get it anew, once this one has ended.
  };

  void on_chunk(const Frame& frame);
  void on_want(const Frame& frame);
  void on_none(const Frame& frame);
  void want_more();
  void want(const std::string& sha256, Fetch& fetch);
  void end_fetch(const std::string& sha256, const Result<bool>& end);
  void arm();
  void start_send(const std::string& sha256, std::uint64_t from, std::uint64_t upto);

  BlobPort::pointer self_;
  BlobPortParts parts_;
  wire::FrameSink sink_;
  bool is_up_ = false;
  bool ticking_ = false;
  std::unordered_map<std::string, std::uint32_t> offered_;  ///< How often.
  std::unordered_map<std::string, Fetch> fetches_;
  std::deque<std::string> fetch_queue_;  ///< Not asked for yet.
  std::unordered_set<std::string> asked_;
  std::unordered_map<std::string, Send> sends_;
};

BlobPort::behavior_type blob_port(BlobPort::stateful_pointer<BlobPortState> self, BlobPortParts parts);

}  // namespace hillstar::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::PortUp)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::PortDown)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::OfferBlobs)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::FetchBlobs)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::BlobFrame)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::BlobSent)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::BlobTick)
