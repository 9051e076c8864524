// SPDX-License-Identifier: Apache-2.0
#include "apps/http/server.hpp"

#include <doctest/doctest.h>

#include <boost/asio.hpp>
#include <future>
#include <thread>

namespace hillstar::http {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using namespace std::chrono_literals;

class Client {
 public:
  explicit Client(const Server& server) {
    const auto url = server.url();
    const auto port = static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
    socket_.connect({asio::ip::make_address("127.0.0.1"), port});
  }
  void say(std::string_view text) { asio::write(socket_, asio::buffer(text)); }
  void get(const std::string& path) { say("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n"); }
  /// Until `end` was read, or the connection ends.
  std::string read(const std::string& end) {
    boost::system::error_code failed;
    std::string text;
    std::array<char, 4096> piece{};
    while (!failed && (end.empty() || text.find(end) == std::string::npos)) {
      const auto bytes = socket_.read_some(asio::buffer(piece), failed);
      text.append(piece.data(), bytes);
    }
    return text;
  }
  void close() { socket_.close(); }

 private:
  asio::io_context io_;
  tcp::socket socket_{io_};
};

ServerOptions quick() {
  ServerOptions options;
  options.tokens = std::make_shared<TokenFile>("/nonexistent/tokens.json");
  options.clock = std::make_shared<SystemClock>();
  options.traffic = std::make_shared<Traffic>();
  options.log = [](const std::string&) {};
  options.gate.requests_per_second = 0;
  return options;
}

std::unique_ptr<Server> served(ServerOptions options, std::vector<Route> routes) {
  auto server = Server::bind(std::move(options));
  REQUIRE(server);
  REQUIRE((*server)->start(std::move(routes)));
  return std::move(server).value();
}

Route get(const char* path, Handler handler) { return {"GET", path, Scope::none, 0, std::move(handler)}; }

Response text(std::string body) {
  Response response;
  response.body = std::move(body);
  return response;
}

}  // namespace

TEST_CASE("server: the first answer counts, and one that is forgotten is an error") {
  const auto server =
      served(quick(), {get("/twice",
                           [](const auto&, const AnswerPtr& answer) {
                             answer->send(text("first"));
                             answer->send(text("second"));
                             CHECK(answer->stream() == nullptr);
                           }),
                       get("/never", [](const auto&, const auto&) {}),
                       get("/bug", [](const auto&, const auto&) { HILLSTAR_ASSERT(false); }),
                       get("/throws", [](const auto&, const auto&) { throw std::runtime_error("x"); })});
  Client client(*server);
  client.get("/twice");
  CHECK(client.read("first").find("200 OK") != std::string::npos);
  client.get("/never");
  CHECK(client.read("}").find(" 500 ") != std::string::npos);
  client.get("/bug");
  CHECK(client.read("}").find("HS900") != std::string::npos);
  client.get("/throws");
  CHECK(client.read("}").find("HS900") != std::string::npos);
}

TEST_CASE("server: too many requests that wait are refused, and those that were taken are answered") {
  auto options = quick();
  options.handler_threads = 1;
  options.waiting_max = 2;
  std::promise<void> go;
  const auto gone = go.get_future().share();
  const auto traffic = options.traffic;
  const auto server = served(std::move(options), {get("/", [gone](const auto&, const AnswerPtr& answer) {
                               gone.wait();
                               answer->send(text("done"));
                             })});
  Client one(*server);
  Client two(*server);
  one.get("/");
  two.get("/");
  while (traffic->waiting < 2) std::this_thread::yield();
  Client three(*server);
  three.get("/");
  const auto refused = three.read("}");
  CHECK(refused.find(" 503 ") != std::string::npos);
  CHECK(refused.find("retry-after") != std::string::npos);
  CHECK(traffic->queue_full);
  go.set_value();
  CHECK(one.read("done").find("200 OK") != std::string::npos);
  CHECK(two.read("done").find("200 OK") != std::string::npos);
}

