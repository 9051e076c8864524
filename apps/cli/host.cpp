// SPDX-License-Identifier: Apache-2.0
// One thread moves bytes; calls that block until facts are durable run on a small pool. Sessions live on the thread.
#include "apps/cli/host.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <deque>
#include <future>
#include <map>
#include <set>
#include <thread>

#include "apps/cli/environment.hpp"
#include "apps/cli/host_calls.hpp"
#include "apps/cli/host_rights.hpp"
#include "apps/cli/protocol.hpp"
#include "apps/cli/socket_place.hpp"
#include "apps/cli/version.hpp"
#include "messages/json_codec.hpp"

namespace hillstar::cli {
namespace {

namespace asio = boost::asio;
using Socket = asio::local::stream_protocol;

constexpr std::size_t kCallThreads = 4;
/// How long an ending host waits until every terminal has taken its last answers.
constexpr std::chrono::seconds kFarewell{2};
constexpr std::size_t kDrainBytes = 4096;

/// What sessions share with their host; outlives it while engine threads still hold feed callbacks.
struct Core {
  asio::io_context io;
  std::size_t sessions_open = 0;  // on the thread
  bool ending = false;            // on the thread: sessions close as soon as they owe no answer
  std::promise<void> all_closed;
};

/// One feed of one terminal. Engine threads touch `cut` only.
struct Feed {
  RunId run;
  std::uint64_t engine_ticket = 0;  // 0: not known yet, or ended
  std::atomic<bool> cut{false};
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(std::shared_ptr<Core> core, Socket::socket socket, asio::thread_pool& calls, Client& service, uid_t peer)
      : core_(std::move(core)), socket_(std::move(socket)), calls_(calls), service_(service), peer_(peer) {
    ++core_->sessions_open;
  }

  /// One call at a time: whoever answered one reads the next.
  void read() {
    busy_ = false;
    if (core_->ending) return leave();
    reading_ = true;
    asio::async_read_until(socket_, asio::dynamic_buffer(input_, kLineBytesMax), '\n',
                           [self = shared_from_this()](auto failed, std::size_t bytes) {
                             self->reading_ = false;
                             if (failed) return self->close();
                             if (self->last_words_) return self->drain();
                             self->on_line(bytes);
                           });
  }

  void close() {
    if (closed_) return;
    closed_ = true;
    boost::system::error_code ignored;
    socket_.close(ignored);
    for (auto& [ticket, feed] : feeds_) {
      feed->cut = true;
      stop_feed(feed);
    }
    feeds_.clear();
    begun_.clear();
    if (--core_->sessions_open == 0 && core_->ending) core_->all_closed.set_value();
  }

  /// The host ends: what was taken is answered, what was not yet read never was.
  void leave() {
    if (busy_ || last_words_) return;
    while (!feeds_.empty()) drop_feed(feeds_.begin()->first);
    send(encode_bye());
    close_after_writes();
  }

  [[nodiscard]] bool closed() const { return closed_; }
  void collect(std::set<RunId>& runs) const {
    for (const auto& [ticket, feed] : feeds_) runs.insert(feed->run);
    runs.insert(begun_.begin(), begun_.end());
  }

 private:
  void on_line(std::size_t bytes) {
    busy_ = true;
    auto call = decode_call(std::string_view(input_).substr(0, bytes));
    input_.erase(0, bytes);
    if (!call) {
      send(encode_reply(0, call.error()));
      return close_after_writes();
    }
    if (call->method == "hello") return on_hello(*call);
    if (!greeted_) {
      send(encode_reply(call->id, Error{Errc::host_protocol, "The first line must be hello."}));
      return close_after_writes();
    }
    if (call->method == "follow") return on_follow(*call);
    if (call->method == "unfollow") return on_unfollow(*call);
    const auto begun = run_begun_by(*call);
    if (begun) begun_.insert(*begun);
    asio::post(calls_, [self = shared_from_this(), call = *std::move(call), begun] {
      const auto done = self->perform(call);
      asio::post(self->core_->io, [self, begun, failed = !done, reply = encode_reply(call.id, done)]() mutable {
        if (begun && failed) self->begun_.erase(*begun);
        self->send(std::move(reply));
        self->read();
      });
    });
  }

  void on_hello(const Call& call) {
    const auto hello = json::read<Hello>(call.params.value(), "hello");
    if (!hello || hello->protocol != kProtocolVersion) {
      send(encode_reply(call.id, other_protocol(hello ? std::to_string(hello->protocol) : "none that is known")));
      return close_after_writes();
    }
    greeted_ = true;
    send(encode_reply(
        call.id, Json::from_canonical(json::to_text(Hello{::getpid(), kProtocolVersion, std::string(version())}))));
    read();
  }

