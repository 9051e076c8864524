// SPDX-License-Identifier: Apache-2.0
// Host and joined client over a real socket in a temporary folder, with a scripted engine behind them.
#include "apps/cli/host.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <mutex>
#include <optional>
#include <thread>

#include "apps/cli/joined_client.hpp"

namespace hillstar::cli {
namespace {

const RunId kRun("01JDGE0000000000000000000A");

/// Answers at once; feeds what it is told to.
class ScriptedService final : public Client {
 public:
  Result<RunId> start(const StartJob& job) override {
    if (job.plan.empty()) return Error{Errc::workflow_invalid, "no plan", "here", "give one"};
    return kRun;
  }
  Result<std::uint64_t> follow(const RunId& run, std::uint64_t from_seq, FeedCallback callback) override {
    if (run != kRun) return Error{Errc::run_not_found, "no such run"};
    const std::lock_guard lock(mutex_);
    callback_ = callback;
    callback(FeedEvent{run, {from_seq, {}, RunResumed{"me"}}});
    return 77;
  }
  void unfollow(std::uint64_t ticket) override {
    if (ticket == 77) unfollowed.set_value();
  }
  Result<std::vector<Event>> tell(const RunId&, const Word& word) override {
    return std::vector<Event>{RunPaused{word.reason, {}, word.yes}};
  }
  Result<void> set_environment(const RunId&, const std::vector<std::string>& environment) override {
    if (environment.empty()) return Error{Errc::run_state, "empty"};
    wait_if_held();
    return {};
  }
  Result<Json> ask(const Question& question) override { return Json::string(question.stream + " " + question.who); }
  Result<Json> ask_state(const StateAsk& ask) override {
    wait_if_held();
    return Json::string(ask.stream);
  }
  Result<std::vector<RunId>> live_runs() override { return std::vector<RunId>{kRun}; }
  void feed(const FeedItem& item) {
    const std::lock_guard lock(mutex_);
    callback_(item);
  }
  std::promise<void> unfollowed;
  std::optional<std::promise<void>> held;  ///< set_environment and ask_state wait for it, after `reached`.
  std::promise<void> reached;

 private:
  void wait_if_held() {
    if (!held) return;
    reached.set_value();
    held->get_future().wait();
  }

  std::mutex mutex_;
  FeedCallback callback_;
};

struct TempFolder {
  std::string path;
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hillstar-host-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path); }
};

/// A terminal that has joined a host.
struct Joined {
  Joined() {
    REQUIRE(host);
    REQUIRE(client);
  }
  const TempFolder folder;
  ScriptedService service;
  Result<std::unique_ptr<Host>> host = Host::open(folder.path, service);
  Result<std::unique_ptr<Client>> client = join(folder.path);
};

}  // namespace

TEST_CASE_FIXTURE(Joined, "host: calls of a joined client reach the service, and errors come back whole") {
  StartJob job;
  const auto refused = (*client)->start(job);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::workflow_invalid);
  CHECK(refused.error().where == "here");
  CHECK(refused.error().hint == "give one");
  job.plan = std::string(300'000, 'x');
  const auto started = (*client)->start(job);
  REQUIRE(started);
  CHECK(*started == kRun);
  const auto facts = (*client)->tell(
      kRun, {.kind = WordKind::pause, .yes = true, .node = 0, .item = {}, .who = "me", .reason = "because"});
  REQUIRE(facts);
  REQUIRE(facts->size() == 1);
  CHECK(std::get<RunPaused>(facts->front()).reason == "because");
  CHECK((*client)->set_environment(kRun, {"A=1"}));
  CHECK_FALSE((*client)->set_environment(kRun, {}));
  const auto live = (*client)->live_runs();
  REQUIRE(live);
  CHECK(*live == std::vector<RunId>{kRun});
}

TEST_CASE_FIXTURE(Joined, "host: a feed flows in order, and the host knows who follows what") {
  std::promise<void> done;
  std::vector<std::uint64_t> seen;
  const auto ticket = (*client)->follow(kRun, 5, [&](const FeedItem& item) {
    if (const auto* event = std::get_if<FeedEvent>(&item)) seen.push_back(event->recorded.seq);
    if (seen.size() == 100) done.set_value();
  });
  REQUIRE(ticket);
  CHECK((*host)->followed() == std::vector<RunId>{kRun});
  for (std::uint64_t seq = 6; seq < 105; ++seq) service.feed(FeedEvent{kRun, {seq, {}, RunResumed{"me"}}});
  done.get_future().wait();
  for (std::size_t i = 0; i < seen.size(); ++i) CHECK(seen[i] == 5 + i);
  (*client)->unfollow(*ticket);
  service.unfollowed.get_future().wait();
  CHECK((*host)->followed().empty());
  CHECK((*client)->follow(RunId("nope"), 1, [](const FeedItem&) {}).error().code == Errc::run_not_found);
}

