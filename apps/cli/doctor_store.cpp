// SPDX-License-Identifier: Apache-2.0
// doctor: the store, and the disk below it.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <vector>

#include "apps/cli/carry.hpp"
#include "apps/cli/doctor.hpp"
#include "apps/cli/store_owner.hpp"
#include "apps/http/remote.hpp"
#include "runtime/platform/descriptor.hpp"
#include "runtime/platform/file_access.hpp"

namespace hillstar::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kArea = "store";
constexpr std::uint64_t kMiB = 1U << 20U;
constexpr std::uint64_t kFreeLow = 1'024 * kMiB;
constexpr std::uint64_t kFreeNone = 64 * kMiB;
constexpr std::size_t kSyncs = 5;
constexpr std::chrono::milliseconds kSyncSlow{50};
constexpr std::size_t kRunsLooked = 10'000;
/// A record from later than now by more than this: a clock was, or is, wrong.
constexpr Millis kClockSlack{120'000};

std::string nearest_folder(const std::string& path) {
  std::error_code failed;
  fs::path here = path;
  while (!fs::is_directory(here, failed) && here != here.parent_path()) here = here.parent_path();
  return here.string();
}

/// What a disk is that does not keep what it says, or locks in its own way; empty: it is an ordinary one.
std::string odd_file_system(const std::string& folder) {
  struct statfs found {};
  if (::statfs(folder.c_str(), &found) != 0) return {};
  switch (static_cast<std::uint32_t>(found.f_type)) {
    case 0x01021994U:
    case 0x858458F6U:
      return "memory (tmpfs): it is gone when the machine ends";
    case 0x6969U:
      return "NFS";
    case 0xFF534D42U:
    case 0xFE534D42U:
    case 0x517BU:
      return "SMB";
    case 0x65735546U:
      return "FUSE";
    default:
      return {};
  }
}

/// The middle one of some synced writes to a file without a name; nothing if the disk refuses one.
std::optional<std::chrono::nanoseconds> sync_time(const Clock& clock, const std::string& folder) {
  const Descriptor file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!file.is_open()) return std::nullopt;
  std::array<char, 4096> block{};
  std::vector<std::chrono::nanoseconds> times;
  for (std::size_t i = 0; i < kSyncs; ++i) {
    const auto begin = clock.steady_now();
    const auto written = ::pwrite(file.get(), block.data(), block.size(), static_cast<off_t>(i * block.size()));
    if (written != static_cast<ssize_t>(block.size()) || ::fdatasync(file.get()) != 0) return std::nullopt;
    times.push_back(clock.steady_now() - begin);
  }
  std::sort(times.begin(), times.end());
  return times[kSyncs / 2];
}

void check_disk(const Context& context, Findings& found) {
  const auto folder = nearest_folder(context.store);
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) == 0) {
    const auto free = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
    const auto health = free < kFreeNone ? Health::fail : free < kFreeLow ? Health::warn : Health::ok;
    found.push_back({health, kArea, "free space", fmt::format("{} MiB in {}", free / kMiB, folder),
                     health == Health::ok ? "" : "make room, or name another folder with --store"});
  }
  if (const auto odd = odd_file_system(folder); !odd.empty())
    found.push_back({Health::warn, kArea, "file system", odd, "keep the store on a local disk: --store DIR"});
  if (::access(folder.c_str(), W_OK) != 0) {
    found.push_back(
        {Health::fail, kArea, "writing", folder + ": " + errno_text(errno), "name another folder with --store"});
    return;
  }
  const auto time = sync_time(context.clock, folder);
  if (!time) {
    found.push_back({Health::warn, kArea, "sync", "cannot be measured in " + folder, {}});
    return;
  }
  const bool slow = *time > kSyncSlow;
  found.push_back(
      {slow ? Health::warn : Health::ok, kArea, "sync",
       fmt::format("{:.2f} ms for a synced write", std::chrono::duration<double, std::milli>(*time).count()),
       slow ? "each step of a run waits for one or two of them; a faster disk helps" : ""});
}

void check_histories(const Context& context, Findings& found) {
  const auto store = read_store(context);
  if (!store) {
    const auto mend = store.error().hint.empty() ? "hillstar-actors repair" : store.error().hint;
    found.push_back({Health::fail, kArea, "opening", to_string(store.error()), mend});
    return;
  }
  std::size_t runs = 0;
  UtcTime last{};
  const auto listed = (*store)->list([&](const run::Summary& summary) {
    last = std::max(last, summary.updated_at);
    return ++runs < kRunsLooked;
  });
  if (!listed) {
    found.push_back({Health::fail, kArea, "opening", to_string(listed.error()), "hillstar-actors verify"});
    return;
  }
  found.push_back(
      {Health::ok,
       kArea,
       "opening",
       fmt::format("{}{} runs, {} records", runs, runs < kRunsLooked ? "" : " or more", (*store)->head().count),
       {}});
  const bool ahead = last - context.clock.utc_now() > kClockSlack;
  if (runs > 0)
    found.push_back({ahead ? Health::warn : Health::ok, kArea, "last event", to_rfc3339(last),
                     ahead ? "it is later than now: the clock is wrong, or was" : ""});
}

/// The folder of a service is not here: only whether it answers this person can be told.
void check_service(const Context& context, Findings& found) {
  if (const auto remote = http::Remote::open(context.store, context.environment); !remote)
    return found.push_back({Health::fail, kArea, "service", to_string(remote.error()), remote.error().hint});
  const auto store = read_store(context);
  const auto page = store ? (*store)->query({.limit = 1}) : Result<persistence::RunPage>(store.error());
  if (!page) return found.push_back({Health::fail, kArea, "service", to_string(page.error()), page.error().hint});
  found.push_back({Health::ok,
                   kArea,
                   "service",
                   context.store + " answers; `hillstar-actors doctor` on its machine looks at its store",
                   {}});
}

}  // namespace

void check_store_health(const Context& context, Findings& found) {
  if (http::is_service_url(context.store)) return check_service(context, found);
  check_disk(context, found);
  struct stat folder {};
  if (::stat(context.store.c_str(), &folder) != 0) {
    const bool missing = errno == ENOENT;
    found.push_back({missing ? Health::ok : Health::fail, kArea, "folder",
                     context.store + ": " + (missing ? "not there yet, the first run makes it" : errno_text(errno)),
                     missing ? "" : "name another folder with --store"});
    return;
  }
  const bool open = (folder.st_mode & (S_IRWXG | S_IRWXO)) != 0;
  found.push_back({open ? Health::warn : Health::ok, kArea, "folder", context.store,
                   open ? "others may look into it: chmod 700 " + context.store : ""});
  if (const auto owner = owner_of(context.store); owner != 0)
    found.push_back({Health::ok, kArea, "host", fmt::format("process {} hosts it now", owner), {}});
  check_histories(context, found);
}

}  // namespace hillstar::cli
