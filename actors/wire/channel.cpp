// SPDX-License-Identifier: Apache-2.0
#include "actors/wire/channel.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <caf/make_counted.hpp>
#include <caf/send.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "runtime/platform/openssl_parts.hpp"
#include "runtime/platform/signal_block.hpp"

namespace hillstar::actors::wire {
namespace {

using caf::io::network::operation;

constexpr std::size_t kBufferBytes = 64U << 10U;
constexpr std::size_t kRecordBytes = 16U << 10U;
/// Reads or writes in a row before others have their turn.
constexpr int kTurnsMax = 32;
/// Writes in a row on a thread that has other work.
constexpr int kTurnsHere = 4;

Error closed_here() { return Error{Errc::host_closed, "The connection was closed here."}; }

}  // namespace

/// What CAF's broker sees of a channel.
class Channel::Scribe final : public caf::io::scribe {
 public:
  explicit Scribe(std::shared_ptr<Channel> channel)
      : scribe(caf::io::network::conn_hdl_from_socket(channel->fd())), channel_(std::move(channel)) {}

  void configure_read(caf::io::receive_policy::config config) override {
    channel_->caf_wants_ = config.second;  // BASP knows how many bytes come next
    channel_->launch(this);
  }
  void ack_writes(bool /*enable*/) override {}
  std::vector<char>& wr_buf() override { return channel_->from_caf_; }
  std::vector<char>& rd_buf() override { return channel_->to_caf_; }
  void flush() override { channel_->flush(); }
  void graceful_shutdown() override {
    detach(&channel_->backend(), false);
    channel_->finish(closed_here());
  }
  void add_to_loop() override {}
  void remove_from_loop() override { channel_->backend().del(operation::read, channel_->fd(), channel_.get()); }
  [[nodiscard]] std::string addr() const override { return {}; }
  [[nodiscard]] std::uint16_t port() const override { return 0; }

