// SPDX-License-Identifier: Apache-2.0
// How fast frames travel, beside TLS alone. Prints, and is skipped unless asked for: actor_tests -ns -tc="wire speed*".
#include <doctest/doctest.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <ctime>
#include <future>
#include <random>
#include <thread>

#include "actors/remote/blob_port.hpp"
#include "persistence/blob_cache.hpp"
#include "persistence/rocksdb_store.hpp"
#include "tests/unit/actors/wire/bench_parts.hpp"
#include "tests/unit/actors/wire/raw_peer.hpp"

namespace hillstar::actors::wire {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

constexpr std::size_t kChunk = std::size_t{256} << 10U;
constexpr std::size_t kChunks = 800;
constexpr int kTimes = 7;

struct Speed {
  double rate = 0;  ///< MB/s.
  double work = 0;  ///< Nanoseconds of processors for a byte, of all threads of this process.
};

class Stopwatch {
 public:
  [[nodiscard]] Speed look(std::size_t bytes) const {
    const auto size = static_cast<double>(bytes);
    return {size / 1e6 / seconds_since(begin_), (processors() - work_) / size};
  }

 private:
  static double processors() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
  }
  Clock::time_point begin_ = Clock::now();
  double work_ = processors();
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

class Medians {
 public:
  void add(const Speed& speed) {
    rates_.push_back(speed.rate);
    works_.push_back(speed.work);
  }
  [[nodiscard]] double rate() const { return median(rates_); }
  [[nodiscard]] double work() const { return median(works_); }

