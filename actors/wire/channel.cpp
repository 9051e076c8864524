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
constexpr long kTogetherBytes = 64L << 10;
/// What is looked at before it is written.
constexpr std::size_t kWriteBytes = 256U << 10U;
/// A buffer that was once larger is not kept.
constexpr std::size_t kKeptBufferBytes = 1U << 20U;
/// Reads or writes in a row before others have their turn.
constexpr int kTurnsMax = 32;

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
  std::vector<char>& wr_buf() override { return channel_->out_next_; }
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
    : event_handler(loop, parts.socket), parts_(std::move(parts)) {
  // Records of TLS leave together: OpenSSL would write each by itself. The last of them leave with flush_tls() only.
  auto* const buffer = BIO_new(BIO_f_buffer());
  if (buffer == nullptr) return;
  BIO_set_write_buffer_size(buffer, kTogetherBytes);
  auto* const socket = SSL_get_rbio(parts_.tls.get());
  BIO_up_ref(socket);
  SSL_set0_wbio(parts_.tls.get(), BIO_push(buffer, socket));
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
  // OpenSSL writes to sockets whose other end may be gone.
  thread_local const SignalBlock no_sigpipe(SIGPIPE);
  scribe_.reset(scribe);
  parts_.room->there_is_room = [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->later(&Channel::go_on);
  };
  watched_for_reading_ = shared_from_this();
  backend().add(operation::read, fd(), this);
  later(&Channel::read);  // TLS may have more in hand than the socket
}

void Channel::finish(const Error& reason) {
  if (std::exchange(over_, true)) return;
  const auto self = shared_from_this();
  // Tells the other side why, as far as TLS has words for it, and never blocks.
  ERR_clear_error();
  SSL_shutdown(parts_.tls.get());
  ERR_clear_error();
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

void Channel::tls_again(int result, bool writes) {
  const int why = SSL_get_error(parts_.tls.get(), result);
  if (why == SSL_ERROR_WANT_READ) {
    if (writes) write_after_read_ = true;
  } else if (why == SSL_ERROR_WANT_WRITE) {
    if (!writes) read_after_write_ = true;
    wait_to_write(true);
  } else {
    finish(tls_failure(parts_.tls.get(), why, TlsCall{true, writes}));
  }
}

// -- in ---------------------------------------------------------------------------------------------------

void Channel::read() {
  if (in_.empty()) in_.resize(kBufferBytes);
  for (int turn = 0; !over_ && turn < kTurnsMax; ++turn) {
    if (closing_) return drain();
    look_at_incoming();
    if (over_ || (parts_.room->is_full() && pause())) return;
    // CAF's loop says when there is more; what TLS has already read it does not see.
    if (turn > 0 && SSL_has_pending(parts_.tls.get()) == 0) return;
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
  parts_.room->bytes += frame_.json.size() + frame_.bytes.size() + kOverheadMax;
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

bool Channel::read_tls() {
  ERR_clear_error();
  // A frame's own bytes go where they belong, a record of TLS at a time.
  auto& bytes = frame_.bytes;
  const auto before = bytes.size();
  const bool straight = missing_ > 0 && in_end_ == 0;
  if (straight) bytes.resize(before + std::min(missing_, kRecordBytes));
  auto* const into = straight ? bytes.data() + before : in_.data() + in_end_;
  const auto room = straight ? bytes.size() - before : in_.size() - in_end_;
  const int count = SSL_read(parts_.tls.get(), into, static_cast<int>(room));
  const auto have = static_cast<std::size_t>(std::max(count, 0));
  if (straight) {
    bytes.resize(before + have);
    missing_ -= have;
    if (have > 0 && missing_ == 0) deliver();
  } else {
    in_end_ += have;
  }
  return have > 0 || (tls_again(count, false), false);
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

/// What the broker writes now leaves together, when the broker has nothing more to say.
void Channel::flush() {
  if (out_next_.empty() || over_ || waits_to_write_ || std::exchange(write_posted_, true)) return;
  later(&Channel::write);
}

void Channel::write() {
  write_posted_ = false;
  for (int turn = 0; turn < kTurnsMax && !over_ && !closing_; ++turn) {
    if (out_begin_ == out_.size()) {
      out_begin_ = out_good_ = 0;
      out_.clear();
      if (out_next_.empty()) return flush_tls() ? rest() : void();
      out_.swap(out_next_);
    }
    if (!look_at_outgoing()) return;
    if (out_begin_ < out_good_ && !write_tls()) return;
  }
  if (!over_ && !closing_) later(&Channel::write);
}

/// Of whole frames: CAF writes no halves. False if there is nothing to write now.
bool Channel::look_at_outgoing() {
  while (out_good_ < out_.size() && out_good_ - out_begin_ < kWriteBytes) {
    const auto header = header_of(out_.data() + out_good_);
    const auto size = kHeaderBytes + header.payload;
    const bool closes =
        may_be_closing(header) && is_closing(std::string_view(out_.data() + out_good_ + kHeaderBytes, header.payload));
    const bool drops = outbound_of(header) == Outbound::drop;
    if ((closes || drops) && out_begin_ < out_good_) return true;  // what is before it leaves first
    if (closes) {
      if (flush_tls()) linger();
      return false;
    }
    if (is_frame(header)) {
      parts_.backlog->frames -= 1;
      parts_.backlog->bytes -= header.payload;
    }
    out_good_ += size;
    if (drops) out_begin_ = out_good_;
  }
  return true;
}

/// What OpenSSL has written leaves; false if the socket is full, or broken.
bool Channel::flush_tls() {
  ERR_clear_error();
  auto* const out = SSL_get_wbio(parts_.tls.get());
  if (BIO_flush(out) > 0) return true;
  BIO_should_retry(out) != 0 ? wait_to_write(true) : finish(Error{Errc::host_closed, "The connection ended."});
  return false;
}

bool Channel::write_tls() {
  ERR_clear_error();
  const int written = SSL_write(parts_.tls.get(), out_.data() + out_begin_, static_cast<int>(out_good_ - out_begin_));
  if (written <= 0) return tls_again(written, true), false;
  out_begin_ += static_cast<std::size_t>(written);
  return true;
}

/// All is said. Buffers that were once large are not kept, but while much is sent they are.
void Channel::rest() {
  for (auto* buffer : {&out_, &out_next_})
    if (buffer->capacity() > kKeptBufferBytes) *buffer = {};
  wait_to_write(read_after_write_);
}

void Channel::wait_to_write(bool yes) {
  if (std::exchange(waits_to_write_, yes) == yes) return;
  if (!yes) return backend().del(operation::write, fd(), this);
  watched_for_writing_ = shared_from_this();
  backend().add(operation::write, fd(), this);
}

/// The last words are on their way: waits until the other side has them, lest the kernel throws them away.
void Channel::linger() {
  closing_ = true;
  ERR_clear_error();
  SSL_shutdown(parts_.tls.get());
  ERR_clear_error();
  ::shutdown(fd(), SHUT_WR);
  parts_.closing();
  wait_to_write(false);
  paused_ ? go_on() : later(&Channel::read);
}

}  // namespace hillstar::actors::wire
