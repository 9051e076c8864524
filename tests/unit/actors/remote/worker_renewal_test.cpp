// SPDX-License-Identifier: Apache-2.0
// Who gets a new certificate of a host, as far as its directory decides.
#include <doctest/doctest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/unit/actors/remote/directory_bench.hpp"

namespace hillstar::actors {
namespace {

using namespace directory_bench;

/// An authority that says what it was asked; closed, it lets everybody wait.
struct Signer {
  explicit Signer(Bench& bench) {
    caf::anon_send(bench.directory, UseAuthority{[state = state](const std::string& request, const std::string& shown) {
                     return state->sign(request, shown);
                   }});
  }
  ~Signer() { open(); }
  Signer(const Signer&) = delete;
  Signer& operator=(const Signer&) = delete;
  void close() const {
    const std::scoped_lock lock(state->mutex);
    state->closed = true;
  }
  void open() const {
    const std::scoped_lock lock(state->mutex);
    state->closed = false;
    state->changed.notify_all();
  }
  [[nodiscard]] int asked() const {
    const std::scoped_lock lock(state->mutex);
    return state->asked;
  }

  struct State {
    Result<Issued> sign(const std::string& request, const std::string& shown) {
      std::unique_lock lock(mutex);
      ++asked;
      changed.wait(lock, [&] { return !closed; });
      if (request == "bad") return Error{Errc::join_refused, "not you", {}, "a hint"};
      if (request == "broken") return Error{Errc::io, "cannot write", "/secret/place", {}};
      return Issued{{}, "chain of " + request + " by " + shown, {}, {}};
    }
    std::mutex mutex;
    std::condition_variable changed;
    bool closed = false;
    int asked = 0;
  };
  std::shared_ptr<State> state = std::make_shared<State>();
};

remote::Renewed answer(Guest& guest, const std::string& request) {
  guest.say(FrameKind::renew, remote::RenewAsked{request});
  return guest.hear<remote::Renewed>(FrameKind::renewed);
}

}  // namespace

TEST_CASE("worker renewal: who is joined gets a certificate in place of the one that it showed") {
  Bench bench;
  const Signer signer(bench);
  Guest a(bench, "a", "its fingerprint");
  a.hello();
  a.welcomed();
  CHECK(answer(a, "mine").certificate == "chain of mine by its fingerprint");
  CHECK(answer(a, "again").reason.find("too often") != std::string::npos);
  CHECK(signer.asked() == 1);
  bench.tick(kRenewEvery);
  CHECK(answer(a, "bad").reason == "not you");
  bench.tick(kRenewEvery);
  const auto broken = answer(a, "broken");  // what is wrong here is nobody's business there
  CHECK(broken.reason.find("at the moment") != std::string::npos);
  CHECK(bench.log().find("/secret/place") != std::string::npos);
  CHECK(bench.log().find("worker a has a new certificate") != std::string::npos);
  CHECK(bench.log().find("chain") == std::string::npos);
}

TEST_CASE("worker renewal: nobody gets one without an authority, while it is cordoned, or before it has joined") {
  Bench bench;
  Guest a(bench, "a");
  a.hello();
  a.welcomed();
  CHECK(answer(a, "mine").reason.find("no authority") != std::string::npos);
  const Signer signer(bench);
  const auto tell = [&](WorkerChange change) {
    auto reply = Reply<bool>::create();
    auto told = reply.future();
    caf::anon_send(bench.directory, TellWorker{"a", change, std::exchange(reply, {})});
    REQUIRE(told.get().has_value());
  };
  tell(WorkerChange::cordon);
  CHECK(answer(a, "mine").reason.find("cordoned") != std::string::npos);
  tell(WorkerChange::uncordon);
  Guest stranger(bench, "stranger");
  stranger.say(FrameKind::renew, remote::RenewAsked{"mine"});
  CHECK(stranger.is_closed());
  CHECK(signer.asked() == 0);
  CHECK_FALSE(answer(a, "mine").certificate.empty());
  a.say(FrameKind::renew, remote::Line{"x"});
  CHECK(a.is_closed());
}

TEST_CASE("worker renewal: few are made at once, and one whose asker has gone does no harm") {
  Bench bench;
  const Signer signer(bench);
  signer.close();
  std::vector<std::unique_ptr<Guest>> guests;
  for (std::size_t i = 0; i <= kRenewalsMax; ++i) {
    guests.push_back(std::make_unique<Guest>(bench, "w" + std::to_string(i)));
    guests.back()->hello();
    guests.back()->welcomed();
    if (i < kRenewalsMax) guests.back()->say(FrameKind::renew, remote::RenewAsked{"x"});
  }
  CHECK(answer(*guests.back(), "x").reason.find("too many") != std::string::npos);
  guests.front()->down();
  bench.rows();
  signer.open();
  for (std::size_t i = 1; i < kRenewalsMax; ++i)
    CHECK_FALSE(guests[i]->hear<remote::Renewed>(FrameKind::renewed).certificate.empty());
  CHECK(guests.front()->left() == 0);
  // It was refused without being asked for: it may ask at once.
  bool given = false;
  for (int i = 0; i < 10'000 && !given; ++i) given = !answer(*guests.back(), "x").certificate.empty();
  CHECK(given);
}

TEST_CASE("worker renewal: the same process comes back with its new certificate, and keeps what it makes") {
  Bench bench;
  Guest a(bench, "a", "old");
  a.hello();
  a.welcomed();
  bench.place("far");
  const auto key = a.given();
  Guest twin(bench, "a", "another");
  twin.hello("t");
  CHECK(twin.hear<remote::Refused>(FrameKind::refused).reason.find("another certificate") != std::string::npos);
  Guest again(bench, "a", "new");  // before anybody has noticed that the old connection ended
  again.hello("s", {key});
  again.welcomed();
  CHECK(a.is_closed());
  again.succeeded(key, "made");
  CHECK(bench.answers.next<AttemptSucceeded>().made_by->fingerprint == "new");
}

}  // namespace hillstar::actors
