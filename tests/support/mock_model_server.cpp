// SPDX-License-Identifier: Apache-2.0
// A model server that knows one sentence: answers POST .../chat/completions, streamed or not, after --delay-ms.
//
// One thread and epoll, for benchmarks with tens of thousands of connections. It binds 127.0.0.1, prints its port as
// one line on standard output, and runs until its standard input ends or it is killed.
// --begin-ms: a streamed reply begins after so long, and ends after --delay-ms.
// Usage: mock_model_server [--delay-ms N] [--begin-ms N] [--port N] [--text TEXT] [--fail-first N]
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kRequestBytesMax = 64U << 20U;
constexpr int kBacklog = 4096;

struct Options {
  std::chrono::milliseconds delay{0};
  std::chrono::milliseconds begin{-1};  ///< Negative: the reply comes in one piece.
  unsigned short port = 0;
  std::string text = "Hello from the mock model .";
  long fail_first = 0;  ///< So many requests are answered with 503.
};

struct Connection {
  std::string input;
  std::string output;
  std::size_t sent = 0;
  std::uint64_t birth = 0;  ///< Tells connections apart that had the same descriptor.
};

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return out + "\"";
}

std::size_t words(std::string_view text) {
  std::size_t count = 0;
  bool within = false;
  for (const char c : text) {
    const bool blank = std::isspace(static_cast<unsigned char>(c)) != 0;
    if (!blank && !within) ++count;
    within = !blank;
  }
  return count;
}

std::string http(std::string_view status, std::string_view type, std::string_view body) {
  return "HTTP/1.1 " + std::string(status) + "\r\nContent-Type: " + std::string(type) +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

class Server {
 public:
  explicit Server(Options options) : options_(std::move(options)) {}
  int run();

 private:
  void listen();
  void accept_all();
  void on_ready(int fd, std::uint32_t events);
  void take_requests(int fd, Connection& connection);
  void answer(int fd, Connection& connection, std::string_view head, std::string_view body);
  void flush(int fd, Connection& connection);
  void on_timer();
  void arm();
  void drop(int fd);
  void watch(int fd, std::uint32_t events, int operation) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    epoll_ctl(epoll_, operation, fd, &event);
  }

  Options options_;
  int epoll_ = -1;
  int listener_ = -1;
  int timer_ = -1;
  std::uint64_t births_ = 0;
  std::unordered_map<int, Connection> connections_;
  struct Due {
    int fd;
    std::uint64_t birth;
    std::string bytes;
  };
  std::multimap<Clock::time_point, Due> due_;
};

void Server::listen() {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options_.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, kBacklog) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::perror("mock_model_server");
    std::exit(1);
  }
  std::printf("%u\n", ntohs(address.sin_port));
  std::fflush(stdout);
}

int Server::run() {
  listen();
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  watch(listener_, EPOLLIN, EPOLL_CTL_ADD);
  watch(timer_, EPOLLIN, EPOLL_CTL_ADD);
  // Fails for plain files and /dev/null, which never end: then only a signal stops the server.
  watch(STDIN_FILENO, EPOLLIN, EPOLL_CTL_ADD);
  std::vector<epoll_event> events(512);
  for (;;) {
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
      if (event.data.fd == listener_) {
        accept_all();
      } else if (event.data.fd == timer_) {
        on_timer();
      } else if (event.data.fd == STDIN_FILENO) {
        char ignored[64];
        if (read(STDIN_FILENO, ignored, sizeof ignored) <= 0) return 0;
      } else {
        on_ready(event.data.fd, event.events);
      }
    }
  }
}

void Server::accept_all() {
  for (;;) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      // Out of descriptors: try again when the next client comes, instead of spinning.
      if (errno == EMFILE || errno == ENFILE) usleep(1000);
      return;
    }
    const int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    connections_[fd].birth = ++births_;
    watch(fd, EPOLLIN, EPOLL_CTL_ADD);
  }
}

void Server::drop(int fd) {
  connections_.erase(fd);
  close(fd);
}

void Server::on_ready(int fd, std::uint32_t events) {
  const auto found = connections_.find(fd);
  if (found == connections_.end()) return;
  Connection& connection = found->second;
  if ((events & EPOLLOUT) != 0U) return flush(fd, connection);
  char buffer[16 * 1024];
  for (;;) {
    const ssize_t size = recv(fd, buffer, sizeof buffer, 0);
    if (size > 0) {
      connection.input.append(buffer, static_cast<std::size_t>(size));
      if (connection.input.size() > kRequestBytesMax) return drop(fd);
      continue;
    }
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    return drop(fd);
  }
  take_requests(fd, connection);
}

void Server::take_requests(int fd, Connection& connection) {
  for (;;) {
    const auto end = connection.input.find("\r\n\r\n");
    if (end == std::string::npos) return;
    const auto head_size = end + 4;
    std::string head = connection.input.substr(0, head_size);
    std::transform(head.begin(), head.end(), head.begin(), [](unsigned char c) { return std::tolower(c); });
    std::size_t length = 0;
    if (const auto at = head.find("\r\ncontent-length:"); at != std::string::npos)
      length = std::strtoul(head.c_str() + at + 17, nullptr, 10);
    if (length > kRequestBytesMax) return drop(fd);
    if (connection.input.size() < head_size + length) return;
    const std::string body = connection.input.substr(head_size, length);
    connection.input.erase(0, head_size + length);
    if (connection.input.empty()) connection.input.shrink_to_fit();
    answer(fd, connection, head, body);
  }
}