 private:
  std::shared_ptr<Channel> channel_;
};

std::shared_ptr<Channel> Channel::open(caf::io::network::multiplexer& loop, ChannelParts parts) {
  // The only one that CAF has.
  return std::make_shared<Channel>(dynamic_cast<caf::io::network::default_multiplexer&>(loop), std::move(parts));
}

Channel::Channel(caf::io::network::default_multiplexer& loop, ChannelParts parts)
    : event_handler(loop, parts.socket), parts_(std::move(parts)), outgoing_(parts_.backlog) {
  Outgoing::gather(parts_.tls.get());
}

caf::io::scribe_ptr Channel::scribe() { return caf::make_counted<Scribe>(shared_from_this()); }

void Channel::later(void (Channel::*what)()) {
  backend().post([weak = weak_from_this(), what] {
    if (const auto self = weak.lock()) ((*self).*what)();
  });
}

void Channel::end(const Error& reason) {
  backend().post([self = shared_from_this(), reason] { self->finish(reason); });
}

void Channel::launch(Scribe* scribe) {
  if (scribe_) return;
  if (over_)
    return backend().post([late = caf::intrusive_ptr<Scribe>(scribe)] { late->io_failure(nullptr, operation::read); });
  thread_local const SignalBlock no_sigpipe(SIGPIPE);  // OpenSSL writes to sockets whose other end may be gone
  scribe_.reset(scribe);
  parts_.room->there_is_room = [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->later(&Channel::go_on);
  };
  watched_for_reading_ = shared_from_this();
  backend().add(operation::read, fd(), this);
  later(&Channel::read);  // TLS may have more in hand than the socket
}

/// Tells the other side why, as far as TLS has words for it, and never blocks. For who holds the lock.
void Channel::say_goodbye() {
  ERR_clear_error();
  SSL_shutdown(parts_.tls.get());
  BIO_flush(SSL_get_wbio(parts_.tls.get()));
  ERR_clear_error();
}

void Channel::finish(const Error& reason) {
  if (over_) return;
  const auto self = shared_from_this();
  {
    const std::lock_guard guard(tls_in_use_);
    over_ = true;
    say_goodbye();
  }
  outgoing_.end();
  backend().del(operation::read, fd(), this);
  backend().del(operation::write, fd(), this);
  ::shutdown(fd(), SHUT_RDWR);
  if (const auto scribe = std::exchange(scribe_, nullptr)) scribe->io_failure(&backend(), operation::read);
  parts_.over(reason);
}

void Channel::graceful_shutdown() { finish(closed_here()); }

void Channel::handle_event(operation what) {
  const auto self = shared_from_this();
  if (what == operation::write) {
    if (std::exchange(read_after_write_, false)) read();
    return write();
  }
  read();
  if (std::exchange(write_after_read_, false)) write();
  if (what == operation::propagate_error) finish(Error{Errc::host_closed, "The connection ended."});
}

void Channel::removed_from_loop(operation what) {
  if (what == operation::read) watched_for_reading_.reset();
  if (what == operation::write) watched_for_writing_.reset();
}

std::optional<Error> Channel::tls_again(int result, bool writes) {
  const int why = SSL_get_error(parts_.tls.get(), result);
  if (why == SSL_ERROR_WANT_READ) {
    if (writes) write_after_read_ = true;
  } else if (why == SSL_ERROR_WANT_WRITE) {
    if (!writes) read_after_write_ = true;
    wait_to_write(true);
  } else {
    return tls_failure(parts_.tls.get(), why, TlsCall{true, writes});
  }
  return std::nullopt;
}

// -- in ---------------------------------------------------------------------------------------------------

void Channel::read() {
  if (in_.empty()) in_.resize(kBufferBytes);
  for (int turn = 0; !over_ && turn < kTurnsMax; ++turn) {
    if (closing_) return drain();
    look_at_incoming();
    if (over_ || (parts_.room->is_full() && pause())) return;
    // CAF's loop says when there is more; what TLS has already read it does not see.
    if (turn > 0 && !tls_has_more_) return;
    make_room();
    if (!read_tls()) return;
  }
  if (!over_) later(&Channel::read);
}

void Channel::look_at_incoming() {
  if (missing_ > 0) take_bytes();
  while (in_begin_ < in_end_ && !over_) {
    auto next = parts_.inbound->next(std::string_view(in_.data() + in_begin_, in_end_ - in_begin_));
    if (!next) return finish(next.error());
    if (std::holds_alternative<Inbound::More>(*next)) return;
    if (const auto* begun = std::get_if<Inbound::Begun>(&*next)) {
      frame_ = Frame{begun->version, begun->kind, std::string(begun->json), {}};
      in_begin_ += begun->bytes;
      missing_ = begun->rest;
      frame_.bytes.reserve(missing_);
      take_bytes();
    } else if (const auto* opening = std::get_if<Inbound::Opening>(&*next)) {
      parts_.room->bytes += kOverheadMax;
      parts_.room->frames += 1;
      const std::string_view at(in_.data() + in_begin_, opening->bytes);
      in_begin_ += opening->bytes;
      give_to_caf(at);
    } else if (const auto* skip = std::get_if<Inbound::Skip>(&*next)) {
      in_begin_ += skip->bytes;
    } else if (const auto* shake = std::get_if<Inbound::Handshake>(&*next)) {
      in_begin_ += shake->bytes;
      give_to_caf(shake->instead);
    }
  }
}

void Channel::take_bytes() {
  const auto count = std::min(missing_, in_end_ - in_begin_);
  frame_.bytes.append(in_.data() + in_begin_, count);
  in_begin_ += count;
  missing_ -= count;
  if (missing_ == 0) deliver();
}

/// As CAF would: from nobody.
void Channel::deliver() {
  parts_.room->bytes += weight_of(frame_);
  parts_.room->frames += 1;
  caf::anon_send(parts_.link, std::exchange(frame_, {}));
}

void Channel::give_to_caf(std::string_view bytes) {
  while (!bytes.empty() && !over_) {
    const auto wanted = caf_wants_;
    if (to_caf_.size() != wanted) to_caf_.resize(wanted);
    const auto take = std::min(wanted - to_caf_bytes_, bytes.size());
    std::memcpy(to_caf_.data() + to_caf_bytes_, bytes.data(), take);
    bytes.remove_prefix(take);
    to_caf_bytes_ += take;
    if (to_caf_bytes_ < wanted) continue;
    to_caf_bytes_ = 0;
    const auto scribe = scribe_;
    if (!scribe->consume(&backend(), to_caf_.data(), wanted)) finish(closed_here());
  }
}

/// False if there is room after all.
bool Channel::pause() {
  auto& room = *parts_.room;
  room.waits = true;
  // What was given back meanwhile did not see that anybody waits.
  if (room.is_half_empty() && room.waits.exchange(false)) return false;
  paused_ = true;
  backend().del(operation::read, fd(), this);
  return true;
}

void Channel::go_on() {
  if (over_ || !std::exchange(paused_, false)) return;
  watched_for_reading_ = shared_from_this();
  backend().add(operation::read, fd(), this);
  read();
}

/// Behind what is kept. More than a buffer is kept of a frame's JSON only, which has its bound.
void Channel::make_room() {
  if (in_begin_ > 0) {
    std::memmove(in_.data(), in_.data() + in_begin_, in_end_ - in_begin_);
    in_end_ -= std::exchange(in_begin_, 0);
  }
  if (in_end_ == in_.size()) in_.resize(std::min(2 * in_.size(), kHeaderBytes + kPayloadMax));
}

/// How many bytes came; 0: TLS waits, or the channel is over.
std::size_t Channel::read_into(char* place, std::size_t room) {
  std::unique_lock lock(tls_in_use_);
  ERR_clear_error();
  const int count = SSL_read(parts_.tls.get(), place, static_cast<int>(room));
  const auto failure = count > 0 ? std::nullopt : tls_again(count, false);
  tls_has_more_ = SSL_has_pending(parts_.tls.get()) != 0;
  lock.unlock();
  if (failure) finish(*failure);
  return static_cast<std::size_t>(std::max(count, 0));
}

bool Channel::read_tls() {
  // A frame's own bytes go where they belong, a record of TLS at a time.
  auto& bytes = frame_.bytes;
  const auto before = bytes.size();
  const bool straight = missing_ > 0 && in_end_ == 0;
  if (straight) bytes.resize(before + std::min(missing_, kRecordBytes));
  auto* const into = straight ? bytes.data() + before : in_.data() + in_end_;
  const auto room = straight ? bytes.size() - before : in_.size() - in_end_;
  const auto have = read_into(into, room);
  if (straight) {
    bytes.resize(before + have);
    missing_ -= have;
    if (have > 0 && missing_ == 0) deliver();
  } else {
    in_end_ += have;
  }
  return have > 0;
}

void Channel::drain() {
  char junk[4096];
  for (;;) {
    const auto count = ::recv(fd(), junk, sizeof junk, 0);
    if (count > 0) continue;
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    return finish(closed_here());
  }
}

// -- out --------------------------------------------------------------------------------------------------

void Channel::send(std::uint64_t actor, const Frame& frame) {
  outgoing_.add(actor, frame);
  if (frame.version == kClosing || !outgoing_.is_due(frame) || !write_here()) write_soon();
}

/// What the broker writes now leaves together, when the broker has nothing more to say.
void Channel::flush() {
  if (from_caf_.empty()) return;
  // Who is dialled hears of the other's actor before anybody has a way to it.
  outgoing_.add(from_caf_, parts_.side == Side::listener);
  write_soon();
}

void Channel::write_soon() {
  // A full socket is watched, and then all is written that is there.
  if (!waits_to_write_ && !write_posted_.exchange(true)) later(&Channel::write);
}

/// On the thread of whoever has something to say: waking another takes longer. False if there is more to it.
bool Channel::write_here() {
  if (waits_to_write_) return false;
  const std::unique_lock lock(tls_in_use_, std::try_to_lock);
  if (!lock || over_ || closing_) return false;
  const SignalBlock no_sigpipe(SIGPIPE);
  const auto written = outgoing_.write(parts_.tls.get(), kTurnsHere);
  ERR_clear_error();
  return written.stop == Outgoing::Stop::empty;
}

void Channel::write() {
  write_posted_ = false;
  if (over_ || closing_) return;
  std::unique_lock lock(tls_in_use_);
  const auto written = outgoing_.write(parts_.tls.get(), kTurnsMax);
  const auto failure = written.stop == Outgoing::Stop::tls ? tls_again(written.result, true) : std::nullopt;
  lock.unlock();
  if (failure) return finish(*failure);
  if (written.stop == Outgoing::Stop::empty) rest();
  if (written.stop == Outgoing::Stop::turn) write_soon();
  if (written.stop == Outgoing::Stop::closes) linger();
  if (written.stop == Outgoing::Stop::full) wait_to_write(true);
  if (written.stop == Outgoing::Stop::broken) finish(Error{Errc::host_closed, "The connection ended."});
}

/// All is said. Who added something just now may have seen that the socket was still waited for.
void Channel::rest() {
  wait_to_write(read_after_write_);
  if (!outgoing_.is_empty()) write_soon();
}

void Channel::wait_to_write(bool yes) {
  if (waits_to_write_.exchange(yes) == yes) return;
  if (!yes) return backend().del(operation::write, fd(), this);
  watched_for_writing_ = shared_from_this();
  backend().add(operation::write, fd(), this);
}

/// The last words are on their way: waits until the other side has them, lest the kernel throws them away.
void Channel::linger() {
  {
    const std::lock_guard guard(tls_in_use_);
    closing_ = true;
    say_goodbye();
  }
  ::shutdown(fd(), SHUT_WR);
  parts_.closing();
  wait_to_write(false);
  paused_ ? go_on() : later(&Channel::read);
}

}  // namespace hillstar::actors::wire
