// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/transport_loads.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <variant>

#include "providers/adapter.hpp"
#include "tests/bench/measure.hpp"
#include "tests/bench/model_server.hpp"

namespace hillstar::bench {
namespace {

using namespace providers;

/// Calls that are made and counted; the adapter's reader takes the bytes as in production.
class Calls {
 public:
  Calls(Transport& transport, const std::string& url) : transport_(transport) {
    endpoint_.base_url = url;
    request_.model = "mock";
    request_.prompt = "Say hello.";
  }

  void make() {
    auto request = adapter_->encode(request_, endpoint_);
    if (!request) throw std::runtime_error(to_string(request.error()));
    std::shared_ptr<ReplyReader> reader = adapter_->reader(endpoint_);
    HttpCallbacks callbacks;
    callbacks.on_body = [this, reader, first = true](std::string_view bytes) mutable {
      (void)reader->feed(bytes);
      if (std::exchange(first, false)) count(begun_);
    };
    callbacks.done = [this, reader](const HttpOutcome& outcome) {
      const auto reply = reader->finish(outcome);
      if (const auto* failed = std::get_if<Failure>(&reply)) {
        const std::lock_guard lock(mutex_);
        failure_ = failed->message;
      }
      count(ended_);
    };
    transport_.send(std::move(*request), std::move(callbacks));
  }
  void await_begun(std::size_t count) { await(begun_, count); }
  void await_ended(std::size_t count) { await(ended_, count); }

 private:
  void count(std::size_t& what) {
    const std::lock_guard lock(mutex_);
    ++what;
    changed_.notify_all();
  }
  void await(const std::size_t& what, std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return what >= count || !failure_.empty(); });
    if (!failure_.empty()) throw std::runtime_error("a call failed: " + failure_);
  }

  Transport& transport_;
  const Adapter* adapter_ = find_adapter("openai_compatible");
  Endpoint endpoint_;
  ModelRequest request_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t begun_ = 0;
  std::size_t ended_ = 0;
  std::string failure_;
};

double resident_mb() {
  std::ifstream file("/proc/self/statm");
  double total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

bool raise_descriptor_limit(rlim_t wanted) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= wanted;
}

}  // namespace

void open_streams(const std::string& program) {
  constexpr std::size_t kStreams = 5'000;
  if (!raise_descriptor_limit(kStreams + 200))
    return print("5,000 streams at once", {{"skipped: not enough descriptors are allowed here", "", ""}});
  const ModelServer server(program, {"--begin-ms", "0", "--delay-ms", "4000"});
  const auto before = resident_mb();
  const auto transport = make_beast_transport();
  Calls calls(*transport, server.url());
  double open = 0;
  const auto cost = measure([&] {
    for (std::size_t i = 0; i < kStreams; ++i) calls.make();
    calls.await_begun(kStreams);
    open = resident_mb();
    calls.await_ended(kStreams);
  });
  print("5,000 streams at once through one client thread, each after its first event",
        {{"resident memory of the process", number(open, 0, "MB"), "at most 250 MB"},
         {"of which for a stream", number((open - before) * 1024 / kStreams, 1, "KB"), ""},
         {"CPU per stream, connection included", number(cost.cpu_s / kStreams * 1e6, 0, "us"), ""}});
}

namespace {

constexpr std::size_t kBeside = 500;

/// Calls a second with kBeside in flight.
double calls_per_s(const std::string& url, std::size_t count) {
  const auto transport = make_beast_transport();
  Calls calls(*transport, url);
  const auto cost = measure([&] {
    for (std::size_t i = 0; i < count; ++i) {
      if (i >= kBeside) calls.await_ended(i - kBeside + 1);
      calls.make();
    }
    calls.await_ended(count);
  });
  return static_cast<double>(count) / cost.wall_s;
}

/// What wrk says it reached with the same body and as many connections; 0: it is not installed.
double wrk_per_s(const std::string& folder, const std::string& url) {
  ModelRequest request;
  request.model = "mock";
  request.prompt = "Say hello.";
  Endpoint endpoint;
  endpoint.base_url = url;
  const auto encoded = find_adapter("openai_compatible")->encode(request, endpoint);
  if (!encoded) throw std::runtime_error(to_string(encoded.error()));
  const auto script = folder + "/post.lua";
  std::ofstream(script) << "wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\nwrk.body = [[" +
                               encoded->body + "]]\n";
  const auto command = fmt::format("wrk -t1 -c{} -d3 -s {} {} 2>/dev/null", kBeside, script, encoded->url);
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return 0;
  double found = 0;
  char line[256];
  while (std::fgets(line, sizeof line, pipe) != nullptr) std::sscanf(line, "Requests/sec: %lf", &found);
  pclose(pipe);
  return found;
}

}  // namespace

void throughput(const std::string& folder, const std::string& program) {
  struct Case {
    const char* title;
    const char* delay;
    std::size_t count;
  };
  for (const auto& [title, delay, count] :
       {Case{"500 calls in flight, a server that answers after 50 ms", "50", 30'000},
        Case{"500 calls in flight, a server that answers at once", "0", 60'000}}) {
    const ModelServer server(program, {"--delay-ms", delay});
    const auto peer = wrk_per_s(folder, server.url());
    const auto ours = calls_per_s(server.url(), count);
    if (peer == 0)
      print(title, {{"calls", number(ours, 0, "/s"), "wrk is not installed"}});
    else
      print(title, {{"calls", number(ours, 0, "/s"), ""},
                    {"wrk, one thread, same body", number(peer, 0, "/s"), ""},
                    {"ratio", number(ours / peer, 2, "x"), delay[0] == '5' ? "at least 0.95 x" : ""}});
  }
}

void provider_calls(const std::string& program) {
  constexpr std::size_t kCalls = 20'000;
  constexpr std::size_t kInFlight = 64;
  const ModelServer server(program, {});
  const auto transport = make_beast_transport();
  Calls calls(*transport, server.url());
  const auto cost = measure([&] {
    for (std::size_t i = 0; i < kCalls; ++i) {
      if (i >= kInFlight) calls.await_ended(i - kInFlight + 1);
      calls.make();
    }
    calls.await_ended(kCalls);
  });
  print("20,000 streamed calls, 64 in flight: encode, send, read, decode",
        {{"calls", number(kCalls / cost.wall_s, 0, "/s"), ""},
         {"CPU per call", number(cost.cpu_s / kCalls * 1e6, 0, "us"), ""}});
}

}  // namespace hillstar::bench
