// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/renewal.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "runtime/platform/authority.hpp"
#include "runtime/platform/private_folder.hpp"
#include "tests/unit/runtime/platform/temp_folder.hpp"

namespace hillstar {
namespace {

using x509::Role;

constexpr UtcTime kStart{1'800'000'000'000'000};

x509::Facts facts(Millis life) {
  x509::Facts made;
  made.not_before = kStart;
  made.not_after = kStart + life;
  return made;
}

/// An authority, and the folder of a worker that it has issued a certificate for.
struct House {
  House() {
    REQUIRE(authority().create("test", 1'000));
    const auto key = x509::new_key();
    const auto issued = authority().issue(*x509::request_for(*key), {Role::worker, "w1", {}}, kDay * 90);
    REQUIRE(issued);
    const auto folder = PrivateFolder::open(worker(), true);
    REQUIRE(folder);
    REQUIRE(folder->write("worker.key", *key, true));
    REQUIRE(folder->write("worker.pem", issued->chain, false));
  }
  [[nodiscard]] Authority authority() const {
    return Authority(ca(), [this] { return now; });
  }
  [[nodiscard]] std::string ca() const { return top / "ca"; }
  [[nodiscard]] std::string worker() const { return top / "worker"; }
  [[nodiscard]] std::string file(const std::string& name) const {
    return PrivateFolder::open(worker(), false)->read_or_empty(name).value_or("");
  }
  void put(const std::string& name, const std::string& text) const {
    REQUIRE(PrivateFolder::open(worker(), false)->write(name, text, true));
  }
  [[nodiscard]] std::string fingerprint() const { return x509::facts_of(file("worker.pem"))->fingerprint; }
  /// Key and certificate belong together, and nothing else is there.
  void is_whole() const {
    CHECK(x509::check_key(file("worker.pem"), file("worker.key")));
    CHECK(file("next.pem").empty());
    CHECK(file("next.key").empty());
  }

  testing::TempFolder top;
  UtcTime now = kStart;
};

}  // namespace

TEST_CASE("renewal: it is due after two thirds of a life or a tenth of it earlier, and possible after half of it") {
  const auto month = facts(kDay * 30);
  CHECK(renewal_due(month, 0) == kStart + kDay * 20);
  CHECK(renewal_due(month, 1) == kStart + kDay * 17);
  CHECK(renewal_due(month, 0.5) == kStart + Millis(kDay * 37 / 2));
  CHECK(renewal_due(month, -7) == kStart + kDay * 20);
  CHECK(renewable_from(month) == kStart + kDay * 15);
  CHECK(renewable_from(month) < renewal_due(month, 1));
}

TEST_CASE("renewal: it is asked for again more often as the end comes near") {
  const auto month = facts(kDay * 30);
  CHECK(renewal_pause(month, kStart + kDay * 18) == kDay);
  CHECK(renewal_pause(month, kStart + kDay * 25) == kDay / 2);
  CHECK(renewal_pause(month, kStart + kDay * 29) == kDay / 10);
  CHECK(renewal_pause(month, kStart + kDay * 30) == Millis{1'000});
  CHECK(renewal_pause(month, kStart + kDay * 31) == Millis{1'000});
}

TEST_CASE(
    "renewal: a worker gets a certificate for a new key that never leaves its folder, and the same when it asks "
    "again") {
  House house;
  const auto old_key = house.file("worker.key");
  house.now = kStart + kDay * 60;
  const auto request = begin_renewal(house.worker());
  REQUIRE(request);
  CHECK(request->find("PRIVATE") == std::string::npos);
  struct stat found {};
  REQUIRE(::stat((house.worker() + "/next.key").c_str(), &found) == 0);
  CHECK((found.st_mode & 0777U) == 0600U);
  const auto made = house.authority().renew(*request, house.fingerprint());
  REQUIRE_MESSAGE(made, to_string(made.error()));
  CHECK(made->facts.name == "w1");
  CHECK(made->facts.not_after == house.now + kDay * 90);
  // The answer was lost.
  const auto again = begin_renewal(house.worker());
  REQUIRE(again);
  const auto same = house.authority().renew(*again, house.fingerprint());
  REQUIRE(same);
  CHECK(same->chain == made->chain);
  REQUIRE(end_renewal(house.worker(), same->chain));
  CHECK(house.file("worker.key") != old_key);
  CHECK(house.fingerprint() == made->facts.fingerprint);
  house.is_whole();
  const auto rows = house.authority().rows();
  REQUIRE(rows);
  REQUIRE(rows->size() == 2);
  CHECK(rows->front().renewed_by == made->facts.serial);
  CHECK(rows->back().renewed_by.empty());
  CHECK(rows->back().holds == kDay * 90);
}

TEST_CASE("renewal: an authority renews what it issued, once, in its second half, and not what was revoked") {
  House house;
  const auto request = [] { return *x509::request_for(*x509::new_key()); };
  const auto why = [&](const std::string& asked, const std::string& shown) {
    const auto made = house.authority().renew(asked, shown);
    REQUIRE_FALSE(made);
    CHECK(made.error().code == Errc::join_refused);
    return made.error().message;
  };
  const auto shown = house.fingerprint();
  house.now = kStart + kDay * 44;
  CHECK(why(request(), shown).find("for long yet") != std::string::npos);
  house.now = kStart + kDay * 60;
  CHECK(why("nonsense", shown).find("cannot be used") != std::string::npos);
  CHECK(why(request(), std::string(64, 'a')).find("has not issued") != std::string::npos);
  CHECK(why(request(), "").find("has not issued") != std::string::npos);
  const auto host = house.authority().issue(request(), {Role::host, "mill", {"localhost"}}, kDay * 1);
  REQUIRE(host);
  CHECK(why(request(), host->facts.fingerprint).find("has not issued") != std::string::npos);
  REQUIRE(house.authority().renew(request(), shown));
  CHECK(why(request(), shown).find("another key") != std::string::npos);
  CHECK(house.authority().rows()->size() == 3);
  REQUIRE(house.authority().revoke("w1"));
  CHECK(why(request(), shown).find("holds no more") != std::string::npos);

  House late;
  late.now = kStart + kDay * 90;
  CHECK(late.authority().renew(request(), late.fingerprint()).error().message.find("holds no more") !=
        std::string::npos);
}

TEST_CASE("renewal: after the authority was rotated the new one signs, and asking again still gives the same") {
  House house;
  house.now = kStart + kDay * 60;
  const auto request = *begin_renewal(house.worker());
  const auto made = house.authority().renew(request, house.fingerprint());
  REQUIRE(made);
  REQUIRE(house.authority().rotate(1'000));
  const auto same = house.authority().renew(request, house.fingerprint());
  REQUIRE(same);
  CHECK(same->chain == made->chain);
  REQUIRE(end_renewal(house.worker(), same->chain));
  house.now = house.now + kDay * 60;
  const auto next = house.authority().renew(*begin_renewal(house.worker()), house.fingerprint());
  REQUIRE(next);
  CHECK(x509::split(next->chain)->back() != x509::split(made->chain)->back());
}

TEST_CASE("renewal: an answer for another key, of another name or without a longer life changes nothing") {
  House house;
  const auto before = house.file("worker.pem");
  CHECK_FALSE(end_renewal(house.worker(), before));  // nothing was asked for
  REQUIRE(begin_renewal(house.worker()));
  const auto own = *x509::request_for(house.file("next.key"));
  const auto other = *x509::request_for(*x509::new_key());
  const auto issue = [&](const std::string& request, const x509::Subject& subject, Millis holds) {
    return house.authority().issue(request, subject, holds)->chain;
  };
  for (const auto& answer :
       {std::string("nonsense"), std::string(), issue(other, {Role::worker, "w1", {}}, kDay * 100),
        issue(own, {Role::worker, "w2", {}}, kDay * 100), issue(own, {Role::worker, "w1", {}}, kDay * 90),
        issue(own, {Role::host, "w1", {"localhost"}}, kDay * 100)}) {
    const auto ended = end_renewal(house.worker(), answer);
    REQUIRE_FALSE(ended);
    CHECK(ended.error().code == Errc::certificate_invalid);
    CHECK(to_string(ended.error()).find("PRIVATE") == std::string::npos);
    CHECK(house.file("worker.pem") == before);
    CHECK(house.file("next.pem").empty());
  }
  CHECK(end_renewal(house.worker(), issue(own, {Role::worker, "w1", {}}, kDay * 100)));
  house.is_whole();
}

TEST_CASE("renewal: whatever a crash leaves is mended, and the next one has a key of its own again") {
  // After each of the five changes that the files go through.
  for (int changes = 0; changes <= 5; ++changes) {
    House house;
    house.now = kStart + kDay * 60;
    REQUIRE(begin_renewal(house.worker()));
    const auto key = house.file("next.key");
    const auto made = house.authority().renew(*x509::request_for(key), house.fingerprint());
    REQUIRE(made);
    if (changes > 0) house.put("next.pem", made->chain);
    if (changes > 1) house.put("worker.key", key);
    if (changes > 2) house.put("worker.pem", made->chain);
    if (changes > 3) std::filesystem::remove(house.worker() + "/next.key");
    if (changes > 4) std::filesystem::remove(house.worker() + "/next.pem");
    REQUIRE(mend_renewal(house.worker()));
    if (changes == 0) REQUIRE(end_renewal(house.worker(), made->chain));
    house.is_whole();
    CHECK(house.fingerprint() == made->facts.fingerprint);
    REQUIRE(begin_renewal(house.worker()));
    CHECK(house.file("next.key") != key);
  }
}

TEST_CASE("renewal: what is of no use is thrown away, and what somebody put there meanwhile stays") {
  House damaged;
  const auto key = *x509::new_key();
  damaged.put("next.pem", "nonsense");
  damaged.put("next.key", key);
  REQUIRE(mend_renewal(damaged.worker()));
  CHECK(damaged.file("next.pem").empty());
  CHECK(damaged.file("next.key") == key);
  CHECK(x509::check_key(damaged.file("worker.pem"), damaged.file("worker.key")));

  House by_hand;
  const auto issue = [&](const std::string& key_text, Millis holds) {
    return by_hand.authority().issue(*x509::request_for(key_text), {Role::worker, "w1", {}}, holds)->chain;
  };
  by_hand.put("next.pem", issue(key, kDay * 100));
  by_hand.put("next.key", key);
  const auto newer_key = *x509::new_key();
  by_hand.put("worker.key", newer_key);
  by_hand.put("worker.pem", issue(newer_key, kDay * 200));
  REQUIRE(mend_renewal(by_hand.worker()));
  CHECK(by_hand.file("worker.key") == newer_key);
  by_hand.is_whole();
}

}  // namespace hillstar
