// SPDX-License-Identifier: Apache-2.0
// All state lives on one thread, which moves bytes; calls post to it and wait for a promise.
#include "apps/cli/joined_client.hpp"

#include <unistd.h>

#include <boost/asio.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <chrono>
#include <deque>
#include <future>
#include <map>
#include <thread>

#include "apps/cli/protocol.hpp"
#include "apps/cli/socket_place.hpp"
#include "apps/cli/version.hpp"
#include "messages/json_codec.hpp"

namespace hillstar::cli {
namespace {

namespace asio = boost::asio;
using Socket = asio::local::stream_protocol;

/// A host answers once facts are durable; a disk that needs longer than this is no disk to wait for.
constexpr std::chrono::seconds kAnswerPatience{120};
constexpr std::chrono::seconds kHelloPatience{10};
/// gc of a large store takes its time, for it lets commits go first.
constexpr std::chrono::seconds kCollectPatience{24 * 3600};

Error lost_error() {
  return {Errc::host_unreachable,
          "The host of this store ended before it answered.",
          {},
          "Look at `hillstar-actors ls` before you repeat the command: it may have had its effect."};
}

Error closed_error() {
  return {Errc::host_closed, "The host of this store ended before it took the command.", {}, "Repeat the command."};
}

class JoinedClient final : public Client {
 public:
  ~JoinedClient() override {
    if (!thread_.joinable()) return;
    asio::post(io_, [this] {
      closing_ = true;
      boost::system::error_code ignored;
      socket_.close(ignored);
      fail_pending();
    });
    work_.reset();
    thread_.join();
  }

  Result<void> connect(const std::string& folder) {
    HILLSTAR_TRY(auto place, SocketPlace::of(folder));
    boost::system::error_code failed;
    socket_.connect(Socket::endpoint(place.path()), failed);
    if (failed)
      return Error{Errc::host_unreachable, "No host of the store answers: " + failed.message() + ".", folder, {}};
    if (peer_uid(socket_.native_handle()) != static_cast<long>(::geteuid()))
      return Error{Errc::host_unreachable, "The host of this store belongs to another user.", folder, {}};
    thread_ = std::thread([this] { io_.run(); });
    asio::post(io_, [this] { read(); });
    const Hello hello{::getpid(), kProtocolVersion, std::string(version())};
    HILLSTAR_TRY(const auto answer, call(0, "hello", Json::from_canonical(json::to_text(hello)), kHelloPatience));
    HILLSTAR_TRY(const auto theirs, json::read<Hello>(answer.value(), "hello"));
    if (theirs.protocol != kProtocolVersion)
      return Error{Errc::host_protocol, "The host speaks protocol " + std::to_string(theirs.protocol) + "."};
    return {};
  }

  Result<RunId> start(const StartJob& job) override {
    HILLSTAR_TRY(const auto answer, call(new_id(), "start", Json::from_canonical(json::to_text(job))));
    HILLSTAR_TRY(auto run, json::read<RunId>(answer.value(), "start"));
    return run;
  }

  Result<std::uint64_t> follow(const RunId& run, std::uint64_t from_seq, FeedCallback callback) override {
    const auto id = new_id();
    // Registered first: items may come before the reply.
    asio::post(io_, [this, id, run, callback = std::move(callback)] { feeds_[id] = {run, callback}; });
    auto answer = call(id, "follow", Json::from_canonical(json::to_text(FollowCall{from_seq, run})));
    if (answer) return id;
    asio::post(io_, [this, id] { feeds_.erase(id); });
    return answer.error();
  }

  void unfollow(std::uint64_t ticket) override {
    const auto done = std::make_shared<std::promise<void>>();
    asio::post(io_, [this, ticket, done] {
      feeds_.erase(ticket);
      done->set_value();
    });
    done->get_future().wait();
    // A host that cannot be reached feeds nobody.
    (void)call(new_id(), "unfollow", Json::from_canonical(json::to_text(UnfollowCall{ticket})));
  }

  Result<std::vector<Event>> tell(const RunId& run, const Word& word) override {
    HILLSTAR_TRY(const auto answer, call(new_id(), "tell", Json::from_canonical(json::to_text(TellCall{run, word}))));
    return events_from_json(run, answer);
  }

  Result<void> set_environment(const RunId& run, const std::vector<std::string>& environment) override {
    const auto params = Json::from_canonical(json::to_text(EnvironmentCall{environment, run}));
    HILLSTAR_TRY([[maybe_unused]] const auto answer, call(new_id(), "environment", params));
    return {};
  }

