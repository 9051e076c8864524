// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/authority.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <boost/json.hpp>
#include <filesystem>
#include <string>

#include "messages/json.hpp"
#include "runtime/platform/join.hpp"
#include "runtime/platform/private_folder.hpp"

namespace hillstar {
namespace {

namespace fs = std::filesystem;
using x509::Role;

struct Place {
  Place() {
    std::string name = (fs::temp_directory_path() / "hillstar-ca-XXXXXX").string();
    folder = ::mkdtemp(name.data());
    ca = folder + "/ca";
  }
  ~Place() { fs::remove_all(folder); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  [[nodiscard]] Authority authority() const {
    return Authority(ca, [this] { return now; });
  }

  std::string folder;
  std::string ca;
  UtcTime now{1'800'000'000'000'000};
};

std::string new_request() {
  const auto key = x509::new_key();
  REQUIRE(key);
  const auto request = x509::request_for(*key);
  REQUIRE(request);
  return *request;
}

std::string asked(const std::string& token, const std::string& request) {
  return json::canonical(boost::json::object{{"version", 1}, {"token", token}, {"request", request}});
}

mode_t mode_of(const std::string& path) {
  struct stat found {};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  return found.st_mode & 0777U;
}

}  // namespace

TEST_CASE("authority: is made once, with a key that nobody else reads") {
  const Place place;
  const auto made = place.authority().create("hillstar", 10);
  REQUIRE(made);
  CHECK(made->role == Role::authority);
  CHECK(mode_of(place.ca + "/" + made->serial + ".key") == 0600);
  CHECK(mode_of(place.ca) == 0700);
  const auto again = place.authority().create("hillstar", 10);
  REQUIRE_FALSE(again);
  CHECK(again.error().code == Errc::usage);
  CHECK_FALSE(Authority(place.folder + "/none", [] { return UtcTime{}; }).rows());
}

TEST_CASE("authority: issues what was asked for, and never beyond its own end") {
  const Place place;
  const auto made = place.authority().create("hillstar", 10);
  REQUIRE(made);
  const auto host =
      place.authority().issue(new_request(), {Role::host, "mill", {"localhost", "127.0.0.1", "::1"}}, kDay * 5);
  REQUIRE(host);
  CHECK(host->facts.role == Role::host);
  CHECK(host->facts.name == "mill");
  const auto long_lived = place.authority().issue(new_request(), {Role::worker, "w1", {}}, kDay * 90);
  REQUIRE(long_lived);
  CHECK(long_lived->facts.not_after == made->not_after);
  const auto rows = place.authority().rows();
  REQUIRE(rows);
  CHECK(rows->size() == 2);
  CHECK(rows->front().addresses.size() == 3);
}

TEST_CASE("authority: refuses names and addresses that would say something else in a certificate") {
  const Place place;
  REQUIRE(place.authority().create("hillstar", 10));
  for (const char* name : {"", "a b", "a,DNS:evil", "../x", "-a", "x\ny"}) {
    CAPTURE(name);
    CHECK_FALSE(place.authority().issue(new_request(), {Role::worker, name, {}}, kDay * 5));
  }
  for (const char* address : {"", "a,URI:hillstar:worker:x", "*.example.com", "a b", "..", "x\n"}) {
    CAPTURE(address);
    CHECK_FALSE(place.authority().issue(new_request(), {Role::host, "h", {address}}, kDay * 5));
  }
  CHECK_FALSE(place.authority().issue(new_request(), {Role::host, "h", {}}, kDay * 5));
  CHECK_FALSE(place.authority().issue("garbage", {Role::worker, "w", {}}, kDay * 5));
  CHECK_FALSE(place.authority().issue(new_request(), {Role::worker, "w", {}}, kDay * 0));
  CHECK(place.authority().rows()->empty());
}

TEST_CASE("authority: revokes by name or serial, and says what it does not know") {
  const Place place;
  REQUIRE(place.authority().create("hillstar", 10));
  const auto one = place.authority().issue(new_request(), {Role::worker, "w1", {}}, kDay * 5);
  const auto two = place.authority().issue(new_request(), {Role::worker, "w1", {}}, kDay * 5);
  REQUIRE(one);
  REQUIRE(two);
  const auto by_serial = place.authority().revoke(one->facts.serial);
  REQUIRE(by_serial);
  CHECK(by_serial->size() == 1);
  const auto by_name = place.authority().revoke("w1");
  REQUIRE(by_name);
  REQUIRE(by_name->size() == 1);
  CHECK(by_name->front().facts.serial == two->facts.serial);
  CHECK(place.authority().revoke("w1")->empty());
  CHECK(place.authority().revoke("w2").error().code == Errc::not_found);
}

TEST_CASE("authority: a new one is trusted beside the old until that has expired") {
  Place place;
  const auto first = place.authority().create("hillstar", 10);
  REQUIRE(first);
  place.now = place.now + kDay * 5;
  const auto second = place.authority().rotate(10);
  REQUIRE(second);
  CHECK(second->name != first->name);
  auto trusted = place.authority().trusted();
  REQUIRE(trusted);
  REQUIRE(trusted->size() == 2);
  CHECK(trusted->front().serial == second->serial);
  place.now = place.now + kDay * 6;
  REQUIRE(place.authority().rotate(10));
  trusted = place.authority().trusted();
  REQUIRE(trusted);
  CHECK(trusted->size() == 2);
  CHECK(trusted->back().serial == second->serial);
}

TEST_CASE("join token: gives one certificate, and the same one to the same key") {
  Place place;
  REQUIRE(place.authority().create("hillstar", 10));
  const auto token = place.authority().make_token("w1", Millis{60'000}, kDay * 5);
  REQUIRE(token);
  const auto stored = PrivateFolder::open(place.ca, false)->read("tokens.jsonl");
  REQUIRE(stored);
  const auto parts = join_token_of(token->text);
  REQUIRE(parts);
  CHECK(stored->find(parts->secret) == std::string::npos);
  const auto request = new_request();
  const auto answer = place.authority().redeem(asked(token->text, request));
  REQUIRE(answer);
  const auto again = place.authority().redeem(asked(token->text, request));
  REQUIRE(again);
  CHECK(*again == *answer);
  const auto other = place.authority().redeem(asked(token->text, new_request()));
  REQUIRE_FALSE(other);
  CHECK(other.error().code == Errc::join_refused);
  CHECK(to_string(other.error()).find(parts->secret) == std::string::npos);
  CHECK(place.authority().rows()->size() == 1);
  place.now = place.now + Millis{60'000};
  CHECK_FALSE(place.authority().redeem(asked(token->text, request)));
}

TEST_CASE("join token: expired, unknown, damaged and malformed ones give nothing") {
  Place place;
  REQUIRE(place.authority().create("hillstar", 10));
  const auto token = place.authority().make_token("w1", Millis{1'000}, kDay * 5);
  REQUIRE(token);
  auto wrong = token->text;
  wrong[8] = wrong[8] == 'A' ? 'B' : 'A';
  CHECK_FALSE(place.authority().redeem(asked(wrong, new_request())));
  CHECK_FALSE(place.authority().redeem(asked("", new_request())));
  CHECK_FALSE(place.authority().redeem(asked(token->text, "nothing")));
  CHECK_FALSE(place.authority().redeem("{}"));
  CHECK_FALSE(place.authority().redeem("[1]"));
  place.now = place.now + Millis{1'000};
  const auto late = place.authority().redeem(asked(token->text, new_request()));
  REQUIRE_FALSE(late);
  CHECK(late.error().code == Errc::join_refused);
  CHECK(place.authority().rows()->empty());
  CHECK_FALSE(place.authority().make_token("a b", Millis{1'000}, kDay * 5));
  CHECK_FALSE(place.authority().make_token("w1", Millis{0}, kDay * 5));
}

}  // namespace hillstar