TEST_CASE("server: a drain answers what was taken, and has an end") {
  std::promise<AnswerPtr> taken;
  auto answer = taken.get_future();
  const auto server =
      served(quick(), {get("/", [&taken](const auto&, const AnswerPtr& given) { taken.set_value(given); }),
                       get("/hangs", [](const auto&, const AnswerPtr& given) { given->stream(); })});
  Client client(*server);
  client.get("/");
  auto given = answer.get();
  auto drained = std::async(std::launch::async, [&] { server->drain(30s); });
  given->send(text("late"));
  given.reset();
  const auto reply = client.read("");
  CHECK(reply.find("late") != std::string::npos);  // and the connection has ended, or it would be read on
  client.close();
  drained.get();
}

TEST_CASE("server: what does not end is cut") {
  std::promise<AnswerPtr> taken;
  auto answer = taken.get_future();
  const auto server =
      served(quick(), {get("/", [&taken](const auto&, const AnswerPtr& given) { taken.set_value(given); })});
  Client client(*server);
  client.get("/");
  const auto given = answer.get();
  server->drain(1ms);
  CHECK(client.read("").empty());
  given->send(text("nobody is there"));
}

TEST_CASE("server: a stream reaches its client in order, and its end is told once") {
  std::promise<std::shared_ptr<Outlet>> opened;
  auto outlet = opened.get_future();
  const auto server = served(quick(), {get("/", [&opened](const auto&, const AnswerPtr& given) {
                               auto made = given->stream();
                               made->write("1", "", "early");
                               opened.set_value(made);
                             })});
  Client client(*server);
  client.get("/");
  const auto stream = outlet.get();
  std::promise<void> closed;
  stream->on_closed([&closed] { closed.set_value(); });
  CHECK(stream->write("2", "late", "two"));
  const auto seen = client.read("data: two\n\n");
  CHECK(seen.find("id: 1\ndata: early\n\n") < seen.find("id: 2\nevent: late\n"));
  client.close();
  closed.get_future().wait();
  CHECK_FALSE(stream->write("3", "", "x"));
  bool at_once = false;
  stream->on_closed([&at_once] { at_once = true; });
  CHECK(at_once);
}

TEST_CASE("server: a client that does not read is cut, and its writer never waits") {
  auto options = quick();
  options.stream_bytes_max = 64 << 10;
  const auto traffic = options.traffic;
  std::promise<std::shared_ptr<Outlet>> opened;
  auto outlet = opened.get_future();
  const auto server =
      served(std::move(options),
             {get("/", [&opened](const auto&, const AnswerPtr& given) { opened.set_value(given->stream()); })});
  Client client(*server);
  client.get("/");
  const auto stream = outlet.get();
  const std::string piece(8 << 10, 'x');
  std::promise<void> closed;
  stream->on_closed([&closed] { closed.set_value(); });
  std::size_t written = 0;
  while (stream->write("", "", piece) && written < 100'000) ++written;
  CHECK(written < 100'000);
  closed.get_future().wait();
  CHECK(traffic->streams_cut == 1);
}

TEST_CASE("server: streams are closed in order by their writer") {
  const auto server = served(quick(), {get("/", [](const auto&, const AnswerPtr& given) {
                               const auto stream = given->stream();
                               stream->write("", "", "all");
                               stream->close();
                               CHECK_FALSE(stream->write("", "", "more"));
                             })});
  Client client(*server);
  client.get("/");
  const auto seen = client.read("");
  CHECK(seen.find("data: all\n\n") != std::string::npos);
  CHECK(seen.ends_with("0\r\n\r\n"));
}

TEST_CASE("server: heads have a deadline, silence between requests too") {
  auto options = quick();
  options.head_deadline = 50ms;
  options.idle_timeout = 50ms;
  const auto server =
      served(std::move(options), {get("/", [](const auto&, const AnswerPtr& given) { given->send(text("ok")); })});
  Client slow(*server);
  slow.say("GET / HT");
  CHECK(slow.read("").empty());
  Client idle(*server);
  idle.get("/");
  CHECK(idle.read("").find("ok") != std::string::npos);
}

TEST_CASE("server: an address that is none, or taken, is an error") {
  auto options = quick();
  options.address = "nowhere";
  CHECK(Server::bind(options).error().code == Errc::usage);
  options = quick();
  const auto first = served(options, {});
  const auto url = first->url();
  options.port = static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
  CHECK(Server::bind(options).error().code == Errc::host_unreachable);
}

}  // namespace hillstar::http
