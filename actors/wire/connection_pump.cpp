// SPDX-License-Identifier: Apache-2.0
// What a connection moves: TLS to CAF, after a look at each frame, and back.
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>

#include "actors/wire/connection.hpp"
#include "runtime/platform/openssl_parts.hpp"

namespace hillstar::actors::wire {
namespace {

constexpr std::size_t kBufferBytes = 64U << 10U;
constexpr std::size_t kLargeBufferBytes = 320U << 10U;
/// Reads in a row before others have their turn.
constexpr int kTurnsMax = 32;

}  // namespace

void Connection::pump_in() {
  if (in_.empty()) in_.resize(kBufferBytes);
  for (int turn = 0; state_ == State::open && turn < kTurnsMax; ++turn) {
    if (!give_to_caf()) return;
    if (!look_at_incoming() || in_begin_ < in_good_) continue;
    if (room_->is_full()) {
      room_->waits = true;
      // What was given back meanwhile did not see that anybody waits.
      if (!room_->is_half_empty() || !room_->waits.exchange(false)) return;
    }
    if (!make_room() || !read_tls()) return;
  }
  if (state_ == State::open) asio::post(*keeper_.loop, [self = shared_from_this()] { self->pump_in(); });
}

bool Connection::give_to_caf() {
  while (in_begin_ < in_good_) {
    const auto sent = ::send(caf_.native_handle(), in_.data() + in_begin_, in_good_ - in_begin_, MSG_NOSIGNAL);
    if (sent > 0) {
      in_begin_ += static_cast<std::size_t>(sent);
    } else if (errno == EAGAIN) {
      wait(Wait::caf_write);
      return false;
    } else if (errno != EINTR) {
      end(Error{Errc::host_closed, "The connection was closed here."});
      return false;
    }
  }
  return true;
}

bool Connection::replace_handshake(const std::string& instead) {
  // Into an empty socket: it goes as a whole.
  const auto sent = ::send(caf_.native_handle(), instead.data(), instead.size(), MSG_NOSIGNAL);
  if (sent == static_cast<ssize_t>(instead.size())) return true;
  end(Error{Errc::host_closed, "The connection was closed here."});
  return false;
}

bool Connection::look_at_incoming() {
  while (in_good_ < in_end_) {
    auto next = inbound_->next(std::string_view(in_.data() + in_good_, in_end_ - in_good_));
    if (!next) {
      end(next.error());
      return false;
    }
    if (std::holds_alternative<Inbound::More>(*next)) return true;
    if (const auto* pass = std::get_if<Inbound::Pass>(&*next)) {
      room_->bytes += pass->content + kOverheadMax;
      room_->frames += 1;
      in_good_ += pass->bytes;
      continue;
    }
    // What is not passed on as it is waits until all before it has left.
    if (in_begin_ < in_good_) return false;
    std::size_t size = 0;
    if (const auto* skip = std::get_if<Inbound::Skip>(&*next)) size = skip->bytes;
    if (const auto* shake = std::get_if<Inbound::Handshake>(&*next)) {
      size = shake->bytes;
      if (!replace_handshake(shake->instead)) return false;
    }
    in_begin_ = in_good_ = in_good_ + size;
  }
  return true;
}

/// Behind what is kept, for at least the rest of the frame that has begun.
bool Connection::make_room() {
  if (in_begin_ > 0) {
    std::memmove(in_.data(), in_.data() + in_begin_, in_end_ - in_begin_);
    in_end_ -= in_begin_;
    in_begin_ = in_good_ = 0;
  }
  const auto wanted = Inbound::wanted(std::string_view(in_.data(), in_end_));
  if (wanted > in_.size()) in_.resize(std::max(wanted, kLargeBufferBytes));
  return true;
}

bool Connection::read_tls() {
  ERR_clear_error();
  const int count = SSL_read(tls_.get(), in_.data() + in_end_, static_cast<int>(in_.size() - in_end_));
  if (count <= 0) {
    tls_again(count, false);
    return false;
  }
  in_end_ += static_cast<std::size_t>(count);
  return true;
}

void Connection::pump_out() {
  if (out_.empty()) out_.resize(kBufferBytes);
  for (int turn = 0; state_ == State::open && turn < kTurnsMax; ++turn) {
    look_at_outgoing();
    if (out_begin_ < out_good_) {
      if (!write_tls()) return;
      continue;
    }
    if (out_closing_) return linger();
    if (!read_caf()) return;
  }
  if (state_ == State::open) asio::post(*keeper_.loop, [self = shared_from_this()] { self->pump_out(); });
}

bool Connection::write_tls() {
  ERR_clear_error();
  const int written = SSL_write(tls_.get(), out_.data() + out_begin_, static_cast<int>(out_good_ - out_begin_));
  if (written <= 0) {
    tls_again(written, true);
    return false;
  }
  out_begin_ += static_cast<std::size_t>(written);
  return true;
}

void Connection::look_at_outgoing() {
  while (out_good_ < out_end_ && !out_closing_) {
    const auto here = out_end_ - out_good_;
    if (out_rest_ == 0) {
      if (here < kHeaderBytes) return;
      const auto header = header_of(out_.data() + out_good_);
      const auto size = kHeaderBytes + header.payload;
      out_drops_ = outbound_of(header) == Outbound::drop;
      if (may_be_closing(header)) {
        if (here < size) return;
        out_closing_ = is_closing(std::string_view(out_.data() + out_good_ + kHeaderBytes, header.payload));
        if (out_closing_) return set_deadline(Millis(1'000), "The connection was closed here.");
      }
      out_rest_ = size;
      if (is_frame(header)) {
        backlog_->frames -= 1;
        backlog_->bytes -= header.payload;
      }
    }
    if (out_drops_ && out_begin_ < out_good_) return;  // what is before it leaves first
    const auto take = std::min(out_rest_, here);
    out_good_ += take;
    out_rest_ -= take;
    if (out_drops_) out_begin_ = out_good_;
  }
}

bool Connection::read_caf() {
  if (out_begin_ > 0) {
    std::memmove(out_.data(), out_.data() + out_begin_, out_end_ - out_begin_);
    out_end_ -= out_begin_;
    out_begin_ = out_good_ = 0;
  }
  const auto count = ::recv(caf_.native_handle(), out_.data() + out_end_, out_.size() - out_end_, 0);
  if (count > 0) {
    out_end_ += static_cast<std::size_t>(count);
    // Who fills it at once sends more than beats.
    if (out_end_ == out_.size() && out_.size() < kLargeBufferBytes) out_.resize(kLargeBufferBytes);
    return true;
  }
  if (count < 0 && (errno == EAGAIN || errno == EINTR))
    wait(Wait::caf_read);
  else
    end(Error{Errc::host_closed, "The connection was closed here."});
  return false;
}

}  // namespace hillstar::actors::wire
