// SPDX-License-Identifier: Apache-2.0
#include "actors/wire/connection.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <caf/io/basp_broker.hpp>
#include <caf/io/middleman.hpp>
#include <caf/send.hpp>
#include <set>

#include "messages/json.hpp"
#include "runtime/platform/authority.hpp"
#include "runtime/platform/clock.hpp"
#include "runtime/platform/join.hpp"
#include "runtime/platform/openssl_parts.hpp"

namespace hillstar::actors::wire {
namespace {

using boost::system::error_code;

constexpr std::uint16_t kNoPort = 1;
constexpr Millis kLingerMax{1'000};
/// The kernel's own watch over a silent peer: after 15 s it asks every 5 s, and gives up after 30 s in all.
constexpr int kKeepIdle = 15;
constexpr int kKeepEvery = 5;
constexpr int kKeepTries = 3;
constexpr unsigned kUserTimeoutMs = 30'000;
constexpr std::size_t kJoinReadBytes = 4096;

void set_options(int socket) {
  const int yes = 1;
  // Best effort: without them a dead peer is noticed later.
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &kKeepIdle, sizeof kKeepIdle);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &kKeepEvery, sizeof kKeepEvery);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &kKeepTries, sizeof kKeepTries);
  ::setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUserTimeoutMs, sizeof kUserTimeoutMs);
}

Error failed(const std::string& what) { return Error{Errc::host_protocol, what}; }

}  // namespace

std::uint64_t next_connection_id() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

Connection::Connection(Keeper& keeper, Side side, tcp::socket socket, std::string address)
    : keeper_(keeper), side_(side), socket_(std::move(socket)), deadline_(*keeper.loop) {
  peer_.id = next_connection_id();
  peer_.address = std::move(address);
}

void Connection::start() {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  set_options(socket_.native_handle());
  tls_ = keeper_.trust->begin(socket_.native_handle());
  if (!tls_) return end(Error{Errc::internal, "TLS cannot begin: " + x509::openssl_words() + "."});
  set_deadline(keeper_.handshake_max, "It did not finish its handshake in time.");
  handshake();
}

void Connection::set_deadline(Millis time, const char* what) {
  deadline_.expires_after(time);
  deadline_.async_wait([self = shared_from_this(), what](error_code stopped) {
    if (!stopped) self->end(failed(what));
  });
}

template <class Then>
auto Connection::at_the_gate(Then then) {
  return [weak = weak_from_this(), loop = keeper_.loop, then](const auto&... said) {
    asio::post(*loop, [weak, then, said...] {
      if (const auto self = weak.lock()) then(*self, said...);
    });
  };
}

void Connection::wait(tcp::socket::wait_type what) {
  socket_.async_wait(what, [self = shared_from_this()](error_code stopped) {
    if (stopped || self->state_ == State::over) return;
    if (self->state_ == State::handshake) return self->handshake();
    if (self->lingers_) return self->linger();
    self->text_.ends_with('\n') ? self->write_answer() : self->join();
  });
}

void Connection::tls_again(int result, bool writes) {
  const int why = SSL_get_error(tls_.get(), result);
  if (why == SSL_ERROR_WANT_READ) return wait(tcp::socket::wait_read);
  if (why == SSL_ERROR_WANT_WRITE) return wait(tcp::socket::wait_write);
  end(tls_failure(tls_.get(), why, TlsCall{false, writes}));
}

void Connection::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(tls_.get());
  if (result == 1) return secured();
  tls_again(result, false);
}

void Connection::secured() {
  if (side_ == Side::listener && keeper_.enroll && Trust::wants_to_join(tls_.get())) {
    state_ = State::joins;
    return join();
  }
  if (!Trust::speaks_frames(tls_.get())) return end(failed("It speaks another protocol."));
  shown_ = Shown::of(tls_.get());
  auto facts = keeper_.trust->check(shown_, keeper_.host, SystemClock().utc_now());
  if (!facts) return end(facts.error());
  if (auto refused = keeper_.admit(*this)) return end(*refused);
  become_peer(*facts);
}

