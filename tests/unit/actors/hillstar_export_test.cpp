// SPDX-License-Identifier: Apache-2.0
#include "actors/hillstar_export.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <string>
#include <vector>

#include "actors/exporter.hpp"
#include "persistence/memory_store.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/view.hpp"

using namespace hillstar;
using namespace hillstar::actors;
namespace fs = std::filesystem;
using Kind = run::FileOperation::Kind;

namespace {

struct TempDir {
  TempDir() {
    auto pattern = (fs::temp_directory_path() / "hillstar_export_XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~TempDir() {
    std::error_code ignored;
    fs::permissions(path, fs::perms::owner_all, ignored);
    fs::remove_all(path, ignored);
  }
  std::string operator/(const std::string& name) const { return path + "/" + name; }
  std::string path;
};

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void put(const std::string& path, const std::string& text) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

run::FileOperation operation(Kind kind, std::string path, std::string text, std::string newest_of = {}) {
  run::FileOperation made;
  made.kind = kind;
  made.path = std::move(path);
  made.text = std::move(text);
  made.newest_of = RunId(std::move(newest_of));
  return made;
}

const std::string kOld = "01K0000000000000000000RUN1";
const std::string kNew = "01K0000000000000000000RUN2";

/// A run in a memory store, driven by hand.
class StoredRun {
 public:
  StoredRun(persistence::MemoryStore& store, std::string id, std::string output_dir, std::size_t nodes = 1)
      : store_(store), id_(std::move(id)) {
    workflow::Plan plan;
    plan.workflow = WorkflowId("step_07_stored");
    plan.max_concurrency = 1;
    for (std::size_t i = 0; i < nodes; ++i) {
      workflow::PlanNode node;
      node.id = NodeId("n" + std::to_string(i));
      node.tool = "script_run";
      node.parameters = Json::from_canonical("{}");
      plan.nodes.push_back(std::move(node));
    }
    RunStarted started;
    started.workflow = plan.workflow;
    started.inputs = Json::from_canonical("{}");
    started.output_dir = std::move(output_dir);
    started.plan_sha256 = store_.put_blob(workflow::to_text(plan)).value();
    state_ = run::initial(std::make_shared<const workflow::Plan>(std::move(plan)));
    tell(Start{started, {}});
  }
  template <class What>
  void tell(What what) {
    now_.micros += 1'000'000;
    persistence::Append append;
    append.run = id_;
    append.expected_version = version_;
    for (const auto& event : run::step(state_, Input{now_, 0, std::move(what)})) {
      append.records.push_back(persistence::encode(id_, ++version_, now_, event, chain_));
      chain_ = append.records.back().hash;
    }
    append.summary = run::summarize(state_, id_);
    const auto committed = store_.commit({append});
    REQUIRE(committed);
    REQUIRE(committed->empty());
  }
  void succeed(NodeIndex node) {
    tell(AttemptSucceeded{{node, std::nullopt, 1}, {{}, Json::from_canonical(R"({"output":"x"})")}, {}, {}, {}});
  }
  [[nodiscard]] const RunId& id() const { return id_; }
  [[nodiscard]] std::uint64_t version() const { return version_; }

