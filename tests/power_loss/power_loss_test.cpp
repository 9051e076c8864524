// SPDX-License-Identifier: Apache-2.0
// Cuts the power, or fails a disk operation, at a random moment of a random workload; reopens; and checks that every
// acknowledged batch is there, chained, with its blobs, and no batch by half.
//
//   power_loss_test               the seeds of the test run
//   power_loss_test FIRST         as many others, from this one on
//   power_loss_test SEED CUTS     one seed, for as many cuts as it takes to see it again
//   power_loss_test --seeds COUNT fewer or more than in the test run
//
// I/O errors and full disks are injected like cuts: at one operation, once. All lives share this process, so an abort
// of RocksDB (Debian builds it with assertions) fails the test: no reaction to a failed write may get that far.
#include <rocksdb/file_system.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/repair.hpp"
#include "persistence/rocksdb_store.hpp"
#include "tests/power_loss/crash_fs.hpp"

namespace {

using namespace hillstar;
using namespace hillstar::persistence;
using hillstar::testing::CrashFs;
using hillstar::testing::Fault;

constexpr std::uint64_t kFirstSeed = 1;
constexpr std::uint64_t kSeeds = 110;
constexpr std::uint64_t kCutsPerSeed = 10;
constexpr std::uint64_t kControlSeeds = 10;
constexpr std::uint64_t kRuns = 6;
constexpr std::uint64_t kCommitsMax = 40;
constexpr std::uint64_t kOperationsMax = 260;

struct Counts {
  std::uint64_t cuts = 0;
  std::uint64_t faults = 0;
  std::uint64_t in_recovery = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t unknown_survived = 0;
  std::uint64_t violations = 0;
};

RunId run_id(std::uint64_t n) {
  char text[27];
  std::snprintf(text, sizeof text, "01JD%022llu", static_cast<unsigned long long>(n));
  return RunId(text);
}

/// What is known about one run: its acknowledged records' hashes, and the blobs they name.
struct Known {
  std::vector<Hash> hashes;
};
using World = std::map<RunId, Known>;

/// One store over several cuts.
class Trial {
 public:
  Trial(std::uint64_t seed, bool ignores_sync, Counts& counts)
      : seed_(seed), ignores_sync_(ignores_sync), counts_(counts), dice_(seed) {
    const std::string base = std::filesystem::exists("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path();
    folder_ = base + "/hillstar-power-" + std::to_string(::getpid());
    std::filesystem::remove_all(folder_);
    // Folders are not taken back, so this one need not be synced.
    std::filesystem::create_directories(folder_);
  }
  ~Trial() { std::filesystem::remove_all(folder_); }
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  /// One life of the process, its end, and the check of what it left. False after a violation.
  bool live_and_die() {
    ++counts_.cuts;
    static constexpr Fault faults[] = {Fault::power, Fault::power, Fault::power, Fault::io_error, Fault::no_space};
    const auto files = make_files({faults[dice_() % 5], 1 + dice_() % kOperationsMax, ignores_sync_});
    {
      auto store = open(files);
      if (store) work(**store);
      if (dice_() % 4 != 0) files->cut();
    }
    counts_.faults += files->happened() ? 1 : 0;
    files->cut();
    files->restore(dice_);
    if (dice_() % 3 == 0) die_in_recovery();
    return check();
  }

 private:
  std::shared_ptr<CrashFs> make_files(CrashFs::Plan plan) {
    plan.graves = folder_ + "/graves/" + std::to_string(++lives_);
    return std::make_shared<CrashFs>(rocksdb::FileSystem::Default(), plan);
  }

  Result<std::unique_ptr<RocksStore>> open(const std::shared_ptr<CrashFs>& files) {
    StoreOptions options;
    options.env = hillstar::testing::crash_env(files);
    options.write_buffer_bytes = 64U << 10U;
    options.head_records = 5;
    options.head_interval = std::chrono::milliseconds(2);
    return RocksStore::open(folder_ + "/store", options);
  }

  /// A cut while the store is being opened after a cut.
  void die_in_recovery() {
    const auto files = make_files({Fault::power, 1 + dice_() % 40, ignores_sync_});
    { const auto store = open(files); }
    counts_.in_recovery += files->happened() ? 1 : 0;
    files->cut();
    files->restore(dice_);
  }

  std::string random_bytes() {
    static constexpr std::size_t sizes[] = {10, 3'000, 70'000, 70'000, 200'000, (1U << 20U) + 10};
    std::string bytes(sizes[dice_() % 6], static_cast<char>('a' + dice_() % 26));
    bytes += std::to_string(dice_());
    return bytes;
  }

  Result<Event> random_event(EventStore& store) {
    NodeCompleted completed;
    completed.node = NodeId("n" + std::to_string(dice_() % 1000));
    completed.result.json = Json::string(std::string(dice_() % 2000, 'x'));
    if (dice_() % 5 == 0) {
      const auto bytes = random_bytes();
      std::string name;
      if (dice_() % 2 == 0) {
        HILLSTAR_TRY(name, store.put_blob(bytes));
      } else {
        const auto sink = store.blob_sink();
        HILLSTAR_CHECK(sink->append(bytes));
        HILLSTAR_TRY(name, sink->finish());
      }
      completed.result.blobs.push_back({"", bytes.size(), false, name});
    }
    return Event(std::move(completed));
  }

  /// Commits batches until the disk says no.
  void work(RocksStore& store) {
    for (std::uint64_t i = 0; i < kCommitsMax; ++i) {
      std::vector<Append> appends;
      World next = world_;
      for (std::uint64_t n = 1 + dice_() % 3; n > 0; --n) {
        const RunId run = run_id(dice_() % kRuns);
        auto& known = next[run];
        Append append;
        append.run = run;
        append.expected_version = known.hashes.size();
        for (std::uint64_t k = 1 + dice_() % 3; k > 0; --k) {
          const auto event = random_event(store);
          if (!event) return;
          const Hash before = known.hashes.empty() ? Hash{} : known.hashes.back();
          append.records.push_back(encode(run, known.hashes.size() + 1, {1'700'000'000'000'000}, *event, before));
          known.hashes.push_back(append.records.back().hash);
        }
        append.summary.run = run;
        append.summary.version = known.hashes.size();
        appends.push_back(std::move(append));
      }
      const auto refused = store.commit(appends);
      if (!refused) {
        unknown_ = next;
        return;
      }
      if (!refused->empty()) return violation("an append at the right version was refused");
      world_ = std::move(next);
      ++counts_.acknowledged;
    }
  }

  void violation(const std::string& what) {
    ++counts_.violations;
    violated_ = true;
    if (!ignores_sync_)
      std::fprintf(stderr, "seed %llu, cut %llu: %s\n", static_cast<unsigned long long>(seed_),
                   static_cast<unsigned long long>(counts_.cuts), what.c_str());
  }

  /// Empty if the store holds exactly this world.
  std::string difference(const RocksStore& store, const World& world) {
    for (std::uint64_t n = 0; n < kRuns; ++n) {
      const RunId run = run_id(n);
      const auto expected = world.find(run);
      const std::size_t count = expected == world.end() ? 0 : expected->second.hashes.size();
      const auto records = store.read_records(run, 1, 1'000'000);
      if (!records && (records.error().code != Errc::run_not_found || count > 0)) return to_string(records.error());
      if (!records) continue;
      if (records->size() != count)
        return "run " + run.str() + " has " + std::to_string(records->size()) + " records, not " +
               std::to_string(count);
      for (std::size_t i = 0; i < count; ++i)
        if (records->at(i).hash != expected->second.hashes[i]) return "run " + run.str() + " has another history";
    }
    return {};
  }

  bool check() {
    const auto files = make_files({Fault::none, 0, ignores_sync_});
    const auto store = open(files);
    if (!store) {
      violation("the store does not open: " + to_string(store.error()));
      return false;
    }
    auto problem = difference(**store, world_);
    if (!problem.empty() && unknown_ && difference(**store, *unknown_).empty()) {
      // The write that failed is on disk after all, and all of it is.
      world_ = *unknown_;
      ++counts_.unknown_survived;
      problem.clear();
    }
    unknown_.reset();
    if (!problem.empty()) violation(problem);
    const auto verified = verify_all(**store);
    if (!verified)
      violation(to_string(verified.error()));
    else if (!verified->ok())
      violation(!verified->damaged.empty()         ? verified->damaged[0].problem
                : !verified->blob_problems.empty() ? verified->blob_problems[0]
                                                   : verified->log_problem);
    return !violated_;
  }

  const std::uint64_t seed_;
  const bool ignores_sync_;
  Counts& counts_;
  std::mt19937_64 dice_;
  std::string folder_;
  std::uint64_t lives_ = 0;
  World world_;
  std::optional<World> unknown_;
  bool violated_ = false;
};

Counts run_seeds(std::uint64_t first, std::uint64_t seeds, std::uint64_t cuts, bool ignores_sync) {
  Counts counts;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    Trial trial(seed, ignores_sync, counts);
    for (std::uint64_t i = 0; i < cuts; ++i)
      if (!trial.live_and_die()) break;
  }
  return counts;
}

void print(const char* what, const Counts& counts) {
  std::printf(
      "%s: %llu cuts (%llu at a chosen operation, %llu more during recovery), %llu batches acknowledged, "
      "%llu unacknowledged ones survived, %llu violations\n",
      what, static_cast<unsigned long long>(counts.cuts), static_cast<unsigned long long>(counts.faults),
      static_cast<unsigned long long>(counts.in_recovery), static_cast<unsigned long long>(counts.acknowledged),
      static_cast<unsigned long long>(counts.unknown_survived), static_cast<unsigned long long>(counts.violations));
}

}  // namespace

int main(int argc, char** argv) {
  // Stores that failed are not closed, so their files stay open until this process ends.
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  const bool counted = argc == 3 && std::string_view(argv[1]) == "--seeds";
  if (argc == 3 && !counted) {
    const auto counts = run_seeds(std::strtoull(argv[1], nullptr, 10), 1, std::strtoull(argv[2], nullptr, 10), false);
    print("one seed", counts);
    return counts.violations == 0 ? 0 : 1;
  }
  const auto first = argc == 2 ? std::strtoull(argv[1], nullptr, 10) : kFirstSeed;
  const auto seeds = counted ? std::strtoull(argv[2], nullptr, 10) : kSeeds;
  std::printf("seeds %llu to %llu\n", static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(first + seeds - 1));
  const auto honest = run_seeds(first, seeds, kCutsPerSeed, false);
  print("power loss", honest);
  // The same on a disk that lies about syncs must be noticed, or the test proves nothing.
  const auto control = run_seeds(first, kControlSeeds, kCutsPerSeed, true);
  print("control without sync", control);
  const bool caught = control.violations >= kControlSeeds / 2;
  if (!caught) std::fprintf(stderr, "the control was not caught\n");
  return honest.violations == 0 && caught ? 0 : 1;
}
