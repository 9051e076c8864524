// SPDX-License-Identifier: Apache-2.0
// Brings bodies to a collector, again and again where that may help, and ends when it is told to.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "apps/telemetry/delivery.hpp"
#include "apps/telemetry/settings.hpp"
#include "providers/http/transport.hpp"
#include "runtime/policy/air_gap.hpp"

namespace hillstar::telemetry {

/// Whether both addresses are endpoints that may be reached.
bool reaches(const policy::Reach& reach, const Settings& settings);
/// `https://host:port`: what may be shown of an address.
std::string shown(const std::string& url);

struct PostOptions {
  std::shared_ptr<providers::Transport> transport;  ///< Null: one of its own.
  std::shared_ptr<const providers::NetworkSettings> network;
  std::shared_ptr<const policy::Reach> reach;  ///< Null: anybody.
  std::string ca_file;
};

class Post {
 public:
  explicit Post(PostOptions options);

  /// Blocks until the collector has answered for good, or there is no more time. One thread at a time.
  Verdict deliver(const Target& target, std::string body);
  /// Each body is tried once from now on, and nothing after this moment. Any thread.
  void end_by(std::chrono::steady_clock::time_point moment);

 private:
  struct Flight;
  providers::HttpOutcome try_once(const Target& target, const std::string& body);
  /// False: it is time to end.
  bool rest(Millis pause);

  PostOptions options_;
  std::mutex mutex_;
  std::condition_variable ending_;
  std::optional<std::chrono::steady_clock::time_point> end_;
};

}  // namespace hillstar::telemetry
