// SPDX-License-Identifier: Apache-2.0
// posix_spawn rate of /bin/true: sequential, and with K children in flight. Usage: spawn COUNT
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
extern char** environ;
using clk = std::chrono::steady_clock;
int main(int argc, char** argv) {
  int n = argc > 1 ? atoi(argv[1]) : 2000;
  char t[] = "/bin/true";
  char* a[] = {t, nullptr};
  for (int k : {1, 2, 4, 16}) {
    int in = 0;
    auto t0 = clk::now();
    rusage r0;
    getrusage(RUSAGE_CHILDREN, &r0);
    rusage s0;
    getrusage(RUSAGE_SELF, &s0);
    for (int i = 0; i < n; i++) {
      pid_t p;
      if (posix_spawn(&p, t, nullptr, nullptr, a, environ)) return 1;
      if (++in >= k) {
        int st;
        wait(&st);
        in--;
      }
    }
    while (in--) {
      int st;
      wait(&st);
    }
    double e = std::chrono::duration<double>(clk::now() - t0).count();
    rusage r1, s1;
    getrusage(RUSAGE_CHILDREN, &r1);
    getrusage(RUSAGE_SELF, &s1);
    auto sec = [](timeval x) { return x.tv_sec + x.tv_usec / 1e6; };
    double c = sec(r1.ru_utime) + sec(r1.ru_stime) - sec(r0.ru_utime) - sec(r0.ru_stime) + sec(s1.ru_utime) +
               sec(s1.ru_stime) - sec(s0.ru_utime) - sec(s0.ru_stime);
    printf(
        "{\"bench\":\"posix_spawn "
        "/bin/true\",\"in_flight\":%d,\"n\":%d,\"per_s\":%.0f,\"cpu_us_each\":%.0f,\"wall_ms_for_200\":%.0f}\n",
        k, n, n / e, c * 1e6 / n, e / n * 200 * 1e3);
    fflush(stdout);
  }
}
