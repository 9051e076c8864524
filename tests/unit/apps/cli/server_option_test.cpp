// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/server_option.hpp"

#include <doctest/doctest.h>

namespace hillstar::cli {
namespace {

const std::string kUrl = "https://host:8787";
const std::vector<std::string> kSet{"HILLSTAR_SERVER=" + kUrl};

std::string place(const StoreChoice& choice, const std::string& command, const std::vector<std::string>& environment) {
  const auto found = place_of_store(choice, command, environment);
  return found ? *found : "HS" + std::to_string(static_cast<int>(found.error().code)) + " " + found.error().where;
}

TEST_CASE("server option: what is on the command line goes before the environment") {
  CHECK(place({"/s", false, {}}, "ls", {}) == "/s");
  CHECK(place({"/s", false, {}}, "ls", kSet) == kUrl);
  CHECK(place({"/s", true, {}}, "ls", kSet) == "/s");
  CHECK(place({"/s", false, "http://localhost:1"}, "verify", kSet) == "http://localhost:1");
  CHECK(place({"/s", true, kUrl}, "ls", {}) == "HS700 --store, --server");
  CHECK(place({"/s", false, "host:1"}, "ls", {}) == "HS700 host:1");
}

TEST_CASE("server option: who needs the folder is refused while a service is named, and who needs none is not") {
  for (const auto* command : {"repair", "restore", "serve", "token"}) {
    CHECK(place({"/s", false, {}}, command, kSet) == "HS700 HILLSTAR_SERVER");
    CHECK(place({"/s", false, kUrl}, command, {}) == "HS700 --server");
    CHECK(place({"/s", true, {}}, command, kSet) == "/s");
    CHECK(store_use(command) == StoreUse::needs_folder);
  }
  for (const auto* command : {"validate", "plan", "version", "secrets", "worker"}) {
    CHECK(place({"/s", false, {}}, command, kSet) == "/s");
    CHECK(place({"/s", true, "no address"}, command, kSet) == "/s");
  }
}

}  // namespace
}  // namespace hillstar::cli
