// SPDX-License-Identifier: Apache-2.0
// What an open connection moves: TLS on one side, CAF on the other, and nothing passes that was not looked at. CAF's
// broker is told how the connection begins and ends; frames that come go past it to their actor, their bytes uncopied.
// Made on the gate's thread, when the handshake is done; lives on CAF's I/O thread, so that a frame changes threads
// only where it must: from who sends it to CAF, and from CAF to who gets it.
#pragma once

#include <caf/actor.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/network/event_handler.hpp>
#include <caf/io/scribe.hpp>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "actors/wire/basp.hpp"
#include "actors/wire/credentials.hpp"
#include "actors/wire/link.hpp"
#include "messages/frame.hpp"

namespace hillstar::actors::wire {

struct ChannelParts {
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
  /// Goes on as OpenSSL wants after `result`; ends the channel if it cannot.
  void tls_again(int result, bool writes);

  void read();
  void give_to_caf(std::string_view bytes);
  void look_at_incoming();
  void take_bytes();
  void deliver();
  bool pause();
  void go_on();
  void make_room();
  bool read_tls();
  void drain();

  void write();
  bool look_at_outgoing();
  bool write_tls();
  bool flush_tls();
  void rest();
  void wait_to_write(bool yes);
  void linger();

  ChannelParts parts_;
  caf::intrusive_ptr<Scribe> scribe_;  ///< From launch to end: they hold each other.
  // CAF's loop knows it by its address for as long as it watches the socket.
  std::shared_ptr<Channel> watched_for_reading_;
  std::shared_ptr<Channel> watched_for_writing_;
  bool over_ = false;
  bool closing_ = false;           ///< What comes is thrown away.
  bool paused_ = false;            ///< There is no room for what comes.
  bool write_posted_ = false;      ///< write() runs in a moment.
  bool waits_to_write_ = false;    ///< The socket is full.
  bool read_after_write_ = false;  ///< TLS wants to write before it reads on.
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
  // From CAF: [out_begin_, out_good_) was looked at and leaves, the rest not yet.
  std::vector<char> out_;
  std::size_t out_begin_ = 0;
  std::size_t out_good_ = 0;
  std::vector<char> out_next_;  ///< CAF writes into it.
};

}  // namespace hillstar::actors::wire
