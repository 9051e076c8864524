// SPDX-License-Identifier: Apache-2.0
// An authority, and certificates that it issued.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "actors/wire/wire.hpp"
#include "runtime/platform/authority.hpp"
#include "runtime/platform/clock.hpp"
#include "runtime/platform/private_folder.hpp"

namespace hillstar::testing {

/// Certificates in files of a folder that goes away with it.
class Papers {
 public:
  Papers() {
    std::string name = (std::filesystem::temp_directory_path() / "hillstar-wire-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    if (!authority().create("test", 100)) std::abort();
  }
  ~Papers() { std::filesystem::remove_all(folder_); }
  Papers(const Papers&) = delete;
  Papers& operator=(const Papers&) = delete;

  [[nodiscard]] Authority authority(UtcTime now = SystemClock().utc_now()) const {
    return Authority(folder_ + "/ca", [now] { return now; });
  }
  [[nodiscard]] std::string ca(const std::string& file) const { return folder_ + "/ca/" + file; }
  [[nodiscard]] std::string at(const std::string& file) const { return folder_ + "/" + file; }

  actors::wire::Credentials host(const std::string& name = "mill", std::vector<std::string> addresses = {"127.0.0.1"}) {
    return make({x509::Role::host, name, std::move(addresses)}, SystemClock().utc_now());
  }
  /// @param now  when it is issued
  actors::wire::Credentials worker(const std::string& name, UtcTime now = SystemClock().utc_now()) {
    return make({x509::Role::worker, name, {}}, now);
  }

 private:
  actors::wire::Credentials make(const x509::Subject& subject, UtcTime now) {
    const auto key = x509::new_key();
    const auto request = key ? x509::request_for(*key) : key;
    const auto issued = request ? authority(now).issue(*request, subject, kDay) : Result<Issued>(request.error());
    const auto folder = PrivateFolder::open(folder_, false);
    const auto stem = std::to_string(++made_);
    if (!issued || !folder || !folder->write(stem + ".key", *key, true) ||
        !folder->write(stem + ".pem", issued->chain, false))
      std::abort();
    return {at(stem + ".pem"), at(stem + ".key"), ca("authority.pem"), ca("revoked.pem")};
  }

  std::string folder_;
  int made_ = 0;
};

}  // namespace hillstar::testing
