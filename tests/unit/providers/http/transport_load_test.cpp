// SPDX-License-Identifier: Apache-2.0
// Thousands of streams at once on the transport's one thread.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <future>
#include <string>
#include <vector>

#include "providers/http/transport.hpp"
#include "tests/support/http_server.hpp"

using namespace hillstar;
using namespace hillstar::providers;
using namespace hillstar::testing;

namespace {

constexpr std::size_t kStreams = 2500;
/// Client and server together, in this one process; half of it is the test server's.
constexpr long kBytesPerStreamMax = 64 * 1024;

long resident_bytes() {
  std::ifstream file("/proc/self/statm");
  long total = 0, resident = 0;
  file >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

bool raise_descriptor_limit(rlim_t wanted) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= wanted) return true;
  limit.rlim_cur = std::min(limit.rlim_max, wanted);
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= wanted;
}

}  // namespace

TEST_CASE("transport: 2500 streams are open at once, in bounded memory, and each gets its own text") {
  if (!raise_descriptor_limit(2 * kStreams + 200)) {
    MESSAGE("skipped: not enough file descriptors are allowed here");
    return;
  }
  HttpServer server([](const SeenRequest& seen) -> std::vector<Step> {
    return {send(chunked_header()), send(chunk("begin ")), hold(), send(chunk(seen.body)), send(chunk(""))};
  });
  const auto transport = make_beast_transport();
  std::vector<std::string> texts(kStreams);
  std::atomic<std::size_t> begun{0}, done{0}, failed{0};
  std::promise<void> all_begun, all_done;
  const long before = resident_bytes();
  for (std::size_t i = 0; i < kStreams; ++i) {
    HttpRequest request;
    request.url = server.url();
    request.body = std::to_string(i);
    HttpCallbacks callbacks;
    callbacks.on_body = [&, i](std::string_view bytes) {
      if (texts[i].empty() && ++begun == kStreams) all_begun.set_value();
      texts[i] += bytes;
    };
    callbacks.done = [&](HttpOutcome outcome) {
      if (std::holds_alternative<Failure>(outcome)) ++failed;
      if (++done == kStreams) all_done.set_value();
    };
    transport->send(std::move(request), std::move(callbacks));
  }
  auto open = all_begun.get_future();
  auto end = all_done.get_future();
  // Every stream has begun and none can end: they are all open now. (A failure would end the wait as well.)
  while (open.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready && failed == 0) {
  }
  const long growth = resident_bytes() - before;
  CHECK(server.connections() == kStreams);
  server.release();
  end.get();
  CHECK(failed == 0);
  for (std::size_t i = 0; i < kStreams; ++i) REQUIRE(texts[i] == "begin " + std::to_string(i));
  MESSAGE("resident memory grew by " << growth / static_cast<long>(kStreams) << " bytes a stream, client and server");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK(growth / static_cast<long>(kStreams) < kBytesPerStreamMax);
#endif
}
