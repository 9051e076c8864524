// SPDX-License-Identifier: Apache-2.0
#include "actors/remote/slurm_spool.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "actors/cluster_attempt.hpp"
#include "actors/remote/orders.hpp"
#include "actors/remote/placed_node.hpp"
#include "persistence/memory_store.hpp"
#include "runtime/platform/hash.hpp"

namespace hillstar::actors {
namespace {

namespace fs = std::filesystem;

struct Folder {
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "hillstar-spool-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~Folder() { fs::remove_all(path); }
  std::string path;
};

SlurmSpool spool_in(const Folder& folder) {
  auto spool = SlurmSpool::of(folder.path + "/slurm", "01BX5ZZKBKACTAV9WEVGEMMVRZ/far[7]/2");
  REQUIRE(spool.make());
  return spool;
}

SpoolOrder order_for(const std::string& script, const std::string& workspace) {
  Attempt made;
  workflow::PlanNode node;
  node.id = NodeId("far");
  node.tool = "script_run";
  node.input = Json::string("given");
  node.parameters = Json::from_canonical("{\"script\":" + Json::string(script).text() + "}");
  node.placement.emplace().slurm.emplace();
  made.node = std::make_shared<const workflow::PlanNode>(std::move(node));
  auto run = std::make_shared<tools::RunContext>();
  run->run = "01BX5ZZKBKACTAV9WEVGEMMVRZ";
  run->workflow = "flow";
  run->workspace = workspace;
  made.run = run;
  made.command.ref = {0, {}, 1};
  SpoolOrder order;
  order.key = key_of(made);
  order.workspace = workspace;
  order.environment = {"PATH=/usr/bin:/bin", "WORD=of the host", "SLURM_JOB_ID=1", "TMPDIR=/host"};
  order.order = order_of(made, UtcTime{}, {});
  return order;
}

remote::Report report_in(const SlurmSpool& spool) {
  const auto text = spool.read(kSpoolReport);
  REQUIRE(text.has_value());
  auto report = json::read<remote::Report>(*json::parse(*text));
  REQUIRE(report.has_value());
  return *report;
}

}  // namespace

TEST_CASE("slurm_spool: the folder of an attempt has a safe name of its own, and is its owner's alone") {
  const Folder folder;
  const auto a = SlurmSpool::of(folder.path, "run/node[1]/1");
  const auto b = SlurmSpool::of(folder.path, "run/node[1]/2");
  CHECK(a.folder() != b.folder());
  CHECK(a.folder() == SlurmSpool::of(folder.path, "run/node[1]/1").folder());
  const std::vector<std::string> odd{"../../etc", "a/../b", "x\n'$(y)", std::string(5'000, 'k'), "\xff\xfe/1"};
  for (const auto& key : odd) {
    const auto name = SlurmSpool::of("/root-folder", key).folder().substr(13);
    CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
          std::string::npos);
    CHECK(name.size() < 120);
    CHECK(name.front() != '/');
  }
  const auto spool = spool_in(folder);
  struct stat facts {};
  REQUIRE(::stat(spool.folder().c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777) == 0700);
  ::chmod(spool.folder().c_str(), 0755);
  CHECK(spool.make().error().code == Errc::permission_denied);
}

TEST_CASE("slurm_spool: files are whole, of ours, and bounded") {
  const Folder folder;
  const auto spool = spool_in(folder);
  REQUIRE(spool.write(kSpoolJob, "17"));
  REQUIRE(spool.write(kSpoolJob, "18"));
  CHECK(spool.read(kSpoolJob).value() == "18");
  CHECK(spool.read(kSpoolJob, 2).value() == "18");
  CHECK(spool.read(kSpoolJob, 1).error().code == Errc::too_large);
  CHECK(spool.read_from(kSpoolJob, 1, 10).value() == "8");
  CHECK(spool.read_from(kSpoolJob, 9, 10).value().empty());
  CHECK(spool.read(kSpoolReport).error().code == Errc::not_found);
  std::ofstream(folder.path + "/secret") << "of somebody";
  fs::create_symlink(folder.path + "/secret", spool.at(kSpoolReport));
  CHECK_FALSE(spool.read(kSpoolReport).has_value());
  fs::remove(spool.at(kSpoolReport));
  fs::create_directory(spool.at(kSpoolReport));
  CHECK_FALSE(spool.read(kSpoolReport).has_value());
  std::size_t others = 0;
  for (const auto& entry : fs::directory_iterator(spool.folder()))
    others += entry.path().filename().string().front() == '.' ? 1 : 0;
  CHECK(others == 0);  // nothing half-written stays
}

TEST_CASE("slurm_spool: of many who claim an attempt at once, one has it") {
  const Folder folder;
  const auto spool = spool_in(folder);
  std::atomic<int> winners{0};
  std::array<std::thread, 8> threads;
  for (std::size_t i = 0; i < threads.size(); ++i)
    threads.at(i) = std::thread([&, i] {
      const auto ours = spool.claim(std::to_string(100 + i));
      if (ours && *ours) ++winners;
    });
  for (auto& thread : threads) thread.join();
  CHECK(winners == 1);
  CHECK(spool.claimed_by()->size() == 3);
  CHECK_FALSE(spool.claim("host").value());
}

TEST_CASE("slurm_spool: an order comes back with the blobs that it names") {
  const Folder folder;
  const auto spool = spool_in(folder);
  persistence::MemoryStore store;
  auto order = order_for("cat", folder.path);
  const auto sha256 = store.put_blob("large");
  order.order.bindings.push_back({"near", Value{{{"/output", 5, false, *sha256}}, Json::from_canonical("{}")}});
  REQUIRE(write_order(spool, order, store));
  const auto back = read_order(spool);
  REQUIRE(back.has_value());
  CHECK(json::to_text(*back) == json::to_text(order));
  CHECK(SpoolStore(spool.folder()).read_blob(*sha256).value() == "large");
  order.order.bindings.front().result.blobs.front().sha256 = std::string(64, 'b');
  CHECK_FALSE(write_order(spool, order, store).has_value());
}

TEST_CASE("slurm_spool: an order that is none is an error of its file") {
  const Folder folder;
  const auto spool = spool_in(folder);
  CHECK_FALSE(ClusterAttempt::open(spool.folder()).has_value());
  for (const auto* text : {"", "{", "[]", "{}", "{\"key\":1}", "null", "\"x\"", "\xff"}) {
    REQUIRE(spool.write(kSpoolOrder, text));
    CHECK_MESSAGE(!ClusterAttempt::open(spool.folder()).has_value(), text);
  }
}

TEST_CASE("slurm_spool: a blob crosses into a store only with its own hash") {
  const Folder folder;
  const auto spool = spool_in(folder);
  SpoolStore blobs(spool.folder());
  persistence::MemoryStore store;
  const auto good = blobs.put_blob("good");
  REQUIRE(good.has_value());
  CHECK(*good == sha256_hex("good"));
  CHECK(blobs.copy_to(*good, store));
  CHECK(store.read_blob(*good).value() == "good");
  const auto bad = std::string(64, 'c');
  REQUIRE(spool.write(std::string(kSpoolBlobs) + "/" + bad, "forged"));
  CHECK(blobs.copy_to(bad, store).error().code == Errc::record_corrupt);
  CHECK(blobs.read_blob(bad).error().code == Errc::record_corrupt);
  CHECK_FALSE(store.has_blob(bad));
  CHECK_FALSE(blobs.copy_to(std::string(64, 'd'), store));
}

TEST_CASE("slurm_spool: a job makes its attempt once, and leaves its end") {
  const Folder folder;
  const auto spool = spool_in(folder);
  persistence::MemoryStore store;
  REQUIRE(write_order(spool, order_for("cat; echo \" $WORD $SLURM_JOB_ID\"; echo x >> made", folder.path), store));
  const auto make = [&](const std::string& job) {
    const auto attempt = ClusterAttempt::open(spool.folder());
    REQUIRE(attempt.has_value());
    CHECK((*attempt)->workspace() == folder.path);
    REQUIRE((*attempt)->make(job, (*attempt)->environment({"SLURM_JOB_ID=17", "WORD=of the node", "TMPDIR=/tmp"})));
  };
  make("17");
  const auto report = report_in(spool);
  CHECK(report.ending == remote::Ending::succeeded);
  CHECK(report.result->json.text().find("given of the host 17") != std::string::npos);
  CHECK(spool.read_from(kSpoolOutput, 0, 100).value().find("of the host") != std::string::npos);
  CHECK(spool.claimed_by() == "17");
  make("18");  // submitted twice
  CHECK_FALSE(spool.has(kSpoolAgain));
  make("17");  // put back into the queue after it had begun
  CHECK(spool.has(kSpoolAgain));
  CHECK(fs::file_size(folder.path + "/made") == 2);
}

TEST_CASE("slurm_spool: an attempt that its host gave up is not begun") {
  const Folder folder;
  const auto spool = spool_in(folder);
  persistence::MemoryStore store;
  REQUIRE(write_order(spool, order_for("echo x > made", folder.path), store));
  REQUIRE(spool.claim(kClaimOfHost).value());
  const auto attempt = ClusterAttempt::open(spool.folder());
  REQUIRE(attempt.has_value());
  REQUIRE((*attempt)->make("17", {"PATH=/usr/bin:/bin"}));
  CHECK_FALSE(spool.has(kSpoolReport));
  CHECK_FALSE(fs::exists(folder.path + "/made"));
}

TEST_CASE("slurm_spool: an attempt ends when its host asks, and says so") {
  const Folder folder;
  const auto spool = spool_in(folder);
  persistence::MemoryStore store;
  REQUIRE(write_order(spool, order_for("sleep 600; echo done", folder.path), store));
  REQUIRE(spool.write(kSpoolStop, ""));
  const auto attempt = ClusterAttempt::open(spool.folder());
  REQUIRE(attempt.has_value());
  REQUIRE((*attempt)->make("17", {"PATH=/usr/bin:/bin"}));
  CHECK(report_in(spool).ending == remote::Ending::cancelled);
}

TEST_CASE("slurm_spool: a script that is ended before its job hears of it has not failed, whatever interrupts it") {
  const Folder folder;
  const auto spool = spool_in(folder);
  REQUIRE(write_order(spool, order_for("kill -TERM $$", folder.path), persistence::MemoryStore()));
  const auto attempt = ClusterAttempt::open(spool.folder());
  REQUIRE(attempt);
  struct sigaction nothing {};
  struct sigaction before {};
  nothing.sa_handler = [](int) {};
  REQUIRE(::sigaction(SIGUSR1, &nothing, &before) == 0);
  std::thread slurm([&attempt, job = ::pthread_self()] {
    for (int i = 0; i < 10; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(25));
      ::pthread_kill(job, SIGUSR1);
    }
    (*attempt)->stop();
  });
  const auto made = (*attempt)->make("17", {});
  slurm.join();
  ::sigaction(SIGUSR1, &before, nullptr);
  REQUIRE(made);
  CHECK(report_in(spool).ending == remote::Ending::cancelled);
}

TEST_CASE("slurm_spool: a folder that is put aside is out of the way") {
  const Folder folder;
  auto spool = spool_in(folder);
  const auto before = spool.folder();
  spool.put_aside();
  CHECK(spool.folder() != before);
  CHECK_FALSE(fs::exists(before));
  CHECK(spool.exists());
  spool.remove();
  CHECK_FALSE(spool.exists());
}

TEST_CASE("slurm_spool: where the folders are is the workspace's matter, unless a variable says otherwise") {
  tools::RunContext run;
  run.workspace = "/w";
  CHECK(slurm_root(run) == "/w/.hillstar/slurm");
  run.environment = {"A=b", "HILLSTAR_SLURM_SPOOL="};
  CHECK(slurm_root(run) == "/w/.hillstar/slurm");
  run.environment = {"HILLSTAR_SLURM_SPOOL=/scratch/ada"};
  CHECK(slurm_root(run) == "/scratch/ada");
  run.environment = {"HILLSTAR_SLURM_SPOOL=spool"};
  CHECK(slurm_root(run) == "/w/spool");
}

}  // namespace hillstar::actors
