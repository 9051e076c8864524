// SPDX-License-Identifier: Apache-2.0
// Begin and end of a connection; what it moves in between: connection_pump.cpp.
#include "actors/wire/connection.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <caf/io/basp_broker.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/network/multiplexer.hpp>
#include <caf/send.hpp>
#include <set>

#include "messages/json.hpp"
#include "runtime/platform/authority.hpp"
#include "runtime/platform/clock.hpp"
#include "runtime/platform/descriptor.hpp"
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
    : keeper_(keeper), side_(side), socket_(std::move(socket)), caf_(*keeper.loop), deadline_(*keeper.loop) {
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

void Connection::wait(Wait what) {
  auto& waiting = waiting_[static_cast<std::size_t>(what)];
  if (waiting || state_ == State::over) return;
  waiting = true;
  auto go_on = [self = shared_from_this(), what](error_code stopped) {
    self->waiting_[static_cast<std::size_t>(what)] = false;
    if (stopped || self->state_ == State::over) return;
    if (self->state_ == State::handshake) return self->handshake();
    if (self->state_ == State::joins) return self->text_.ends_with('\n') ? self->write_answer() : self->join();
    if (self->state_ == State::closing) return self->linger();
    // TLS may have waited for one direction to go on in the other.
    if (what != Wait::caf_read) self->pump_in();
    if (what == Wait::caf_read || what == Wait::tls_write || self->out_begin_ < self->out_good_) self->pump_out();
  };
  switch (what) {
    case Wait::tls_read:
      return socket_.async_wait(tcp::socket::wait_read, std::move(go_on));
    case Wait::tls_write:
      return socket_.async_wait(tcp::socket::wait_write, std::move(go_on));
    case Wait::caf_read:
      return caf_.async_wait(asio::posix::stream_descriptor::wait_read, std::move(go_on));
    case Wait::caf_write:
      return caf_.async_wait(asio::posix::stream_descriptor::wait_write, std::move(go_on));
  }
}

bool Connection::tls_again(int result, bool writes) {
  const int why = SSL_get_error(tls_.get(), result);
  if (why == SSL_ERROR_WANT_READ) return wait(Wait::tls_read), true;
  if (why == SSL_ERROR_WANT_WRITE) return wait(Wait::tls_write), true;
  const bool is_alert = ERR_GET_REASON(ERR_peek_last_error()) > SSL_AD_REASON_OFFSET;
  const auto verified = SSL_get_verify_result(tls_.get());
  if (why == SSL_ERROR_ZERO_RETURN || (why == SSL_ERROR_SYSCALL && ERR_peek_error() == 0))
    end(Error{Errc::host_closed, "The other side ended the connection."});
  else if (state_ == State::handshake && verified != X509_V_OK)
    end(Error{Errc::certificate_invalid,
              "Its certificate does not hold: " + std::string(X509_verify_cert_error_string(verified)) + "."});
  else if (is_alert)
    end(Error{Errc::certificate_invalid, "The other side refuses: " + x509::openssl_words() + "."});
  else
    end(Error{is_peer() ? Errc::host_closed : Errc::host_protocol,
              std::string(writes ? "Sending" : "TLS") + " failed: " + x509::openssl_words() + "."});
  return false;
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
  auto facts = keeper_.trust->check(tls_.get(), keeper_.host, SystemClock().utc_now());
  if (!facts) return end(facts.error());
  if (auto refused = keeper_.admit(*this)) return end(*refused);
  become_peer(*facts);
}

void Connection::become_peer(const x509::Facts& facts) {
  peer_.name = facts.name;
  peer_.fingerprint = facts.fingerprint;
  peer_.not_after = facts.not_after;
  int pair[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
    return end(Error{Errc::system_limit, "There are no descriptors left for another connection."});
  caf_.assign(pair[0]);
  const auto node = keeper_.node(peer_.id);
  inbound_ = std::make_unique<Inbound>(side_, *node);
  room_->there_is_room = [weak = weak_from_this(), loop = keeper_.loop] {
    asio::post(*loop, [weak] {
      if (const auto self = weak.lock()) self->pump_in();
    });
  };
  const auto end_it = [weak = weak_from_this(), loop = keeper_.loop](const Error& reason) {
    asio::post(*loop, [weak, reason] {
      if (const auto self = weak.lock()) self->end(reason);
    });
  };
  LinkParts parts{side_, keeper_.owner, peer_, std::make_shared<FrameSink::Way>(backlog_, end_it), room_, {}, node};
  parts.gate.end = end_it;
  parts.gate.is_up = [weak = weak_from_this(), loop = keeper_.loop] {
    asio::post(*loop, [weak] {
      if (const auto self = weak.lock(); self && self->state_ == State::open) self->deadline_.cancel();
    });
  };
  auto& system = keeper_.system;
  link_ = spawn_link(system, std::move(parts));
  inbound_->set_link(link_.id());
  auto end_of_caf = system.middleman().backend().new_scribe(pair[1]);
  state_ = State::open;
  if (side_ == Side::listener) {
    const auto basp = basp_of(system);
    caf::anon_send(basp, caf::publish_atom::value, std::move(end_of_caf), kNoPort,
                   caf::actor_cast<caf::strong_actor_ptr>(link_), std::set<std::string>());
    // It has said whom it published, and must not remember.
    caf::anon_send(basp, caf::close_atom::value, kNoPort);
  } else {
    caf::anon_send(link_, LinkStart{std::move(end_of_caf)});
  }
  pump_in();
  pump_out();
}

void Connection::check_again(UtcTime now, bool lists_changed) {
  if (state_ != State::open) return;
  if (!lists_changed && now < peer_.not_after) return;
  if (const auto facts = keeper_.trust->check(tls_.get(), keeper_.host, now); !facts) end(facts.error());
}

void Connection::end(const Error& reason) {
  if (state_ == State::over) return;
  const auto self = shared_from_this();
  state_ = State::over;
  error_code ignored;
  deadline_.cancel();
  caf_.close(ignored);
  // Tells the other side why, as far as TLS has words for it, and never blocks.
  if (tls_ && SSL_is_init_finished(tls_.get()) != 0) SSL_shutdown(tls_.get());
  ERR_clear_error();
  socket_.close(ignored);
  if (link_) caf::anon_send(link_, LinkGone{reason});
  keeper_.gone(*this, reason);
}

/// The last words are on their way: waits until the other side has them, lest the kernel throws them away.
void Connection::linger() {
  if (state_ != State::closing) {
    state_ = State::closing;
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
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return wait(Wait::tls_read);
    return end(Error{Errc::host_closed, "The connection was closed here."});
  }
}

void Connection::join() {
  char buffer[kJoinReadBytes];
  while (text_.find('\n') == std::string::npos) {
    ERR_clear_error();
    const int count = SSL_read(tls_.get(), buffer, sizeof buffer);
    if (count <= 0) {
      tls_again(count, false);
      return;
    }
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
  if (written <= 0) {
    tls_again(written, true);
    return;
  }
  text_.erase(0, static_cast<std::size_t>(written));
  text_.empty() ? linger() : wait(Wait::tls_write);
}

}  // namespace hillstar::actors::wire
