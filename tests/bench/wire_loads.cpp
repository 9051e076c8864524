// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/wire_loads.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>

#include "actors/remote/blob_port.hpp"
#include "actors/scheduler.hpp"
#include "actors/wire/wire.hpp"
#include "persistence/blob_cache.hpp"
#include "persistence/rocksdb_store.hpp"
#include "tests/bench/measure.hpp"
#include "tests/support/papers.hpp"
#include "tests/unit/actors/wire/raw_peer.hpp"

namespace hillstar::bench {
namespace {

namespace wire = actors::wire;
using actors::BlobPort;

constexpr std::chrono::seconds kPatience{60};
constexpr std::size_t kBlobBytes = 100'000'000;

struct WireConfig : caf::actor_system_config {
  WireConfig() {
    actors::use_scheduler(*this, 2);
    wire::load(*this);
  }
};

/// An actor system and who owns its connections.
class End {
 public:
  template <class Behavior, class... Arguments>
  explicit End(Behavior behavior, Arguments&&... arguments)
      : system_(config_), owner_(system_.spawn(behavior, std::forward<Arguments>(arguments)...)) {}
  ~End() {
    listener_.reset();
    caf::anon_send_exit(owner_, caf::exit_reason::user_shutdown);
  }
  End(const End&) = delete;
  End& operator=(const End&) = delete;

  caf::actor_system& system() { return system_; }
  std::uint16_t listen(const wire::Credentials& papers) {
    wire::ListenOptions options;
    options.credentials = papers;
    auto opened = wire::Listener::open(system_, std::move(options), owner_);
    if (!opened) throw std::runtime_error(to_string(opened.error()));
    listener_ = std::move(*opened);
    return listener_->port();
  }
  void dial(const wire::Credentials& papers, std::uint16_t port) {
    wire::dial(system_, wire::DialOptions{"127.0.0.1", port, papers}, owner_);
  }

 private:
  WireConfig config_;
  caf::actor_system system_;
  wire::Owner owner_;
  std::unique_ptr<wire::Listener> listener_;
};

/// Frames that came, and the way back.
class Arrivals {
 public:
  void up(const wire::FrameSink& way) {
    const std::lock_guard guard(lock_);
    way_ = way;
    is_up_ = true;
    changed_.notify_all();
  }
  void frame() {
    const std::lock_guard guard(lock_);
    if (++count_ >= awaited_) changed_.notify_all();
  }
  wire::FrameSink way() {
    std::unique_lock guard(lock_);
    if (!changed_.wait_for(guard, kPatience, [this] { return is_up_; })) throw std::runtime_error("no connection");
    return way_;
  }
  void await(std::size_t count) {
    std::unique_lock guard(lock_);
    awaited_ = count;
    if (!changed_.wait_for(guard, kPatience, [&] { return count_ >= count; }))
      throw std::runtime_error("frames are missing");
  }

 private:
  std::mutex lock_;
  std::condition_variable changed_;
  wire::FrameSink way_;
  bool is_up_ = false;
  std::size_t count_ = 0;
  std::size_t awaited_ = 0;
};

wire::Owner::behavior_type counting(wire::Owner::pointer /*self*/, const std::shared_ptr<Arrivals>& arrivals) {
  return {[=](const wire::PeerUp& told) { arrivals->up(told.sink); },
          [=](const wire::PeerFrame&) { arrivals->frame(); }, [](const wire::PeerDown&) {}};
}

wire::Owner::behavior_type echoing(wire::Owner::pointer /*self*/, const std::shared_ptr<wire::FrameSink>& way) {
  return {[=](const wire::PeerUp& told) { *way = told.sink; },
          [=](wire::PeerFrame& told) { way->send(std::move(told.frame)); }, [](const wire::PeerDown&) {}};
}

wire::Owner::behavior_type handing_on(wire::Owner::pointer /*self*/, const std::shared_ptr<BlobPort>& port) {
  return {[=](const wire::PeerUp& told) { caf::anon_send(*port, actors::PortUp{told.sink}); },
          [=](wire::PeerFrame& told) {
            caf::anon_send(*port, actors::BlobFrame{std::move(told.frame), told.room});
          },
          [=](const wire::PeerDown&) { caf::anon_send(*port, actors::PortDown{}); }};
}

/// Blobs, and a port to others.
class Depot {
 public:
  explicit Depot(std::unique_ptr<persistence::EventStore> blobs)
      : store_(std::move(blobs)), port_(std::make_shared<BlobPort>()), end_(handing_on, port_) {
    *port_ = end_.system().spawn(actors::blob_port, actors::BlobPortParts{store_.get(), alive_, actors::kBlobStall});
  }
  ~Depot() { caf::anon_send_exit(*port_, caf::exit_reason::user_shutdown); }
  Depot(const Depot&) = delete;
  Depot& operator=(const Depot&) = delete;