  /// Calls other than those that change the session. On a thread of the pool.
  Result<Json> perform(const Call& call) {
    if (const auto allowed = may_call(call, peer_, shut_in_); !allowed) return allowed.error();
    return perform_call(service_, call, peer_);
  }

  void on_follow(const Call& call) {
    const auto asked = json::read<FollowCall>(call.params.value(), "follow");
    if (!asked || feeds_.size() >= kFeedsMax || feeds_.contains(call.id)) {
      send(
          encode_reply(call.id, asked ? Error{Errc::host_protocol, "Too many feeds in one terminal."} : asked.error()));
      return read();
    }
    auto feed = std::make_shared<Feed>();
    feed->run = asked->run;
    feeds_[call.id] = feed;
    begun_.erase(feed->run);
    asio::post(calls_, [self = shared_from_this(), feed, id = call.id, from = asked->from_seq] {
      auto ticket = self->service_.follow(
          feed->run, from,
          [weak = std::weak_ptr(self), feed, id](const FeedItem& item) { deliver(weak, feed, id, item); });
      asio::post(self->core_->io, [self, feed, id, ticket = std::move(ticket)] {
        if (ticket) {
          feed->engine_ticket = *ticket;
          if (feed->cut) self->stop_feed(feed);  // dropped while the ticket was on its way
          self->send(encode_reply(id, Json()));
        } else {
          self->feeds_.erase(id);
          self->send(encode_reply(id, ticket.error()));
        }
        self->read();
      });
    });
  }

  /// On an engine thread.
  static void deliver(const std::weak_ptr<Session>& weak, const std::shared_ptr<Feed>& feed, std::uint64_t id,
                      const FeedItem& item) {
    const auto self = weak.lock();
    if (!self || feed->cut) return;
    std::string line = encode_feed(id, item);
    if (self->pending_.fetch_add(line.size()) > kPendingBytesMax) {
      self->pending_ -= line.size();
      feed->cut = true;
      line = encode_feed(id, FeedCut{feed->run});
      self->pending_ += line.size();
    }
    asio::post(self->core_->io, [self, feed, id, line = std::move(line)]() mutable {
      self->pending_ -= line.size();
      self->send(std::move(line));
      if (feed->cut) self->drop_feed(id);
    });
  }

  void on_unfollow(const Call& call) {
    if (const auto asked = json::read<UnfollowCall>(call.params.value(), "unfollow")) drop_feed(asked->ticket);
    send(encode_reply(call.id, Json()));
    read();
  }

  void drop_feed(std::uint64_t id) {
    const auto found = feeds_.find(id);
    if (found == feeds_.end()) return;
    auto feed = found->second;
    feeds_.erase(found);
    feed->cut = true;
    stop_feed(feed);
  }

  void stop_feed(const std::shared_ptr<Feed>& feed) {
    const auto ticket = std::exchange(feed->engine_ticket, 0);
    if (ticket != 0) asio::post(calls_, [self = shared_from_this(), ticket] { self->service_.unfollow(ticket); });
  }

  void send(std::string line) {
    if (closed_) return;
    pending_ += line.size();
    output_.push_back(std::move(line));
    if (output_.size() == 1) write();
  }

  void write() {
    asio::async_write(socket_, asio::buffer(output_.front()), [self = shared_from_this()](auto failed, std::size_t) {
      self->pending_ -= self->output_.front().size();
      self->output_.pop_front();
      if (failed) return self->close();
      if (!self->output_.empty()) return self->write();
      if (self->last_words_) self->close_after_peer();
    });
  }

  void close_after_writes() {
    last_words_ = true;
    if (output_.empty()) close_after_peer();
  }

  /// Closing with calls unread could take back what was just written: the other side closes first, or farewell is over.
  void close_after_peer() {
    boost::system::error_code failed;
    socket_.shutdown(Socket::socket::shutdown_send, failed);
    if (failed) return close();
    if (!reading_) drain();
  }

  void drain() {
    input_.resize(kDrainBytes);
    socket_.async_read_some(asio::buffer(input_), [self = shared_from_this()](auto ended, std::size_t) {
      if (ended) return self->close();
      self->drain();
    });
  }

  std::shared_ptr<Core> core_;
  Socket::socket socket_;
  asio::thread_pool& calls_;
  Client& service_;
  uid_t peer_;
  bool shut_in_ = is_shut_in_peer(socket_.native_handle());
  std::string input_;
  std::deque<std::string> output_;
  std::atomic<std::size_t> pending_{0};  // bytes that wait for this terminal, on their way to `output_` or in it
  std::map<std::uint64_t, std::shared_ptr<Feed>> feeds_;
  std::set<RunId> begun_;  // by this terminal, which is about to follow them
  bool greeted_ = false;
  bool busy_ = false;  // a call was taken and is not answered
  bool reading_ = false;
  bool last_words_ = false;
  bool closed_ = false;
};

class SocketHost final : public Host {
 public:
  SocketHost(SocketPlace place, Client& service)
      : place_(std::move(place)), service_(service), core_(std::make_shared<Core>()), acceptor_(core_->io) {}