void Connection::become_peer(const x509::Facts& facts) {
  peer_.name = facts.name;
  peer_.fingerprint = facts.fingerprint;
  peer_.not_after = facts.not_after;
  const auto node = keeper_.node(peer_.id);
  const auto room = std::make_shared<Room>();
  const auto backlog = std::make_shared<Backlog>();
  auto inbound = std::make_unique<Inbound>(side_, *node);
  const auto end_it = at_the_gate([](Connection& self, const Error& reason) { self.end(reason); });
  const auto way = std::make_shared<FrameSink::Way>(backlog, end_it);
  LinkParts parts{side_, keeper_.owner, peer_, way, room, {}, node};
  parts.gate.end = end_it;
  parts.gate.is_up = at_the_gate([](Connection& self) {
    if (self.state_ == State::open) self.deadline_.cancel();
  });
  auto& system = keeper_.system;
  link_ = spawn_link(system, std::move(parts));
  inbound->set_link(link_.id());
  error_code ignored;
  ChannelParts moved{side_, socket_.release(ignored), std::move(tls_), std::move(inbound), room, backlog, link_, {},
                     end_it};
  moved.closing = at_the_gate([](Connection& self) {
    if (self.state_ == State::open) self.set_deadline(kLingerMax, "The connection was closed here.");
  });
  channel_ = Channel::open(system.middleman().backend(), std::move(moved));
  way->set_channel([weak = std::weak_ptr(channel_)](std::uint64_t actor, const Frame& frame) {
    if (const auto channel = weak.lock()) channel->send(actor, frame);
  });
  state_ = State::open;
  if (side_ == Side::listener) {
    const auto basp = basp_of(system);
    caf::anon_send(basp, caf::publish_atom::value, channel_->scribe(), kNoPort,
                   caf::actor_cast<caf::strong_actor_ptr>(link_), std::set<std::string>());
    // It has said whom it published, and must not remember.
    caf::anon_send(basp, caf::close_atom::value, kNoPort);
  } else {
    caf::anon_send(link_, LinkStart{channel_->scribe()});
  }
}

void Connection::check_again(UtcTime now, bool lists_changed) {
  if (state_ != State::open) return;
  if (!lists_changed && now < peer_.not_after) return;
  if (const auto facts = keeper_.trust->check(shown_, keeper_.host, now); !facts) end(facts.error());
}

void Connection::end(const Error& reason) {
  if (state_ == State::over) return;
  const auto self = shared_from_this();
  state_ = State::over;
  error_code ignored;
  deadline_.cancel();
  if (channel_) channel_->end(reason);
  // Tells the other side why, as far as TLS has words for it, and never blocks.
  if (tls_ && SSL_is_init_finished(tls_.get()) != 0) SSL_shutdown(tls_.get());
  ERR_clear_error();
  socket_.close(ignored);
  if (link_) caf::anon_send(link_, LinkGone{reason});
  keeper_.gone(*this, reason);
}

/// The last words are on their way: waits until the other side has them, lest the kernel throws them away.
void Connection::linger() {
  if (!std::exchange(lingers_, true)) {
    ERR_clear_error();
    SSL_shutdown(tls_.get());
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    set_deadline(kLingerMax, "The connection was closed here.");
  }
  char junk[4096];
  for (;;) {
    const auto count = ::recv(socket_.native_handle(), junk, sizeof junk, 0);
    if (count > 0) continue;
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return wait(tcp::socket::wait_read);
    return end(Error{Errc::host_closed, "The connection was closed here."});
  }
}

void Connection::join() {
  char buffer[kJoinReadBytes];
  while (text_.find('\n') == std::string::npos) {
    ERR_clear_error();
    const int count = SSL_read(tls_.get(), buffer, sizeof buffer);
    if (count <= 0) return tls_again(count, false);
    text_.append(buffer, static_cast<std::size_t>(count));
    if (text_.size() > kJoinBytesMax) return end(failed("It asks for a certificate with too many words."));
  }
  auto request = std::exchange(text_, {});
  request.resize(request.find('\n'));
  keeper_.enroll(std::move(request), [weak = weak_from_this()](std::string answer) {
    const auto self = weak.lock();
    if (!self || self->state_ != State::joins) return;
    self->text_ = std::move(answer) + "\n";
    self->write_answer();
  });
}

void Connection::write_answer() {
  ERR_clear_error();
  const int written = SSL_write(tls_.get(), text_.data(), static_cast<int>(text_.size()));
  if (written <= 0) return tls_again(written, true);
  text_.erase(0, static_cast<std::size_t>(written));
  text_.empty() ? linger() : wait(tcp::socket::wait_write);
}

}  // namespace hillstar::actors::wire
