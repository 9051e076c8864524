// SPDX-License-Identifier: Apache-2.0
// A machine that makes attempts for a host elsewhere. What apps/ uses for `worker`.
//
// A worker keeps nothing that the host needs to know: histories, limits and decisions stay there. It takes attempts,
// makes each in a folder of its own, and says how they ended until the host has that on disk. It stops what it makes
// when the host has not seen it for the time that the host gave it, since the host has given it up by then.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "messages/error.hpp"
#include "messages/units.hpp"
#include "providers/http/transport.hpp"
#include "runtime/policy/registry.hpp"
#include "runtime/tools/tool.hpp"

namespace hillstar {

struct WorkerOptions {
  std::string host;
  std::uint16_t port = 0;
  std::string certificate;  ///< Paths of PEM files, as those below.
  std::string key;
  std::string authority;
  std::string revocation;  ///< Empty: none.
  std::string identity;    ///< The folder of worker.pem and worker.key, which are renewed there; empty: they are not.
  std::map<std::string, std::string> labels;
  std::uint32_t slots = 1;
  std::string workspace;  ///< Absolute; each attempt gets a folder in it, for as long as it is needed.
  std::uint64_t cache_bytes =
      8ULL << 30U;                       ///< Of what crossed and may be needed again; what is needed now may be more.
  std::vector<std::string> environment;  ///< Of scripts and keys.
  Millis cancel_grace{5'000};
  tools::Catalog catalog;                            ///< Empty: the standard one.
  std::shared_ptr<const policy::Registry> registry;  ///< Null: the one that comes with the program.
  std::shared_ptr<providers::Transport> transport;   ///< Null: the machine's own.
  std::string version;                               ///< Empty: this program's.
  std::function<void(const std::string&)> log;       ///< One line for the operator; stderr. Thread-safe.
};

class Worker {
 public:
  /// Begins to join, and goes on trying. Errors: worker_workspace.
  static Result<std::unique_ptr<Worker>> start(WorkerOptions options);
  virtual ~Worker() = default;

  /// Takes nothing more; ends once what it makes has ended and the host has it on disk.
  virtual void drain() = 0;
  /// Waits at most so long for its end. Nothing: it goes on. Else why it ended; drained: no error.
  virtual std::optional<Result<void>> wait(Millis limit) = 0;
  /// Stops what it makes, and leaves. Called by the destructor.
  virtual void stop() = 0;
};

}  // namespace hillstar