  persistence::EventStore& store() { return *store_; }
  [[nodiscard]] const BlobPort& port() const { return *port_; }
  End& end() { return end_; }

 private:
  std::unique_ptr<persistence::EventStore> store_;
  actors::Reply<bool> alive_ = actors::Reply<bool>::create();
  std::shared_ptr<BlobPort> port_;
  End end_;
};

/// A listening socket on loopback, and its port.
std::pair<Descriptor, std::uint16_t> listening() {
  Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in place{};
  place.sin_family = AF_INET;
  place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof place;
  auto* const address = reinterpret_cast<sockaddr*>(&place);
  if (::bind(socket.get(), address, size) != 0 || ::listen(socket.get(), 1) != 0 ||
      ::getsockname(socket.get(), address, &size) != 0)
    throw std::runtime_error("no socket on loopback");
  return {std::move(socket), ntohs(place.sin_port)};
}

struct FreeTls {
  void operator()(SSL* part) const { SSL_free(part); }
  void operator()(SSL_CTX* part) const { SSL_CTX_free(part); }
};

/// What two threads carry that do nothing but TLS: no files, no hash.
Cost tls_alone(const wire::Credentials& host) {
  static constexpr std::size_t kChunk = std::size_t{256} << 10U;
  auto [listener, port] = listening();
  std::thread sender([port = port] {
    wire::RawPeer peer(port, {});
    const std::string chunk(kChunk, 'x');
    for (std::size_t sent = 0; peer.connected() && sent < kBlobBytes; sent += kChunk)
      if (!peer.write(std::string_view(chunk).substr(0, std::min(kChunk, kBlobBytes - sent)))) return;
  });
  const Descriptor socket(::accept(listener.get(), nullptr, nullptr));
  const std::unique_ptr<SSL_CTX, FreeTls> context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_use_certificate_chain_file(context.get(), host.certificate.c_str());
  SSL_CTX_use_PrivateKey_file(context.get(), host.key.c_str(), SSL_FILETYPE_PEM);
  SSL_CTX_set_num_tickets(context.get(), 0);  // who ends with some unread takes back what it has said
  const std::unique_ptr<SSL, FreeTls> tls(SSL_new(context.get()));
  SSL_set_fd(tls.get(), socket.get());
  const bool is_there = SSL_accept(tls.get()) == 1;
  std::string into(kChunk, '\0');
  std::size_t have = 0;
  const auto cost = measure([&] {
    while (is_there && have < kBlobBytes) {
      const int count = SSL_read(tls.get(), into.data(), static_cast<int>(into.size()));
      if (count <= 0) break;
      have += static_cast<std::size_t>(count);
    }
  });
  sender.join();
  if (have != kBlobBytes) throw std::runtime_error("TLS alone does not work");
  return cost;
}

/// `openssl s_server`, which serves files of a folder.
class FileServer {
 public:
  FileServer(const std::string& folder, const wire::Credentials& papers) : port_(listening().second) {
    const auto port = std::to_string(port_);
    std::vector<std::string> arguments{"openssl", "s_server",         "-WWW", "-quiet",  "-accept", port,
                                       "-cert",   papers.certificate, "-key", papers.key};
    std::vector<char*> argv;
    for (auto& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
    for (const int stream : {1, 2}) posix_spawn_file_actions_addopen(&actions, stream, "/dev/null", O_WRONLY, 0);
    if (::posix_spawnp(&child_, "openssl", &actions, nullptr, argv.data(), environ) != 0) child_ = 0;
    posix_spawn_file_actions_destroy(&actions);
  }
  ~FileServer() {
    if (child_ == 0) return;
    ::kill(child_, SIGTERM);
    ::waitpid(child_, nullptr, 0);
  }
  FileServer(const FileServer&) = delete;
  FileServer& operator=(const FileServer&) = delete;

  /// What `openssl s_time` gets of a file in about a second, MB/s; 0: it is not installed.
  [[nodiscard]] double rate(const std::string& file) const {
    const auto command =
        "openssl s_time -connect 127.0.0.1:" + std::to_string(port_) + " -www /" + file + " -new -time 1 2>/dev/null";
    unsigned long long bytes = 0;
    const auto cost = measure([&] {
      FILE* pipe = popen(command.c_str(), "r");
      if (pipe == nullptr) return;
      char line[256];
      while (std::fgets(line, sizeof line, pipe) != nullptr)
        if (const char* at = std::strstr(line, "bytes read ")) std::sscanf(at, "bytes read %llu", &bytes);
      pclose(pipe);
    });
    return static_cast<double>(bytes) / 1e6 / cost.wall_s;
  }

 private:
  std::uint16_t port_;
  pid_t child_ = 0;
};

std::string random_bytes() {
  std::mt19937_64 dice(1);  // NOLINT: the same bytes each time
  std::string text(kBlobBytes, '\0');
  for (std::size_t at = 0; at + sizeof(std::uint64_t) <= text.size(); at += sizeof(std::uint64_t)) {
    const std::uint64_t word = dice();
    std::memcpy(text.data() + at, &word, sizeof word);
  }
  return text;
}

}  // namespace

void small_frames() {
  testing::Papers papers;
  const auto arrivals = std::make_shared<Arrivals>();
  End host(echoing, std::make_shared<wire::FrameSink>());
  End worker(counting, arrivals);
  worker.dial(papers.worker("w1"), host.listen(papers.host()));
  const auto way = arrivals->way();
  std::size_t seen = 0;
  std::vector<double> trips;
  for (int i = 0; i < 5'000; ++i)
    trips.push_back(measure([&] {
                      way.send(Frame{kProtocol, FrameKind::beat, "{}", {}});
                      arrivals->await(++seen);
                    }).wall_s);
  constexpr std::size_t kMany = 60'000;  // fewer than may wait for a peer
  const auto many = measure([&] {
    for (std::size_t i = 0; i < kMany; ++i) way.send(Frame{kProtocol, FrameKind::beat, "{}", {}});
    arrivals->await(seen += kMany);
  });
  print("Small frames there and back",
        {{"one at a time, median", number(median(trips) * 1e6, 0, "us"), ""},
         {"60,000 under way", number(static_cast<double>(kMany) / many.wall_s, 0, "/s"), ""},
         {"CPU of both ends for one", number(many.cpu_s / static_cast<double>(kMany) * 1e6, 1, "us"), ""}});
}

void blobs(const std::string& folder) {
  constexpr int kTimes = 15;
  testing::Papers papers;
  const auto of_host = papers.host();
  std::filesystem::create_directories(folder);
  Depot from(persistence::RocksStore::open(folder + "/from").value());
  auto opened = persistence::BlobCache::open(folder + "/to").value();
  auto& cache = *opened;
  Depot to(std::move(opened));
  to.end().dial(papers.worker("w1"), from.end().listen(of_host));
  std::string sha256;
  {
    const auto text = random_bytes();
    std::ofstream(folder + "/blob", std::ios::binary) << text;
    sha256 = from.store().put_blob(text).value();
  }
  caf::anon_send(from.port(), actors::OfferBlobs{{sha256}});
  const FileServer server(folder, of_host);
  const auto fetch = [&] {
    // Of a virtual machine, memory that was never used before is as slow as all the rest: the second time it is faster.
    cache.shrink(0, persistence::BlobCache::Moment::max());
    std::promise<Result<bool>> here;
    return measure([&] {
      caf::anon_send(to.port(), actors::FetchBlobs{{{"", kBlobBytes, false, sha256}},
                                                   [&here](const Result<bool>& end) { here.set_value(end); }});
      if (const auto end = here.get_future().get(); !end) throw std::runtime_error(to_string(end.error()));
    });
  };
  fetch();
  const bool has_peer = server.rate("blob") > 0;
  constexpr double kMegabytes = kBlobBytes / 1e6;
  std::vector<double> rates, works, peers, of_peer, of_tls, tls_works;
  for (int i = 0; i < kTimes; ++i) {
    const auto blob = fetch();
    const auto tls = tls_alone(of_host);
    rates.push_back(kMegabytes / blob.wall_s);
    works.push_back(blob.cpu_s / kBlobBytes * 1e9);
    tls_works.push_back(tls.cpu_s / kBlobBytes * 1e9);
    of_tls.push_back(100 * tls.wall_s / blob.wall_s);
    if (has_peer) peers.push_back(server.rate("blob"));
    if (has_peer) of_peer.push_back(100 * rates.back() / peers.back());
  }
  std::vector<Row> rows{{"a blob, median of 15", number(median(rates), 0, "MB/s"), ""},
                        {"CPU of both ends for a byte", number(median(works), 2, "ns"), ""}};
  if (has_peer) {
    rows.push_back({"openssl s_server -> s_time, of a file as large", number(median(peers), 0, "MB/s"), ""});
    rows.push_back({"the blob beside it, median of 15 pairs", number(median(of_peer), 0, "%"), "at least 60 %"});
  } else {
    rows.push_back({"openssl s_time", "not installed", ""});
  }
  rows.push_back({"the blob beside two threads that do nothing but TLS", number(median(of_tls), 0, "%"), ""});
  rows.push_back({"CPU of those for a byte", number(median(tls_works), 2, "ns"), ""});
  print("A blob of 100 MB from a host's store to a worker's cache", rows);
}

}  // namespace hillstar::bench
