// SPDX-License-Identifier: Apache-2.0
// Numbers and layouts: Linux user-space API, include/uapi/linux/landlock.h; those that Debian 12's headers do not have
// yet are written out.
#include "runtime/platform/sandbox_files.hpp"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

#include "runtime/platform/sandbox_abilities.hpp"

namespace hillstar {
namespace {

using Rights = std::uint64_t;

constexpr Rights kTruncate = 1ULL << 14U;
constexpr Rights kDeviceIoctl = 1ULL << 15U;
constexpr std::uint64_t kScopeAbstractSockets = 1ULL << 0U;
constexpr std::uint64_t kScopeSignals = 1ULL << 1U;

struct RulesetAttributes {
  std::uint64_t files = 0;
  std::uint64_t network = 0;
  std::uint64_t scoped = 0;
};

constexpr Rights kRead = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr Rights kWrite = kRead | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                          LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                          LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM |
                          LANDLOCK_ACCESS_FS_REFER | kTruncate;
constexpr Rights kDevice = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
                           kTruncate | kDeviceIoctl;
/// Making devices is allowed nowhere: they would be a way around all folders.
constexpr Rights kAll = kWrite | kDevice | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;
/// What a rule about something else than a folder may grant.
constexpr Rights kOfFiles = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                            kTruncate | kDeviceIoctl;

Rights known_to(int version) {
  Rights known = kAll;
  if (version < kLandlockRefer) known &= ~static_cast<Rights>(LANDLOCK_ACCESS_FS_REFER);
  if (version < kLandlockTruncate) known &= ~kTruncate;
  if (version < kLandlockDevices) known &= ~kDeviceIoctl;
  return known;
}

Error refused(const std::string& what) {
  return Error(Errc::io, "Landlock: " + what + ": " + std::system_category().message(errno));
}

class Ruleset {
 public:
  Ruleset(int version, bool scopes_signals) : known_(known_to(version)) {
    RulesetAttributes attributes;
    attributes.files = known_;
    if (scopes_signals && version >= kLandlockScopes) attributes.scoped = kScopeAbstractSockets | kScopeSignals;
    // Older kernels refuse a structure longer than theirs, unless the rest is zero.
    made_ = Descriptor(static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
  }
  [[nodiscard]] bool is_made() const { return made_.is_open(); }
  Descriptor take() { return std::move(made_); }

  Result<void> allow(const std::vector<std::string>& paths, Rights rights) {
    for (const auto& path : paths) HILLSTAR_CHECK(allow_one(path, rights & known_));
    return {};
  }

 private:
  Result<void> allow_one(const std::string& path, Rights rights) {
    const Descriptor folder(open(path.c_str(), O_PATH | O_CLOEXEC));
    struct stat status {};
    if (!folder.is_open() || fstat(folder.get(), &status) != 0) return {};
    if (!S_ISDIR(status.st_mode)) rights &= kOfFiles;
    const landlock_path_beneath_attr rule{rights, folder.get()};
    if (rights == 0 || syscall(SYS_landlock_add_rule, made_.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0)
      return {};
    // Files without a place in a file system, such as a pipe under /dev/fd: never closed, so nothing to open.
    if (errno == EBADFD) return {};
    return refused("no rule can be made for " + path);
  }

  Rights known_;
  Descriptor made_;
};

}  // namespace

Result<Descriptor> make_ruleset(const SandboxFiles& files, int version, bool scopes_signals) {
  Ruleset ruleset(version, scopes_signals);
  if (!ruleset.is_made()) return refused("no set of rules can be made");
  HILLSTAR_CHECK(ruleset.allow(files.read, kRead));
  HILLSTAR_CHECK(ruleset.allow(files.write, kWrite));
  HILLSTAR_CHECK(ruleset.allow(files.devices, kDevice));
  HILLSTAR_CHECK(ruleset.allow(files.list, LANDLOCK_ACCESS_FS_READ_DIR));
  return ruleset.take();
}

int enter_ruleset(int ruleset) { return syscall(SYS_landlock_restrict_self, ruleset, 0) == 0 ? 0 : errno; }

}  // namespace hillstar