void Server::answer(int fd, Connection& connection, std::string_view head, std::string_view body) {
  std::string bytes;
  if (head.starts_with("get /health")) {
    bytes = http("200 OK", "application/json", R"({"status":"ok"})");
  } else if (head.substr(0, head.find("\r\n")).find("/chat/completions") == std::string_view::npos) {
    bytes = http("404 Not Found", "application/json", R"({"error":{"message":"no such path","code":404}})");
  } else if (options_.fail_first > 0) {
    --options_.fail_first;
    bytes = http("503 Service Unavailable", "application/json", R"({"error":{"message":"loading","code":503}})");
  } else {
    const auto out = words(options_.text);
    const std::string usage = R"("usage":{"prompt_tokens":)" + std::to_string(words(body)) +
                              R"(,"completion_tokens":)" + std::to_string(out) + R"(,"total_tokens":)" +
                              std::to_string(words(body) + out) + "}";
    const std::string start = R"({"id":"mock","model":"mock",)";
    if (body.find("\"stream\":true") != std::string_view::npos ||
        body.find("\"stream\": true") != std::string_view::npos) {
      const std::string choice = R"("choices":[{"index":0,"delta":)";
      bytes = http("200 OK", "text/event-stream",
                   "data: " + start + choice + R"({"role":"assistant","content":)" + quoted(options_.text) +
                       "},\"finish_reason\":null}]}\n\ndata: " + start + choice +
                       "{},\"finish_reason\":\"stop\"}]}\n\ndata: " + start + "\"choices\":[]," + usage +
                       "}\n\ndata: [DONE]\n\n");
    } else {
      bytes = http("200 OK", "application/json",
                   start + R"("choices":[{"index":0,"message":{"role":"assistant","content":)" + quoted(options_.text) +
                       R"(},"finish_reason":"stop"}],)" + usage + "}");
    }
    if (options_.begin.count() >= 0) {
      if (const auto first = bytes.find("\n\ndata: "); first != std::string::npos) {
        due_.emplace(Clock::now() + options_.begin, Due{fd, connection.birth, bytes.substr(0, first + 2)});
        bytes.erase(0, first + 2);
      }
    }
    if (options_.delay.count() > 0) {
      due_.emplace(Clock::now() + options_.delay, Due{fd, connection.birth, std::move(bytes)});
      return arm();
    }
  }
  connection.output += bytes;
  flush(fd, connection);
}

void Server::flush(int fd, Connection& connection) {
  while (connection.sent < connection.output.size()) {
    const ssize_t size = ::send(fd, connection.output.data() + connection.sent,
                                connection.output.size() - connection.sent, MSG_NOSIGNAL);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return watch(fd, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
    // The reading side notices a broken connection and drops it.
    if (size <= 0) break;
    connection.sent += static_cast<std::size_t>(size);
  }
  connection.output.clear();
  connection.output.shrink_to_fit();
  connection.sent = 0;
  watch(fd, EPOLLIN, EPOLL_CTL_MOD);
}

void Server::on_timer() {
  std::uint64_t ignored = 0;
  if (read(timer_, &ignored, sizeof ignored) < 0 && errno != EAGAIN) std::perror("timerfd");
  const auto now = Clock::now();
  while (!due_.empty() && due_.begin()->first <= now) {
    const auto node = due_.extract(due_.begin());
    const auto found = connections_.find(node.mapped().fd);
    if (found == connections_.end() || found->second.birth != node.mapped().birth) continue;
    found->second.output += node.mapped().bytes;
    flush(node.mapped().fd, found->second);
  }
  if (!due_.empty()) arm();
}

/// One timer for all waiting replies.
void Server::arm() {
  const auto wait =
      std::max<std::chrono::nanoseconds>(due_.begin()->first - Clock::now(), std::chrono::microseconds(1));
  itimerspec spec{};
  spec.it_value.tv_sec = wait.count() / 1'000'000'000;
  spec.it_value.tv_nsec = wait.count() % 1'000'000'000;
  timerfd_settime(timer_, 0, &spec, nullptr);
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--delay-ms")
      options.delay = std::chrono::milliseconds(std::strtol(argv[i + 1], nullptr, 10));
    else if (name == "--begin-ms")
      options.begin = std::chrono::milliseconds(std::strtol(argv[i + 1], nullptr, 10));
    else if (name == "--port")
      options.port = static_cast<unsigned short>(std::strtoul(argv[i + 1], nullptr, 10));
    else if (name == "--text")
      options.text = argv[i + 1];
    else if (name == "--fail-first")
      options.fail_first = std::strtol(argv[i + 1], nullptr, 10);
    else
      return std::fprintf(stderr, "mock_model_server: unknown option %s\n", argv[i]), 2;
  }
  if (argc % 2 == 0) return std::fprintf(stderr, "mock_model_server: an option lacks its value\n"), 2;
  signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  return Server(std::move(options)).run();
}