TEST_CASE_FIXTURE(Joined,
                  "host: a run that a terminal begins is that terminal's, before it exists and until it is followed") {
  service.held.emplace();
  auto taken_up = std::async(std::launch::async, [&] { return (*client)->set_environment(kRun, {"A=1"}); });
  service.reached.get_future().wait();
  CHECK((*host)->followed() == std::vector<RunId>{kRun});
  service.held->set_value();
  REQUIRE(taken_up.get());
  CHECK((*host)->followed() == std::vector<RunId>{kRun});
  const auto ticket = (*client)->follow(kRun, 1, [](const FeedItem&) {});
  REQUIRE(ticket);
  CHECK((*host)->followed() == std::vector<RunId>{kRun});
  (*client)->unfollow(*ticket);
  service.unfollowed.get_future().wait();
  CHECK((*host)->followed().empty());
  CHECK_FALSE((*client)->set_environment(kRun, {}));
  CHECK((*host)->followed().empty());
}

TEST_CASE_FIXTURE(Joined, "host: when it ends, feeds are cut and later calls are known not to have been taken") {
  std::promise<void> cut;
  REQUIRE((*client)->follow(kRun, 1, [&](const FeedItem& item) {
    if (std::holds_alternative<FeedCut>(item)) cut.set_value();
  }));
  host->reset();
  cut.get_future().wait();
  CHECK((*client)->start({}).error().code == Errc::host_closed);
  CHECK(join(folder.path).error().code == Errc::host_unreachable);
  // A new host may listen where the old one did.
  CHECK(Host::open(folder.path, service));
}

TEST_CASE_FIXTURE(Joined, "host: a call that it took is answered before it ends, one that it did not take says so") {
  service.held = std::promise<void>();
  auto taken = std::async(std::launch::async, [&] { return (*client)->set_environment(kRun, {"held"}); });
  service.reached.get_future().wait();
  // Behind the one that is being served: read after it, or never.
  auto behind = std::async(std::launch::async, [&] {
    return (*client)->tell(kRun,
                           {.kind = WordKind::pause, .yes = true, .node = 0, .item = {}, .who = {}, .reason = {}});
  });
  auto ending = std::async(std::launch::async, [&] { host->reset(); });
  // The socket goes first, so that nobody joins a host that ends.
  while (std::filesystem::exists(folder.path + "/host.sock")) std::this_thread::yield();
  service.held->set_value();
  CHECK(taken.get());
  CHECK(behind.get().error().code == Errc::host_closed);
  ending.get();
}

TEST_CASE_FIXTURE(
    Joined, "host: it does not end while a run is followed or begun, and else takes no call from that moment on") {
  service.held.emplace();
  auto taken_up = std::async(std::launch::async, [&] { return (*client)->set_environment(kRun, {"A=1"}); });
  service.reached.get_future().wait();
  CHECK_FALSE((*host)->end_if_unused());
  service.held->set_value();
  REQUIRE(taken_up.get());
  CHECK_FALSE((*host)->end_if_unused());
  const auto ticket = (*client)->follow(kRun, 1, [](const FeedItem&) {});
  REQUIRE(ticket);
  CHECK_FALSE((*host)->end_if_unused());
  (*client)->unfollow(*ticket);
  CHECK((*host)->end_if_unused());
  CHECK((*client)->start({}).error().code == Errc::host_closed);
  CHECK(join(folder.path).error().code == Errc::host_unreachable);
  CHECK((*host)->end_if_unused());
  CHECK((*host)->followed().empty());
}

TEST_CASE_FIXTURE(Joined, "host: who left before following what was begun does not keep it") {
  REQUIRE((*client)->set_environment(kRun, {"A=1"}));
  client->reset();
  while (!(*host)->followed().empty()) std::this_thread::yield();
  CHECK((*host)->end_if_unused());
}

TEST_CASE_FIXTURE(Joined, "host: a call that begins no run does not keep it, and is answered before it has ended") {
  service.held.emplace();
  auto asked = std::async(std::launch::async, [&] { return (*client)->ask_state({{}, "s", {}}); });
  service.reached.get_future().wait();
  auto ended = std::async(std::launch::async, [&] { return (*host)->end_if_unused(); });
  while (std::filesystem::exists(folder.path + "/host.sock")) std::this_thread::yield();
  service.held->set_value();
  const auto answer = asked.get();
  REQUIRE(answer);
  CHECK(*answer == Json::string("s"));
  CHECK(ended.get());
}

TEST_CASE("host: the socket is the owner's alone, and a deep folder is no obstacle") {
  TempFolder folder;
  const auto deep = folder.path + "/" + std::string(100, 'd') + "/" + std::string(100, 'e');
  std::filesystem::create_directories(deep);
  ScriptedService service;
  auto host = Host::open(deep, service);
  REQUIRE(host);
  struct stat found {};
  REQUIRE(::stat((deep + "/host.sock").c_str(), &found) == 0);
  CHECK((found.st_mode & 0777U) == 0600U);
  CHECK(join(deep));
}

}  // namespace hillstar::cli
