// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/measure.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <rocksdb/db.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace hillstar::bench {
namespace {

double cpu_now() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}
double wall_now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace

Cost measure(const std::function<void()>& work) {
  const auto wall = wall_now();
  const auto cpu = cpu_now();
  work();
  return {wall_now() - wall, cpu_now() - cpu};
}

namespace {

double status_mb(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(field)) return std::atof(line.c_str() + field.size()) / 1024;
  return 0;
}

}  // namespace

double peak_rss_mb() { return status_mb("VmHWM:"); }
double rss_mb() { return status_mb("VmRSS:"); }
void reset_peak_rss() { std::ofstream("/proc/self/clear_refs") << "5"; }

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

WorkFolder::WorkFolder(const std::string& parent) : path_(parent + "/hillstar-bench-XXXXXX") {
  std::filesystem::create_directories(parent);
  if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("cannot make a folder in " + parent);
}
WorkFolder::~WorkFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}
std::string WorkFolder::fresh(const std::string& name) const {
  const auto path = path_ + "/" + name;
  std::filesystem::remove_all(path);
  return path;
}

void print(const std::string& title, const std::vector<Row>& rows) {
  fmt::print("\n{}\n", title);
  for (const auto& row : rows) fmt::print("  {:<58} {:>16}   {}\n", row.what, row.value, row.limit);
  std::fflush(stdout);
}
std::string number(double value, int decimals, const std::string& unit) {
  return fmt::format("{:.{}f} {}", value, decimals, unit);
}

double fdatasync_s(const std::string& folder) {
  const auto path = folder + "/sync";
  const int file = open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  const std::string block(512, 'x');
  std::vector<double> times;
  for (int i = 0; i < 100; ++i) {
    const auto start = wall_now();
    if (write(file, block.data(), block.size()) < 0 || fdatasync(file) != 0)
      throw std::runtime_error("fdatasync failed");
    times.push_back(wall_now() - start);
  }
  close(file);
  return median(times);
}

double rocksdb_values_per_s(const std::string& folder, std::size_t batch_size) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.compression = rocksdb::kNoCompression;
  rocksdb::DB* raw = nullptr;
  if (!rocksdb::DB::Open(options, folder, &raw).ok()) throw std::runtime_error("cannot open RocksDB");
  const std::unique_ptr<rocksdb::DB> db(raw);
  rocksdb::WriteOptions sync;
  sync.sync = true;
  const std::string value(250, 'v');
  constexpr std::size_t kValues = 60'000;
  const auto cost = measure([&] {
    for (std::size_t at = 0; at < kValues;) {
      rocksdb::WriteBatch batch;
      for (std::size_t i = 0; i < batch_size && at < kValues; ++i, ++at) batch.Put(fmt::format("{:020}", at), value);
      if (!db->Write(sync, &batch).ok()) throw std::runtime_error("RocksDB write failed");
    }
  });
  return kValues / cost.wall_s;
}

double spawns_per_s() {
  constexpr int kSpawns = 300;
  char program[] = "/bin/true";
  char* arguments[] = {program, nullptr};
  const auto cost = measure([&] {
    for (int i = 0; i < kSpawns; ++i) {
      pid_t child = 0;
      if (posix_spawn(&child, program, nullptr, nullptr, arguments, environ) != 0)
        throw std::runtime_error("spawn failed");
      waitpid(child, nullptr, 0);
    }
  });
  return kSpawns / cost.wall_s;
}

}  // namespace hillstar::bench
