// SPDX-License-Identifier: Apache-2.0
// Loopback mock of an OpenAI-style chat-completions server: answers every POST after a fixed delay.
// One epoll thread, holds >10k keep-alive connections. Usage: mockllm PORT DELAY_MS
// GET /stats -> {"requests":..,"inflight":..,"peak_inflight":..,"conns":..,"peak_conns":..,"first_ms":..,"last_ms":..}
// GET /reset -> zeroes the counters. Exits by itself after 2 h.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <string>
#include <vector>
struct Conn {
  bool open = false;
  uint32_t gen = 0;
  std::string in, out;
  bool want_out = false;
};
struct Due {
  int64_t at;
  int fd;
  uint32_t gen;
};
static std::vector<Conn> conns;
static std::deque<Due> dues;
static int ep;
static long requests, inflight, peak, nconn, peakconn, first_ms, last_ms;
static int64_t now_us() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}
static int64_t wall_ms() {
  timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}
static void close_conn(int fd) {
  auto& c = conns[fd];
  c.open = false;
  c.gen++;
  c.in.clear();
  c.out.clear();
  c.want_out = false;
  nconn--;
  close(fd);
}
static void arm(int fd, bool out) {
  epoll_event e{};
  e.events = EPOLLIN | (out ? EPOLLOUT : 0);
  e.data.fd = fd;
  epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e);
}
static void flush(int fd) {
  auto& c = conns[fd];
  while (!c.out.empty()) {
    ssize_t n = write(fd, c.out.data(), c.out.size());
    if (n > 0) {
      c.out.erase(0, n);
      continue;
    }
    if (n < 0 && errno == EAGAIN) {
      if (!c.want_out) {
        c.want_out = true;
        arm(fd, true);
      }
      return;
    }
    close_conn(fd);
    return;
  }
  if (c.want_out) {
    c.want_out = false;
    arm(fd, false);
  }
}
static void reply(int fd, const std::string& body) {
  char h[160];
  int n = snprintf(
      h, sizeof h,
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\nConnection: keep-alive\r\n\r\n",
      body.size());
  conns[fd].out.append(h, n);
  conns[fd].out += body;
  flush(fd);
}
static const std::string BODY =
    "{\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"mock\",\"choices\":[{\"index\":"
    "0,\"message\":{\"role\":\"assistant\",\"content\":\"" +
    std::string(200, 'a') +
    "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":50,\"total_tokens\":70}}";
int main(int argc, char** argv) {
  int port = argc > 1 ? atoi(argv[1]) : 18099;
  int64_t delay = (argc > 2 ? atoll(argv[2]) : 1000) * 1000;
  rlimit rl;
  getrlimit(RLIMIT_NOFILE, &rl);
  rl.rlim_cur = rl.rlim_max;
  setrlimit(RLIMIT_NOFILE, &rl);
  conns.resize(200000);
  int ls = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
  setsockopt(ls, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(ls, (sockaddr*)&a, sizeof a) || listen(ls, 16384)) {
    perror("bind");
    return 1;
  }
  ep = epoll_create1(0);
  epoll_event e{};
  e.events = EPOLLIN;
  e.data.fd = ls;
  epoll_ctl(ep, EPOLL_CTL_ADD, ls, &e);
  printf("mockllm listening 127.0.0.1:%d delay %lld ms\n", port, (long long)delay / 1000);
  fflush(stdout);
  const int64_t stop = now_us() + 7200LL * 1000000;
  std::vector<epoll_event> ev(4096);
  static char buf[65536];
  for (;;) {
    int64_t t = now_us();
    if (t > stop) return 0;
    int to = 1000;
    if (!dues.empty()) {
      int64_t d = dues.front().at - t;
      to = d <= 0 ? 0 : int((d + 999) / 1000);
    }
    int n = epoll_wait(ep, ev.data(), (int)ev.size(), to > 1000 ? 1000 : to);
    for (int i = 0; i < n; i++) {
      int fd = ev[i].data.fd;
      if (fd == ls) {
        for (int k = 0; k < 1024; k++) {
          int c = accept4(ls, nullptr, nullptr, SOCK_NONBLOCK);
          if (c < 0) break;
          if (c >= (int)conns.size()) {
            close(c);
            continue;
          }
          setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
          conns[c].open = true;
          conns[c].in.clear();
          conns[c].out.clear();
          if (++nconn > peakconn) peakconn = nconn;
          epoll_event x{};
          x.events = EPOLLIN;
          x.data.fd = c;
          epoll_ctl(ep, EPOLL_CTL_ADD, c, &x);
        }
        continue;
      }
      auto& c = conns[fd];
      if (!c.open) continue;
      if (ev[i].events & EPOLLOUT) {
        flush(fd);
        if (!c.open) continue;
      }
      if (!(ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) continue;
      ssize_t r = read(fd, buf, sizeof buf);
      if (r == 0 || (r < 0 && errno != EAGAIN)) {
        close_conn(fd);
        continue;
      }
      if (r > 0) c.in.append(buf, r);
      for (;;) {
        size_t h = c.in.find("\r\n\r\n");
        if (h == std::string::npos) break;
        size_t len = 0;
        bool chunked = false;
        for (size_t p = 0; p < h;) {
          size_t q = c.in.find("\r\n", p);
          if (q == std::string::npos || q > h) q = h;
          if (!strncasecmp(c.in.c_str() + p, "content-length:", 15)) len = strtoul(c.in.c_str() + p + 15, nullptr, 10);
          if (!strncasecmp(c.in.c_str() + p, "transfer-encoding:", 18)) chunked = true;
          p = q + 2;
        }
        size_t end = h + 4 + len;
        if (chunked) {
          size_t z = c.in.find("0\r\n\r\n", h + 4);
          if (z == std::string::npos) break;
          end = z + 5;
        }
        if (c.in.size() < end) break;
        bool post = c.in.compare(0, 5, "POST ") == 0, stats = c.in.compare(0, 10, "GET /stats") == 0,
             reset = c.in.compare(0, 10, "GET /reset") == 0;
        c.in.erase(0, end);
        if (post) {
          requests++;
          if (++inflight > peak) peak = inflight;
          if (!first_ms) first_ms = wall_ms();
          dues.push_back({now_us() + delay, fd, c.gen});
        } else {
          char s[400];
          snprintf(s, sizeof s,
                   "{\"requests\":%ld,\"inflight\":%ld,\"peak_inflight\":%ld,\"conns\":%ld,\"peak_conns\":%ld,\"first_"
                   "ms\":%ld,\"last_ms\":%ld}",
                   requests, inflight, peak, nconn, peakconn, first_ms, last_ms);
          if (reset) {
            requests = 0;
            peak = inflight;
            peakconn = nconn;
            first_ms = last_ms = 0;
          }
          (void)stats;
          reply(fd, s);
          if (!c.open) break;
        }
      }
    }
    t = now_us();
    while (!dues.empty() && dues.front().at <= t) {
      Due d = dues.front();
      dues.pop_front();
      inflight--;
      last_ms = wall_ms();
      if (conns[d.fd].open && conns[d.fd].gen == d.gen) reply(d.fd, BODY);
    }
  }
}
