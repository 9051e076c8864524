// SPDX-License-Identifier: Apache-2.0
// What a measured piece of work cost this process, and a table to print it.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace hillstar::bench {

/// Wall and CPU (user + system, all threads) seconds of a piece of work.
struct Cost {
  double wall_s = 0;
  double cpu_s = 0;
};
Cost measure(const std::function<void()>& work);

/// Peak resident memory of this process since the last reset, in MB (VmHWM).
double peak_rss_mb();
void reset_peak_rss();
/// Resident memory of this process now, in MB (VmRSS).
double rss_mb();

double median(std::vector<double> values);

/// Folder for the benchmark's stores: on a real disk, removed at the end.
class WorkFolder {
 public:
  explicit WorkFolder(const std::string& parent);
  ~WorkFolder();
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  [[nodiscard]] std::string fresh(const std::string& name) const;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// One row: what, measured value, unit, the limit it is held against, the ratio.
struct Row {
  std::string what;
  std::string value;
  std::string limit;
};
void print(const std::string& title, const std::vector<Row>& rows);
std::string number(double value, int decimals, const std::string& unit);

// The machine's own limits, measured in the same run.
/// Median seconds of one 512-byte append + fdatasync.
double fdatasync_s(const std::string& folder);
/// Values of 250 bytes per second through raw RocksDB, `batch` at a time, synced.
double rocksdb_values_per_s(const std::string& folder, std::size_t batch);
/// posix_spawn + wait of /bin/true per second, one at a time.
double spawns_per_s();

}  // namespace hillstar::bench
