// SPDX-License-Identifier: Apache-2.0
// What this kernel and this user offer for shutting programs in. Asked of the kernel itself, never guessed from its
// version.
#pragma once

#include <boost/describe.hpp>
#include <string>

namespace hillstar {

/// Landlock's versions by what each added (kernel documentation, userspace-api/landlock).
inline constexpr int kLandlockFiles = 1;     ///< Linux 5.13: reading, writing, making and removing files.
inline constexpr int kLandlockRefer = 2;     ///< Linux 5.19: renaming across folders.
inline constexpr int kLandlockTruncate = 3;  ///< Linux 6.2: cutting files short.
inline constexpr int kLandlockDevices = 5;   ///< Linux 6.10: ioctl of devices.
inline constexpr int kLandlockScopes = 6;    ///< Linux 6.12: signals and abstract sockets of other programs.

struct SandboxAbilities {
  std::string kernel;              ///< Its release, such as `6.1.0-18-amd64`.
  std::string machine;             ///< `x86_64`, `aarch64`, ...
  int landlock = 0;                ///< Version of Landlock; 0: the kernel has none, or it is switched off.
  bool seccomp = false;            ///< System calls can be filtered here.
  bool user_namespace = false;     ///< A program may get a user namespace of its own.
  bool network_namespace = false;  ///< ... and a network of its own, with nothing in it but itself.
  std::string namespace_error;     ///< Why not, in the system's words; empty if they work or were not asked for.
  bool limits_processes = false;   ///< RLIMIT_NPROC binds: it does not for root.
  std::string bubblewrap;          ///< Path of `bwrap`; empty: not installed.

  bool operator==(const SandboxAbilities&) const = default;
};
BOOST_DESCRIBE_STRUCT(SandboxAbilities, (),
                      (kernel, machine, landlock, seccomp, user_namespace, network_namespace, namespace_error,
                       limits_processes, bubblewrap))

enum class SandboxProbe {
  quick,  ///< Microseconds; the fields about namespaces stay false.
  whole,  ///< Some milliseconds: starts a child that tries namespaces.
};

/// Thread-safe. Changes nothing about this process.
SandboxAbilities probe_sandbox(SandboxProbe depth);

}  // namespace hillstar
