// SPDX-License-Identifier: Apache-2.0
// RocksDB WriteBatch limits on this disk: N values of 400 B per batch, sync=true and sync=false. Usage: rdb DIR SECONDS
// (one writer thread, plus K concurrent writers with batch 1 to show RocksDB's own group commit)
#include <rocksdb/db.h>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>
using namespace rocksdb;
using clk = std::chrono::steady_clock;
int main(int argc, char** argv) {
  std::string dir = argc > 1 ? argv[1] : "./bench_work/rdb";
  double secs = argc > 2 ? atof(argv[2]) : 2;
  Options o;
  o.create_if_missing = true;
  o.IncreaseParallelism(2);
  DestroyDB(dir, o);
  DB* db;
  auto s = DB::Open(o, dir, &db);
  if (!s.ok()) {
    puts(s.ToString().c_str());
    return 1;
  }
  std::string val(400, 'x');
  for (auto& c : val) c = 'a' + rand() % 26;
  for (int batch : {1, 16, 256, 2048})
    for (bool sync : {true, false}) {
      WriteOptions w;
      w.sync = sync;
      auto t = clk::now();
      long n = 0, ops = 0;
      while (clk::now() - t < std::chrono::duration<double>(secs)) {
        WriteBatch b;
        for (int i = 0; i < batch; ++i) {
          char k[40];
          snprintf(k, 40, "run%08ld/%010ld", n % 1000, n);
          b.Put(k, val);
          ++n;
        }
        s = db->Write(w, &b);
        ++ops;
        if (!s.ok()) return 1;
      }
      double e = std::chrono::duration<double>(clk::now() - t).count();
      printf(
          "{\"bench\":\"rocksdb\",\"writers\":1,\"batch\":%d,\"sync\":%s,\"writes_per_s\":%.0f,\"values_per_s\":%.0f}"
          "\n",
          batch, sync ? "true" : "false", ops / e, n / e);
      fflush(stdout);
    }
  for (int k : {2, 8, 64}) {
    std::atomic<long> n{0};
    std::vector<std::thread> th;
    auto t = clk::now();
    for (int j = 0; j < k; j++)
      th.emplace_back([&, j] {
        WriteOptions w;
        w.sync = true;
        char key[40];
        for (long i = 0; clk::now() - t < std::chrono::duration<double>(secs); i++) {
          snprintf(key, 40, "t%02d/%010ld", j, i);
          if (!db->Put(w, key, val).ok()) return;
          n++;
        }
      });
    for (auto& x : th) x.join();
    double e = std::chrono::duration<double>(clk::now() - t).count();
    printf("{\"bench\":\"rocksdb\",\"writers\":%d,\"batch\":1,\"sync\":true,\"values_per_s\":%.0f}\n", k, n / e);
    fflush(stdout);
  }
  delete db;
  DestroyDB(dir, o);
}
