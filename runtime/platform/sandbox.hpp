// SPDX-License-Identifier: Apache-2.0
// Shuts a program in: what it may not do any more, in layers that the kernel keeps for it and all its children.
//
// A Confinement is made before the program exists; the child enters it itself, just before it becomes the program. What
// was asked for and cannot be had stops the start: nothing runs with less than was decided.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "messages/error.hpp"
#include "runtime/platform/descriptor.hpp"

struct sock_filter;

namespace hillstar {

/// Folders or files, absolute. What does not exist is passed over.
struct SandboxFiles {
  std::vector<std::string> read;     ///< May be read and run, with all below.
  std::vector<std::string> write;    ///< May be changed as well.
  std::vector<std::string> devices;  ///< May be read, written and set (ioctl).
  std::vector<std::string> list;     ///< Names may be listed, with all below.
};

enum class SandboxNetwork {
  open,    ///< As for any program.
  cell,    ///< A network of its own: it reaches itself (127.0.0.1) and other scripts in the cell, nothing else.
  closed,  ///< No sockets but those inside the machine (AF_UNIX).
};

/// Empty: as they are. Limits can only be lowered; a higher number than the present one changes nothing.
struct SandboxLimits {
  std::optional<std::uint64_t> core_bytes;    ///< Of a core dump; 0: none is made.
  std::optional<std::uint64_t> memory_bytes;  ///< Of address space, for each process.
  std::optional<std::uint64_t> file_bytes;
  std::optional<std::uint64_t> open_files;
  std::optional<std::uint64_t> processes;    ///< Of the user, all together.
  std::optional<std::uint64_t> cpu_seconds;  ///< For each process.
};

/// What is put around a program. All of it, or it does not start.
struct SandboxLayers {
  bool drops_rights = false;  ///< no_new_privs; of root's capabilities only the ordinary ones stay.
  bool filters_calls = false;
  std::optional<SandboxFiles> files;  ///< Empty: as the user may.
  bool scopes_signals = false;        ///< With `files`: signals and abstract sockets reach only the program's own.
  SandboxNetwork network = SandboxNetwork::open;
  SandboxLimits limits;
  /// Network and filter are left to a program in between (bubblewrap): the filter is not entered but readable as
  /// descriptor Confinement::kHandedOn.
  bool is_for_wrapper = false;
};

/// Where a child could not do what it was to do.
enum class ConfinementStep { none, limits, network, rights, files, calls };

class NetworkCell;

class Confinement {
 public:
  Confinement();
  Confinement(Confinement&&) noexcept;
  Confinement& operator=(Confinement&&) noexcept;
  ~Confinement();

  /// Opens the folders and the cell. Errc::io if the kernel refuses.
  /// @param landlock  version that the kernel has
  /// @param cell      where the network is SandboxNetwork::cell; must outlive the result
  static Result<Confinement> make(const SandboxLayers& layers, int landlock, const NetworkCell* cell);

  /// Called in the child, which may share our memory: system calls only. errno says why a step failed.
  /// First all that needs descriptors, then, when they are closed, the rest.
  [[nodiscard]] ConfinementStep enter_first() const;
  [[nodiscard]] ConfinementStep enter_last() const;
  /// To be placed as kHandedOn; -1: none.
  [[nodiscard]] int handed_on() const { return handed_on_.get(); }

  static constexpr int kHandedOn = 4;

 private:
  struct Limit {
    int resource;
    std::uint64_t value;
  };
  void add_limits(const SandboxLimits& limits);

  std::vector<Limit> limits_;
  const NetworkCell* cell_ = nullptr;
  Descriptor ruleset_;
  std::vector<sock_filter> filter_;
  Descriptor handed_on_;
  bool drops_rights_ = false;
};

/// In words, for messages: "limits", "the network", ...
const char* to_text(ConfinementStep step);

}  // namespace hillstar
