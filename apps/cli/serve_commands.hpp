// SPDX-License-Identifier: Apache-2.0
// serve, and the tokens by which programs ask it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/cli/commands.hpp"

namespace hillstar::cli {

struct ServeArgs {
  std::vector<std::string> files;  ///< Workflows whose entry points become streams.
  std::string listen = "127.0.0.1:8787";
  std::string certificate;
  std::string key;
  std::vector<std::string> hosts;
  std::vector<std::string> origins;
  std::string drain_timeout = "30s";
  std::size_t connections_max = 16'384;
  double rate_limit = 1'000;         ///< Requests per second of one client; 0: no limit.
  std::uint64_t disk_reserve = 256;  ///< MiB.
  std::string env_file;
  std::string log_format = "text";
  std::string access_log = "off";  ///< off, a file, or - for stdout.
  std::string gc_every;            ///< Empty: never.
  std::string backups;             ///< Folder for those that are asked for over HTTP; empty: none are made.
  std::string workers;             ///< Where workers join; empty: nowhere.
  std::string workers_identity;    ///< Folder; empty: the only one.
  std::string worker_lost_after = "10s";
};

struct TokenArgs {
  std::string what = "ls";
  std::string which;  ///< revoke: name or id.
  std::string name;
  std::string scope = "read";
  std::string expires = "90d";
};

/// Serves the store over HTTP and to other terminals, until a signal ends it.
Result<Exit> serve_store(Context& context, const ServeArgs& args);
Result<Exit> manage_tokens(Context& context, const TokenArgs& args);

}  // namespace hillstar::cli
