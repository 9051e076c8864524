// SPDX-License-Identifier: Apache-2.0
// What an open connection moves: TLS on one side, CAF on the other, and nothing passes that was not looked at. CAF's
// broker is told how the connection begins and ends; frames go past it. Made on the gate's thread, when the handshake
// is done; lives on CAF's I/O thread. A frame changes threads only where it must: it leaves on the thread of who sends
// it, if nothing is in its way, and comes, its bytes uncopied, from the I/O thread to the actor that gets it.
#pragma once

#include <atomic>
#include <caf/actor.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/network/event_handler.hpp>
#include <caf/io/scribe.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "actors/wire/basp.hpp"
#include "actors/wire/credentials.hpp"
#include "actors/wire/link.hpp"
#include "actors/wire/outgoing.hpp"
#include "messages/frame.hpp"

namespace hillstar::actors::wire {

struct ChannelParts {
  Side side = Side::listener;
  int socket = -1;  ///< Becomes the channel's.
  Tls tls;          ///< Its handshake is done.
  std::unique_ptr<Inbound> inbound;
  std::shared_ptr<Room> room;
  std::shared_ptr<Backlog> backlog;
  caf::actor link;  ///< Gets the frames.
  /// The last words are on their way: who keeps the channel ends it in a while. On CAF's thread.
  std::function<void()> closing;
  /// It is over; once, and the last. On CAF's thread.
  std::function<void(const Error&)> over;
};

class Channel final : public caf::io::network::event_handler, public std::enable_shared_from_this<Channel> {
 public:
  static std::shared_ptr<Channel> open(caf::io::network::multiplexer& loop, ChannelParts parts);
  Channel(caf::io::network::default_multiplexer& loop, ChannelParts parts);

  /// For CAF's broker of BASP, once. Nothing moves before the broker has it.
  caf::io::scribe_ptr scribe();
  /// A frame for the peer's actor; any thread. One that follows another closely leaves together with what comes next.
  void send(std::uint64_t actor, const Frame& frame);
  /// Ends it at once; any thread. Later reasons count for nothing.
  void end(const Error& reason);

  // Called by CAF's loop.
  void handle_event(caf::io::network::operation what) override;
  void removed_from_loop(caf::io::network::operation what) override;
  void graceful_shutdown() override;

 private:
  class Scribe;

  /// In a moment, if it is still there. Any thread.
  void later(void (Channel::*what)());
  void launch(Scribe* scribe);
  void flush();
  void finish(const Error& reason);
  void say_goodbye();
  /// Goes on as OpenSSL wants after `result`; an error: it cannot. For who holds the lock.
  std::optional<Error> tls_again(int result, bool writes);

  void read();
  void give_to_caf(std::string_view bytes);
  void look_at_incoming();
  void take_bytes();
  void deliver();
  bool pause();
  void go_on();
  void make_room();
  std::size_t read_into(char* place, std::size_t room);
  bool read_tls();
  void drain();

  void write_soon();
  bool write_here();
  void write();
  void rest();
  void wait_to_write(bool yes);
  void linger();

  ChannelParts parts_;
  caf::intrusive_ptr<Scribe> scribe_;  ///< From launch to end: they hold each other.
  // CAF's loop knows it by its address for as long as it watches the socket.
  std::shared_ptr<Channel> watched_for_reading_;
  std::shared_ptr<Channel> watched_for_writing_;
  std::mutex tls_in_use_;  ///< One call of OpenSSL at a time; changes of the next two besides.
  bool over_ = false;
  bool closing_ = false;                     ///< What comes is thrown away.
  bool paused_ = false;                      ///< There is no room for what comes.
  std::atomic<bool> write_posted_{false};    ///< write() runs in a moment.
  std::atomic<bool> waits_to_write_{false};  ///< The socket is full.
  bool tls_has_more_ = false;                ///< It has read what was not asked for yet.
  bool read_after_write_ = false;            ///< TLS wants to write before it reads on.
  bool write_after_read_ = false;

  // From the peer: what was looked at went to CAF, [in_begin_, in_end_) was not yet.
  std::vector<char> in_;
  std::size_t in_begin_ = 0;
  std::size_t in_end_ = 0;
  Frame frame_;                   ///< That has begun.
  std::size_t missing_ = 0;       ///< Of its bytes.
  std::vector<char> to_caf_;      ///< CAF asks for so many bytes, and gets them when they are all there.
  std::size_t to_caf_bytes_ = 0;  ///< Of them are there.
  std::size_t caf_wants_ = 0;
  std::vector<char> from_caf_;  ///< CAF writes into it.
  Outgoing outgoing_;
};

}  // namespace hillstar::actors::wire
