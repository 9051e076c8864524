// SPDX-License-Identifier: Apache-2.0
// Workers as an engine takes them, and as people see them. Part of engine.hpp.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "messages/error.hpp"
#include "messages/units.hpp"

namespace hillstar {

/// Where workers of other machines join. Paths are of PEM files.
struct WorkersAt {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0: the kernel's choice.
  std::string certificate;
  std::string key;
  std::string authority;   ///< With `enroll`: in the folder of the authority itself, which then renews certificates.
  std::string revocation;  ///< Empty: none.
  /// Redeems a join token; empty: nobody joins by one.
  std::function<Result<std::string>(const std::string& request_json)> enroll;
};

struct WorkerStatus {
  std::string name;
  std::string fingerprint;  ///< Of its certificate.
  std::string address;
  std::string program;  ///< Version.
  std::map<std::string, std::string> labels;
  std::uint32_t slots = 0;
  std::uint32_t used = 0;
  std::vector<std::string> attempts;  ///< `run/node[item]/attempt`.
  bool connected = false;
  bool cordoned = false;
  bool draining = false;
  UtcTime last_seen;
  std::uint32_t load_percent = 0;
  std::uint64_t memory_free_bytes = 0;
  std::uint64_t disk_free_bytes = 0;
};
/// cordon: nothing more goes there. drain: the same, and the worker ends once it has ended what it makes.
enum class WorkerChange : std::uint8_t { cordon, uncordon, drain };

}  // namespace hillstar
