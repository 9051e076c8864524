// SPDX-License-Identifier: Apache-2.0
#include "actors/wire/outgoing.hpp"

#include <openssl/err.h>

#include <string_view>
#include <utility>

namespace hillstar::actors::wire {
namespace {

using std::chrono::steady_clock;

/// What is looked at before it is written.
constexpr std::size_t kWriteBytes = 256U << 10U;
/// A buffer that was once larger is not kept.
constexpr std::size_t kKeptBytes = 1U << 20U;
/// Frames that come closer to each other leave together.
constexpr std::chrono::microseconds kQuiet{100};
constexpr std::size_t kLargeFrame = 64U << 10U;

constexpr long kGatheredBytes = 64L << 10;

/// What OpenSSL has written leaves; what comes then.
Outgoing::Stop flush(SSL* tls, Outgoing::Stop then) {
  ERR_clear_error();
  auto* const out = SSL_get_wbio(tls);
  if (BIO_flush(out) > 0) return then;
  return BIO_should_retry(out) != 0 ? Outgoing::Stop::full : Outgoing::Stop::broken;
}

void shrink(std::vector<char>& buffer) {
  if (buffer.capacity() > kKeptBytes) buffer = {};
}

}  // namespace

void Outgoing::gather(SSL* tls) {
  auto* const buffer = BIO_new(BIO_f_buffer());
  if (buffer == nullptr) return;
  BIO_set_write_buffer_size(buffer, kGatheredBytes);
  auto* const socket = SSL_get_rbio(tls);
  BIO_up_ref(socket);
  SSL_set0_wbio(tls, BIO_push(buffer, socket));
}

void Outgoing::add(std::vector<char>& said, bool opens) {
  const std::lock_guard guard(mutex_);
  open_ = open_ || opens;
  for (std::size_t at = 0; at < said.size();) {
    const auto header = header_of(said.data() + at);
    const auto end = at + kHeaderBytes + header.payload;
    if (outbound_of(header) == Outbound::pass) next_.insert(next_.end(), said.data() + at, said.data() + end);
    open_ = open_ || is_frame(header);
    at = end;
  }
  said.clear();
  if (!open_) return;
  next_.insert(next_.end(), early_.begin(), early_.end());
  early_ = {};
}

void Outgoing::add(std::uint64_t actor, const Frame& frame) {
  const std::lock_guard guard(mutex_);
  if (!over_) append_frame(open_ ? next_ : early_, actor, frame);
}

void Outgoing::end() {
  const std::lock_guard guard(mutex_);
  over_ = true;
  next_ = {};
  early_ = {};
}

bool Outgoing::is_due(const Frame& frame) const {
  const auto since = steady_clock::now().time_since_epoch() - steady_clock::duration(last_.load());
  return since >= kQuiet || frame.bytes.size() >= kLargeFrame;
}

bool Outgoing::is_empty() const {
  const std::lock_guard guard(mutex_);
  return next_.empty();
}

Outgoing::Written Outgoing::write(SSL* tls, int turns) {
  for (int turn = 0; turn < turns; ++turn) {
    if (begin_ == out_.size() && !take_next()) return {flush(tls, Stop::empty)};
    look();
    if (begin_ == good_) return {flush(tls, Stop::closes)};
    ERR_clear_error();
    const int written = SSL_write(tls, out_.data() + begin_, static_cast<int>(good_ - begin_));
    if (written <= 0) return {Stop::tls, written};
    begin_ += static_cast<std::size_t>(written);
    last_ = steady_clock::now().time_since_epoch().count();
  }
  return {Stop::turn};
}

/// False if there is nothing. Buffers that were once large are not kept, but while much is sent they are.
bool Outgoing::take_next() {
  out_.clear();
  begin_ = good_ = 0;
  const std::lock_guard guard(mutex_);
  out_.swap(next_);
  if (!out_.empty()) return true;
  shrink(out_);
  shrink(next_);
  return false;
}

/// At whole frames: nobody adds halves.
void Outgoing::look() {
  while (good_ < out_.size() && good_ - begin_ < kWriteBytes) {
    const auto header = header_of(out_.data() + good_);
    const std::string_view payload(out_.data() + good_ + kHeaderBytes, header.payload);
    if (may_be_closing(header) && is_closing(payload)) return;
    if (is_frame(header)) {
      backlog_->frames -= 1;
      backlog_->bytes -= header.payload;
    }
    good_ += kHeaderBytes + header.payload;
  }
}

}  // namespace hillstar::actors::wire
