// SPDX-License-Identifier: Apache-2.0
#include "actors/remote/left_spools.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <set>

#include "actors/remote/orders.hpp"
#include "actors/remote/spool_output.hpp"
#include "actors/tool_node.hpp"
#include "persistence/memory_store.hpp"
#include "tests/unit/persistence/histories.hpp"

namespace hillstar::actors {
namespace {

namespace fs = std::filesystem;
using persistence::MemoryStore;
using persistence::testing::run_id;
using persistence::testing::TempFolder;
using persistence::testing::Writer;

constexpr const char* kNode = "far";

NodeScheduled scheduled(std::uint32_t attempt) {
  NodeScheduled event;
  event.node = NodeId(kNode);
  event.attempt = attempt;
  return event;
}

NodeCancelled ended(std::uint32_t attempt, bool elsewhere) {
  NodeCancelled event;
  event.node = NodeId(kNode);
  event.attempt = attempt;
  if (elsewhere) event.made_by = MadeBy{"slurm", {}, "17"};
  return event;
}

/// The folder of an attempt, as its host leaves it.
SlurmSpool left_by(const std::string& root, const RunId& run, std::uint32_t attempt) {
  auto spool = SlurmSpool::of(root, attempt_key(run, NodeId(kNode), {}, attempt));
  MemoryStore none;
  SpoolOrder order;
  order.key = attempt_key(run, NodeId(kNode), {}, attempt);
  order.order.run = run.str();
  order.order.attempt = attempt;
  REQUIRE(write_order(spool, order, none));
  return spool;
}

std::set<std::string> found(const std::string& root, const MemoryStore& store,
                            const std::set<std::string>& in_use = {}) {
  std::set<std::string> folders;
  for (const auto& spool : left_spools(root, store, in_use)) folders.insert(spool.folder());
  return folders;
}

}  // namespace

TEST_CASE("left_spools: only the folder of an attempt whose end is in the history is left") {
  const TempFolder folder;
  const auto& root = folder.path();
  MemoryStore store;
  Writer writer(run_id(1));
  REQUIRE(store.commit({writer.append(
      {scheduled(1), ended(1, true), scheduled(2), ended(2, false), scheduled(3), ended(3, true), scheduled(3)})}));
  const auto one = left_by(root, run_id(1), 1);
  left_by(root, run_id(1), 2);  // ended on the host: nobody left a folder for it
  left_by(root, run_id(1), 3);  // begun anew
  left_by(root, run_id(1), 4);  // not begun
  left_by(root, run_id(2), 1);  // of another store
  CHECK(found(root, store) == std::set<std::string>{one.folder()});
  CHECK(found(root, store, {one.folder()}).empty());
  CHECK(found(root + "/nowhere", store).empty());
}

TEST_CASE("left_spools: one that was put aside goes too, and nothing else does") {
  const TempFolder folder;
  const auto& root = folder.path();
  MemoryStore store;
  Writer writer(run_id(1));
  REQUIRE(store.commit({writer.append({scheduled(1), ended(1, true)})}));
  auto aside = left_by(root, run_id(1), 1);
  aside.put_aside();
  // The order of an ended attempt in a folder with another name, in one that others may write, behind a link, and none.
  const auto other = left_by(root, run_id(1), 1);
  fs::rename(other.folder(), root + "/results");
  const auto open = left_by(root, run_id(1), 1);
  ::chmod(open.folder().c_str(), 0755);
  fs::create_directory_symlink(root + "/results", aside.folder() + "-link");
  fs::create_directory(root + "/empty");
  fs::permissions(root + "/empty", fs::perms::owner_all);
  CHECK(found(root, store) == std::set<std::string>{aside.folder()});
}

TEST_CASE("spool_output: a secret that comes in two looks is masked, and a character is not cut") {
  const TempFolder folder;
  const auto spool = SlurmSpool::of(folder.path(), "run/far/1");
  REQUIRE(spool.make());
  SpoolOutput output(policy::Redactor({"correct-horse-battery"}));
  CHECK(output.more(spool).empty());  // nothing is said yet
  const auto text = std::string(
      "key correct-horse-battery, stra\xc3\x9f"
      "e\n");
  std::string shown;
  for (std::size_t said = 1; said <= text.size(); ++said) {
    REQUIRE(spool.write(kSpoolOutput, text.substr(0, said)));
    const auto piece = output.more(spool);
    CHECK(piece.find("\xef\xbf\xbd") == std::string::npos);
    shown += piece;
  }
  shown += output.rest();
  CHECK(shown == "key " + std::string(policy::kRedacted) +
                     ", stra\xc3\x9f"
                     "e\n");
}

TEST_CASE("spool_output: so much is shown and no more") {
  const TempFolder folder;
  const auto spool = SlurmSpool::of(folder.path(), "run/far/1");
  REQUIRE(spool.make());
  REQUIRE(spool.write(kSpoolOutput, std::string(kSpoolOutputMax + 1, 'x')));
  SpoolOutput output{policy::Redactor()};
  std::size_t shown = 0;
  for (auto piece = output.more(spool); !piece.empty(); piece = output.more(spool)) {
    CHECK(piece.size() <= kSpoolOutputPiece);
    shown += piece.size();
  }
  CHECK(shown + output.rest().size() == kSpoolOutputMax);
}

}  // namespace hillstar::actors