 private:
  persistence::MemoryStore& store_;
  RunId id_;
  run::RunState state_;
  persistence::Hash chain_{};
  std::uint64_t version_ = 0;
  UtcTime now_{1'795'307'643'000'000};
};

std::size_t lines_in(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

std::string trace_of(const std::string& folder) {
  std::string all;
  for (const auto& name : names_in(folder + "/traces")) all += content(folder + "/traces/" + name);
  return all;
}

struct Config : caf::actor_system_config {
  Config() { set("scheduler.max-threads", std::size_t{1}); }
};

/// An exporter with its log; stop() waits until everything due is written.
struct RunningExporter {
  explicit RunningExporter(persistence::MemoryStore& store) {
    ExporterParts parts{&store,
                        [this](const std::string& line) {
                          const std::lock_guard lock(mutex);
                          warnings.push_back(line);
                        },
                        {}};
    actor = system.spawn<caf::detached>(exporter, std::move(parts));
  }
  void stop() {
    auto reply = Reply<bool>::create();
    auto stopped = reply.future();
    caf::anon_send(actor, StopExporter{std::move(reply)});
    REQUIRE(stopped.wait_for(std::chrono::seconds(30)) == std::future_status::ready);
    actor = nullptr;
  }
  Config config;
  caf::actor_system system{config};
  Exporter actor;
  std::mutex mutex;
  std::vector<std::string> warnings;
};

}  // namespace

TEST_CASE("write_operations: makes folders, appends, replaces and copies") {
  const TempDir dir;
  auto copy = operation(Kind::copy, "deep/er/copy", "");
  copy.from = "traces/t";
  REQUIRE(write_operations(
      dir.path, {operation(Kind::replace, "traces/t", "one\n"), operation(Kind::append, "traces/t", "two\n"), copy,
                 operation(Kind::append, "traces/t", "three\n"), operation(Kind::make_folder, "a/b", "")}));
  CHECK(content(dir / "traces/t") == "one\ntwo\nthree\n");
  CHECK(content(dir / "deep/er/copy") == "one\ntwo\n");
  CHECK(fs::is_directory(dir / "a/b"));
  CHECK(names_in(dir / "traces") == std::vector<std::string>{"t"});
}

TEST_CASE("write_operations: a durable file replaces the old one whole") {
  const TempDir dir;
  put(dir / "commit_ready.json", "old and longer");
  auto marker = operation(Kind::replace, "commit_ready.json", "new");
  marker.durable = true;
  REQUIRE(write_operations(dir.path, {marker}));
  CHECK(content(dir / "commit_ready.json") == "new");
  CHECK(names_in(dir.path) == std::vector<std::string>{"commit_ready.json"});
}

TEST_CASE("write_operations: a stable name belongs to the newest run") {
  const TempDir dir;
  const auto text = [](const std::string& run) { return "{\"run\": \"" + run + "\"}\n"; };
  REQUIRE(write_operations(dir.path, {operation(Kind::replace, "trace_07.jsonl", text(kNew), kNew)}));
  REQUIRE(write_operations(dir.path, {operation(Kind::replace, "trace_07.jsonl", text(kOld), kOld)}));
  CHECK(content(dir / "trace_07.jsonl") == text(kNew));
  REQUIRE(write_operations(dir.path, {operation(Kind::replace, "trace_07.jsonl", text(kNew) + "more", kNew)}));
  CHECK(content(dir / "trace_07.jsonl") == text(kNew) + "more");
}

TEST_CASE("write_operations: what another program left under a stable name is kept") {
  const TempDir dir;
  put(dir / "log_07.log", "evidence of another program");
  REQUIRE(write_operations(dir.path, {operation(Kind::replace, "log_07.log", "x\n Run: " + kOld + "\n", kOld)}));
  put(dir / "log_07.log", "more evidence");
  REQUIRE(write_operations(dir.path, {operation(Kind::replace, "log_07.log", "x\n Run: " + kNew + "\n", kNew)}));
  CHECK(content(dir / "log_07.log.kept_1") == "evidence of another program");
  CHECK(content(dir / "log_07.log.kept_2") == "more evidence");
  CHECK(content(dir / "log_07.log") == "x\n Run: " + kNew + "\n");
}

TEST_CASE("write_operations: nothing is written through a symbolic link") {
  const TempDir dir;
  put(dir / "precious", "precious");
  fs::create_symlink(dir / "precious", dir / "trace_07.jsonl");
  fs::create_symlink(dir / "precious", dir / "t");
  REQUIRE(write_operations(dir.path, {operation(Kind::replace, "trace_07.jsonl", "new", kOld)}));
  CHECK(content(dir / "trace_07.jsonl") == "new");
  CHECK_FALSE(write_operations(dir.path, {operation(Kind::append, "t", "new")}));
  CHECK(content(dir / "precious") == "precious");
}

TEST_CASE("write_operations: a place that is no folder is an error that names it") {
  const TempDir dir;
  put(dir / "file", "x");
  const auto written = write_operations(dir / "file", {operation(Kind::append, "traces/t", "x")});
  REQUIRE_FALSE(written);
  CHECK(to_string(written.error()).find(dir / "file") != std::string::npos);
}

TEST_CASE("prepare_output_folder: scripts find every folder") {
  const TempDir dir;
  REQUIRE(prepare_output_folder(dir / "new/.hillstar", "phase_3"));
  CHECK(names_in(dir / "new/.hillstar") ==
        std::vector<std::string>{"audit", "checkpoints", "data_stores", "logs", "traces"});
  CHECK(fs::is_directory(dir / "new/.hillstar/audit/step_3"));
  CHECK(prepare_output_folder(dir / "new/.hillstar", "phase_3"));
}

TEST_CASE("export_run: all files of a past run, but no marker; twice gives the same") {
  const TempDir dir;
  persistence::MemoryStore store;
  StoredRun stored(store, kOld, "/nowhere/.hillstar");
  stored.succeed(0);
  REQUIRE(export_run(store, stored.id(), dir / "out"));
  const auto trace = trace_of(dir / "out");
  CHECK(lines_in(trace) == stored.version());
  CHECK(names_in(dir / "out/audit/step_07").size() == 7);
  CHECK_FALSE(fs::exists(dir / "out/commit_ready.json"));
  REQUIRE(export_run(store, stored.id(), dir / "out"));
  CHECK(trace_of(dir / "out") == trace);
  CHECK(names_in(dir / "out/traces").size() == 1);
}

TEST_CASE("finish_export: an ended run gets the files that its process left unwritten, once") {
  const TempDir dir;
  persistence::MemoryStore store;
  StoredRun stored(store, kOld, dir / ".hillstar", 2);
  stored.succeed(0);
  stored.succeed(1);
  const auto finish = [&] {
    const auto done = finish_export(store, stored.id());
    REQUIRE_MESSAGE(done.has_value(), (done ? "" : to_string(done.error())));
    return *done;
  };
  CHECK(finish());
  CHECK(lines_in(trace_of(dir / ".hillstar")) == stored.version());
  const auto marker = dir / ".hillstar/commit_ready.json";
  CHECK(std::filesystem::exists(marker));
  // Whoever acts on the marker takes it away; that is no reason to write it again.
  std::filesystem::remove(marker);
  CHECK_FALSE(finish());
  CHECK_FALSE(std::filesystem::exists(marker));
  std::filesystem::remove(dir / ".hillstar/audit/step_07/metadata.json");
  CHECK(finish());
  CHECK(std::filesystem::exists(marker));
  CHECK_FALSE(finish());
}

TEST_CASE("finish_export: names that a newer run has taken stay its own") {
  const TempDir dir;
  persistence::MemoryStore store;
  StoredRun old(store, kOld, dir / ".hillstar");
  StoredRun young(store, kNew, dir / ".hillstar");
  for (auto* run : {&old, &young}) run->succeed(0);
  CHECK(finish_export(store, young.id()).value_or(false));
  CHECK(finish_export(store, old.id()).value_or(false));
  CHECK(content(dir / ".hillstar/commit_ready.json").find(kNew) != std::string::npos);
  CHECK_FALSE(finish_export(store, old.id()).value_or(true));
  CHECK_FALSE(finish_export(store, young.id()).value_or(true));
}

TEST_CASE("export_run: histories longer than a page are written whole") {
  const TempDir dir;
  persistence::MemoryStore store;
  constexpr std::size_t kNodes = kExportPage;
  StoredRun stored(store, kOld, "/nowhere/.hillstar", kNodes);
  for (NodeIndex i = 0; i < kNodes; ++i) stored.succeed(i);
  REQUIRE(stored.version() > 2 * kExportPage);
  REQUIRE(export_run(store, stored.id(), dir / "out"));
  CHECK(lines_in(trace_of(dir / "out")) == stored.version());
}

TEST_CASE("export_run: an unknown run is an error") {
  const TempDir dir;
  persistence::MemoryStore store;
  const auto exported = export_run(store, RunId(kOld), dir / "out");
  REQUIRE_FALSE(exported);
  CHECK(exported.error().code == Errc::run_not_found);
}

TEST_CASE("exporter: follows a run while it lives, and writes the marker at its end") {
  const TempDir dir;
  persistence::MemoryStore store;
  StoredRun stored(store, kOld, dir / ".hillstar", 3);
  RunningExporter running(store);
  const ExportBell bell(running.actor, stored.id());
  bell.ring();
  for (NodeIndex i = 0; i < 3; ++i) {
    stored.succeed(i);
    bell.ring();
    bell.ring();
  }
  running.stop();
  CHECK(running.warnings.empty());
  CHECK(lines_in(trace_of(dir / ".hillstar")) == stored.version());
  CHECK(content(dir / ".hillstar/commit_ready.json").find(kOld) != std::string::npos);
}

TEST_CASE("exporter: stopping writes long histories to their end") {
  const TempDir dir;
  persistence::MemoryStore store;
  StoredRun stored(store, kOld, dir / ".hillstar", 2 * kExportPage);
  for (NodeIndex i = 0; i < 2 * kExportPage; ++i) stored.succeed(i);
  RunningExporter running(store);
  ExportBell(running.actor, stored.id()).ring();
  running.stop();
  CHECK(lines_in(trace_of(dir / ".hillstar")) == stored.version());
}

TEST_CASE("exporter: a run that goes on after a crash has its files written from the start") {
  const TempDir dir;
  persistence::MemoryStore store;
  StoredRun stored(store, kOld, dir / ".hillstar", 2);
  {
    RunningExporter before(store);
    ExportBell(before.actor, stored.id()).ring();
    before.stop();
  }
  for (const auto& name : names_in(dir / ".hillstar/traces"))
    std::ofstream(dir / (".hillstar/traces/" + name), std::ios::app) << "{\"torn";
  stored.succeed(0);
  stored.succeed(1);
  RunningExporter after(store);
  ExportBell(after.actor, stored.id()).ring();
  after.stop();
  CHECK(lines_in(trace_of(dir / ".hillstar")) == stored.version());
  CHECK(trace_of(dir / ".hillstar").find("{\"torn") == std::string::npos);
}

TEST_CASE("exporter: a folder that cannot be written costs one warning, and is tried again at the end") {
  const TempDir dir;
  put(dir / "blocked", "a file where the folder should be");
  persistence::MemoryStore store;
  StoredRun stored(store, kOld, dir / "blocked", 3);
  StoredRun other(store, kNew, dir / "other");
  RunningExporter running(store);
  const ExportBell bell(running.actor, stored.id());
  bell.ring();
  ExportBell(running.actor, other.id()).ring();
  for (NodeIndex i = 0; i < 3; ++i) {
    stored.succeed(i);
    bell.ring();
  }
  running.stop();
  CHECK(running.warnings.size() == 1);
  CHECK(lines_in(trace_of(dir / "other")) == other.version());
}

TEST_CASE("exporter: a bell of a run without files rings nowhere") { ExportBell().ring(); }