  Result<void> listen() {
    boost::system::error_code failed;
    ::unlink(place_.path().c_str());
    const Socket::endpoint endpoint(place_.path());
    acceptor_.open(endpoint.protocol(), failed);
    if (!failed) acceptor_.bind(endpoint, failed);
    if (!failed && !place_.open_to_its_people()) failed.assign(errno, boost::system::system_category());
    if (!failed) acceptor_.listen(asio::socket_base::max_listen_connections, failed);
    if (failed)
      return Error{Errc::host_unreachable,
                   "Cannot listen for other terminals: " + failed.message() + ".",
                   {},
                   "The store's folder must be on a file system with Unix sockets."};
    accept();
    // Calls in the pool are no work of the loop, but their answers will be.
    thread_ = std::thread([this] {
      const auto work = asio::make_work_guard(core_->io);
      core_->io.run();
    });
    return {};
  }

  ~SocketHost() override { end(false); }

  [[nodiscard]] std::vector<RunId> followed() const override {
    if (!thread_.joinable()) return {};
    return on_thread([this] { return followed_now(); });
  }

  bool end_if_unused() override { return end(true); }

 private:
  template <class What>
  std::invoke_result_t<What> on_thread(const What& what) const {
    // Shared: it is still being left on the thread when its answer is here.
    const auto task = std::make_shared<std::packaged_task<std::invoke_result_t<What>()>>(what);
    auto answer = task->get_future();
    asio::post(core_->io, [task] { (*task)(); });
    return answer.get();
  }

  /// On the thread, as leave().
  [[nodiscard]] std::vector<RunId> followed_now() const {
    std::set<RunId> runs;
    each_session([&runs](const Session& session) { session.collect(runs); });
    return {runs.begin(), runs.end()};
  }

  void leave() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    ::unlink(place_.path().c_str());
    core_->ending = true;
    if (core_->sessions_open == 0) core_->all_closed.set_value();
    each_session([](Session& session) { session.leave(); });
  }

  /// True if it has ended.
  bool end(bool if_unused) {
    if (!thread_.joinable()) return true;
    const bool ends = on_thread([&] {
      if (if_unused && !followed_now().empty()) return false;
      leave();
      return true;
    });
    if (ends) finish();
    return ends;
  }

  void finish() {
    if (core_->all_closed.get_future().wait_for(kFarewell) != std::future_status::ready)
      asio::post(core_->io, [this] { each_session([](Session& session) { session.close(); }); });
    calls_.join();
    core_->io.stop();
    thread_.join();
    // What is still queued holds sessions, which hold the core: let it run out.
    core_->io.restart();
    core_->io.poll();
  }

  void each_session(const std::function<void(Session&)>& visit) const {
    for (const auto& weak : sessions_)
      if (const auto session = weak.lock()) visit(*session);
  }

  void accept() {
    acceptor_.async_accept([this](auto failed, Socket::socket socket) {
      if (failed == asio::error::operation_aborted) return;
      if (!failed) admit(std::move(socket));
      if (acceptor_.is_open()) accept();
    });
  }

  void admit(Socket::socket socket) {
    std::erase_if(sessions_, [](const auto& weak) {
      const auto session = weak.lock();
      return !session || session->closed();
    });
    // Dropping the socket closes it; the other side then tries again later.
    if (core_->ending || sessions_.size() >= kTerminalsMax) return;
    const auto peer = peer_uid(socket.native_handle());
    if (peer < 0) return;
    auto session = std::make_shared<Session>(core_, std::move(socket), calls_, service_, static_cast<uid_t>(peer));
    sessions_.push_back(session);
    session->read();
  }

  SocketPlace place_;
  Client& service_;
  std::shared_ptr<Core> core_;
  Socket::acceptor acceptor_;
  asio::thread_pool calls_{kCallThreads};
  std::vector<std::weak_ptr<Session>> sessions_;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Host>> Host::open(const std::string& folder, Client& service) {
  HILLSTAR_TRY(auto place, SocketPlace::of(folder));
  auto host = std::make_unique<SocketHost>(std::move(place), service);
  HILLSTAR_CHECK(host->listen());
  return std::unique_ptr<Host>(std::move(host));
}

}  // namespace hillstar::cli
