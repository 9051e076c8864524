// SPDX-License-Identifier: Apache-2.0
// Shuts a script in: decides by script_sandbox.hpp, on this machine.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "messages/json.hpp"
#include "runtime/platform/network_cell.hpp"
#include "runtime/platform/process.hpp"
#include "runtime/platform/sandbox.hpp"
#include "runtime/tools/script_sandbox.hpp"
#include "runtime/tools/tool.hpp"

namespace hillstar::tools {

/// One script, shut in. Lives as long as the script runs.
struct ShutIn {
  Confinement confinement;
  SandboxWish wish;
  std::vector<std::string> withheld;  ///< Names of variables.
  std::vector<SandboxGap> missing;
  bool closes_files = false;

  /// What a history says of it; nothing if it is what every script gets.
  [[nodiscard]] std::optional<Json> detail() const;
  /// Why a script that said `words` before it failed may have failed, if that looks like the sandbox; else empty.
  [[nodiscard]] std::string hint(std::string_view script, std::string_view words) const;
};

/// What the scripts of one engine share. Thread-safe.
class ScriptCage {
 public:
  /// @param store  folder of the engine's store, closed to scripts; empty: as the person's environment names it
  explicit ScriptCage(std::string store = {});

  /// Changes `spec` so that its program is shut in: `confinement`, `environment`, and for bubblewrap the program
  /// itself. `spec.cwd` and the program are set already. sandbox_refused: what was asked for may not be had here.
  Result<void> shut_in(const ToolCall& call, const RunContext& run, ProcessSpec& spec, ShutIn& made);

 private:
  /// With what is only known once it was tried. Null: not to be had.
  const NetworkCell* cell(SandboxAbilities& abilities);

  std::string store_;
  SandboxAbilities abilities_;
  std::once_flag tried_;
  std::optional<NetworkCell> cell_;
  std::string cell_error_;
};

/// The standard catalog of an engine whose store lies in `store`.
Catalog catalog_beside(const std::string& store);

}  // namespace hillstar::tools