 private:
  std::vector<double> rates_;
  std::vector<double> works_;
};

/// Chunks through TLS between two threads, nothing else.
Speed raw_tls(const Credentials& host, const Credentials& worker) {
  Descriptor listening(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in place{};
  place.sin_family = AF_INET;
  place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof place;
  REQUIRE(::bind(listening.get(), reinterpret_cast<const sockaddr*>(&place), size) == 0);
  REQUIRE(::listen(listening.get(), 1) == 0);
  REQUIRE(::getsockname(listening.get(), reinterpret_cast<sockaddr*>(&place), &size) == 0);
  Speed speed;
  std::thread server([&] {
    const Descriptor socket(::accept(listening.get(), nullptr, nullptr));
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    SSL_CTX_use_certificate_chain_file(context.get(), host.certificate.c_str());
    SSL_CTX_use_PrivateKey_file(context.get(), host.key.c_str(), SSL_FILETYPE_PEM);
    std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(context.get()), SSL_free);
    SSL_set_fd(tls.get(), socket.get());
    if (SSL_accept(tls.get()) != 1) return;
    std::string into(kChunk, '\0');
    std::size_t have = 0;
    const Stopwatch watch;
    while (have < kChunk * kChunks) {
      const int count = SSL_read(tls.get(), into.data(), static_cast<int>(into.size()));
      if (count <= 0) return;
      have += static_cast<std::size_t>(count);
    }
    speed = watch.look(have);
  });
  RawPeer peer(ntohs(place.sin_port), worker);
  const std::string chunk(kChunk, 'x');
  for (std::size_t i = 0; i < kChunks; ++i) peer.write(chunk);
  server.join();
  return speed;
}

/// Hands a port what comes for it.
Owner::behavior_type port_owner(Owner::pointer /*self*/, const BlobPort& port) {
  return {[=](const PeerUp& told) { caf::anon_send(port, PortUp{told.sink}); },
          [=](PeerFrame& told) {
            caf::anon_send(port, BlobFrame{std::move(told.frame), told.room});
          },
          [=](const PeerDown&) { caf::anon_send(port, PortDown{}); }};
}

/// A store with a port to another one.
struct Depot {
  explicit Depot(std::unique_ptr<persistence::EventStore> blobs) : store(std::move(blobs)) {
    port = end.system().spawn(blob_port, BlobPortParts{store.get(), alive, kBlobStall});
    owner = end.system().spawn(port_owner, port);
  }
  ~Depot() {
    caf::anon_send_exit(owner, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(port, caf::exit_reason::user_shutdown);
  }
  Depot(const Depot&) = delete;
  Depot& operator=(const Depot&) = delete;

  std::unique_ptr<persistence::EventStore> store;
  Reply<bool> alive = Reply<bool>::create();
  End end;
  BlobPort port;
  Owner owner;
};

}  // namespace

TEST_CASE("wire speed: a blob of 100 MB from the store of a host to the cache of a worker" * doctest::skip()) {
  Papers papers;
  const auto of_host = papers.host();
  const auto of_worker = papers.worker("w1");
  Depot from(persistence::RocksStore::open(papers.at("from")).value());
  auto opened = persistence::BlobCache::open(papers.at("to")).value();
  auto& cache = *opened;
  Depot to(std::move(opened));
  ListenOptions options;
  options.credentials = of_host;
  const auto listener = Listener::open(from.end.system(), std::move(options), from.owner).value();
  dial(to.end.system(), DialOptions{"127.0.0.1", listener->port(), of_worker, Millis{10'000}}, to.owner);
  std::mt19937_64 dice(1);  // NOLINT: the same bytes each time
  std::string text(100'000'000, '\0');
  for (std::size_t at = 0; at + 8 <= text.size(); at += 8) {
    const auto word = dice();
    std::memcpy(text.data() + at, &word, sizeof word);
  }
  const auto sha256 = from.store->put_blob(text).value();
  caf::anon_send(from.port, OfferBlobs{{sha256}});
  Medians of_blob;
  Medians of_tls;
  std::vector<double> shares;  // of what TLS alone carries a moment later
  for (int i = 0; i < 1 + kTimes; ++i) {
    // Of a virtual machine, memory that was never used before is as slow as all the rest: the second time it is faster.
    cache.shrink(0, persistence::BlobCache::Moment::max());
    std::promise<Result<bool>> here;
    const Stopwatch watch;
    caf::anon_send(to.port, FetchBlobs{{{"", text.size(), false, sha256}},
                                       [&here](const Result<bool>& end) { here.set_value(end); }});
    REQUIRE(here.get_future().get());
    const auto blob = watch.look(text.size());
    const auto tls = raw_tls(of_host, of_worker);
    if (i == 0) continue;
    of_blob.add(blob);
    of_tls.add(tls);
    shares.push_back(100 * blob.rate / tls.rate);
  }
  MESSAGE("a blob, median of ", kTimes, ": ", of_blob.rate(), " MB/s, ", median(shares),
          " % of TLS alone; processors: ", of_blob.work(), " ns a byte, TLS alone ", of_tls.work());
}

TEST_CASE("wire speed: round trips, small frames and chunks" * doctest::skip()) {
  Papers papers;
  const auto of_host = papers.host();
  const auto of_worker = papers.worker("w1");
  End host(true);
  End worker;
  host.listen(of_host);
  REQUIRE(host.listener);
  worker.dial_to(of_worker, host.listener->port());
  REQUIRE(worker.mail().wait_ups(1));
  const auto way = worker.mail().up_at(0).sink;
  std::size_t seen = 0;
  std::vector<double> trips;
  for (int i = 0; i < 5'000; ++i) {
    const auto begin = Clock::now();
    way.send(frame_of("{}"));
    REQUIRE(worker.mail().wait_frames(++seen));
    trips.push_back(seconds_since(begin));
  }
  std::sort(trips.begin(), trips.end());
  MESSAGE("round trip p50 ", trips[trips.size() / 2] * 1e6, " us, p99 ", trips[trips.size() * 99 / 100] * 1e6, " us");

  constexpr std::size_t kSmall = 60'000;  // fewer than may wait for a peer
  auto begin = Clock::now();
  for (std::size_t i = 0; i < kSmall; ++i) way.send(frame_of("{}"));
  REQUIRE(worker.mail().wait_frames(seen += kSmall));
  MESSAGE("pipelined round trips ", static_cast<double>(kSmall) / seconds_since(begin), " /s");

  End sink;
  sink.listen(of_host);
  REQUIRE(sink.listener);
  End source;
  source.dial_to(of_worker, sink.listener->port());
  REQUIRE(source.mail().wait_ups(1));
  const auto out = source.mail().up_at(0).sink;
  begin = Clock::now();
  for (std::size_t i = 0; i < kSmall; ++i) out.send(frame_of("{}", FrameKind::log));
  REQUIRE(sink.mail().wait_frames(kSmall));
  MESSAGE("one way ", static_cast<double>(kSmall) / seconds_since(begin), " frames/s");

  // As blobs are asked for: a few chunks under way at a time.
  constexpr std::size_t kUnderWay = 16;
  sink.mail().forget_chunks();
  std::size_t sent = 0;
  begin = Clock::now();
  for (std::size_t done = 0; done < kChunks;) {
    while (sent < kChunks && sent - done < kUnderWay) {
      Frame chunk = frame_of("{}", FrameKind::blob_chunk, std::string(kChunk, 'x'));
      out.send(std::move(chunk));
      ++sent;
    }
    ++done;
    REQUIRE(sink.mail().wait_frames(kSmall + done));
  }
  const double chunks = static_cast<double>(kChunks * kChunk) / 1e6 / seconds_since(begin);
  const double raw = raw_tls(of_host, of_worker).rate;
  MESSAGE("chunks ", chunks, " MB/s, TLS alone ", raw, " MB/s: ", 100 * chunks / raw, " %");
}

}  // namespace hillstar::actors::wire