  Result<Json> ask_state(const StateAsk& ask) override {
    return call(new_id(), "state", Json::from_canonical(json::to_text(ask)));
  }

  Result<std::vector<RunId>> live_runs() override {
    HILLSTAR_TRY(const auto answer, call(new_id(), "live", Json()));
    return json::read<std::vector<RunId>>(answer.value(), "live");
  }

  Result<Json> ask(const Question& question) override {
    const bool is_long = question.topic == Topic::collect;
    return call(new_id(), "ask", Json::from_canonical(json::to_text(question)),
                is_long ? kCollectPatience : kAnswerPatience);
  }

 private:
  using Answer = std::promise<Result<Json>>;
  struct Feed {
    RunId run;
    FeedCallback callback;
  };

  std::uint64_t new_id() { return next_id_.fetch_add(1); }

  Result<Json> call(std::uint64_t id, std::string_view method, const Json& params,
                    std::chrono::seconds patience = kAnswerPatience) {
    std::string line = encode_call(id, method, params);
    if (line.size() > kLineBytesMax)
      return Error{Errc::host_protocol,
                   "A request to the host is longer than 64 MiB.",
                   {},
                   "Run it while no other terminal owns the store, or make the workflow or its inputs smaller."};
    auto answer = std::make_shared<Answer>();
    auto future = answer->get_future();
    asio::post(io_, [this, id, answer, line = std::move(line)]() mutable {
      if (lost_) return answer->set_value(closed_error());  // nobody has heard of it
      pending_[id] = answer;
      output_.push_back(std::move(line));
      if (output_.size() == 1) write();
    });
    if (future.wait_for(patience) == std::future_status::ready) return future.get();
    asio::post(io_, [this, id] { pending_.erase(id); });
    return Error{Errc::host_unreachable,
                 "The host of this store has not answered for " + std::to_string(patience.count()) + " s.",
                 {},
                 "Look at the terminal that runs it, or end it; the next command takes over."};
  }

  void write() {
    asio::async_write(socket_, asio::buffer(output_.front()), [this](auto failed, std::size_t) {
      output_.pop_front();
      if (failed) return;  // what the host said last is still to be read; after that reading fails, too
      if (!output_.empty()) write();
    });
  }

  void read() {
    asio::async_read_until(socket_, asio::dynamic_buffer(input_, kLineBytesMax), '\n',
                           [this](auto failed, std::size_t bytes) {
                             if (failed) return on_lost();
                             if (!on_line(std::string_view(input_).substr(0, bytes))) return on_lost();
                             input_.erase(0, bytes);
                             read();
                           });
  }

  /// False: nothing more comes: the host has said bye, or does not keep to the protocol.
  bool on_line(std::string_view line) {
    auto decoded = decode_host_line(line);
    if (!decoded) return false;
    if (decoded->bye) {
      bye_ = true;
      return false;
    }
    if (decoded->reply) {
      auto& reply = *decoded->reply;
      const auto found = pending_.find(reply.id);
      if (found == pending_.end()) return true;  // its caller lost patience
      found->second->set_value(reply.error ? Result<Json>(from_wire(*reply.error))
                                           : Result<Json>(reply.result.value_or(Json())));
      pending_.erase(found);
      return true;
    }
    const auto found = feeds_.find(decoded->feed->ticket);
    if (found == feeds_.end()) return true;
    auto item = decode_feed(*decoded->feed, found->second.run);
    if (!item) return false;
    found->second.callback(*item);
    return true;
  }

  void fail_pending() {
    for (auto& [id, answer] : pending_) answer->set_value(bye_ ? closed_error() : lost_error());
    pending_.clear();
    feeds_.clear();
  }

  void on_lost() {
    if (lost_ || closing_) return;
    lost_ = true;
    boost::system::error_code ignored;
    socket_.close(ignored);
    const auto feeds = std::move(feeds_);
    fail_pending();
    for (const auto& [ticket, feed] : feeds) feed.callback(FeedCut{feed.run});
  }

  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  Socket::socket socket_{io_};
  std::string input_;
  std::deque<std::string> output_;
  std::map<std::uint64_t, std::shared_ptr<Answer>> pending_;
  std::map<std::uint64_t, Feed> feeds_;
  std::atomic<std::uint64_t> next_id_{1};
  bool bye_ = false;  // the host has answered all that it took
  bool lost_ = false;
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Client>> join(const std::string& folder) {
  auto client = std::make_unique<JoinedClient>();
  HILLSTAR_CHECK(client->connect(folder));
  return std::unique_ptr<Client>(std::move(client));
}

}  // namespace hillstar::cli
