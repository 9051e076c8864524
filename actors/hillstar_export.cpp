// SPDX-License-Identifier: Apache-2.0
#include "actors/hillstar_export.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "runtime/platform/descriptor.hpp"
#include "runtime/platform/file_access.hpp"
#include "runtime/platform/git_query.hpp"
#include "runtime/platform/hash.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::actors {
namespace {

using run::FileOperation;
using Kind = FileOperation::Kind;

constexpr mode_t kFileMode = 0666;
constexpr mode_t kFolderMode = 0777;
constexpr std::size_t kHeadBytes = 4'096;  // of a file, to see who wrote it
constexpr std::size_t kCopyBytes = 64 * 1024;
constexpr std::size_t kRunIdSize = 26;

Error failed(const std::string& deed, const std::string& path) { return io_error(errno, deed, path); }

/// With its parents, like `mkdir -p`.
Result<void> make_folder(const std::string& path) {
  for (auto slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const auto part = path.substr(0, slash);
    if (!part.empty() && ::mkdir(part.c_str(), kFolderMode) != 0 && errno != EEXIST) return failed("create", part);
    if (slash == std::string::npos) break;
  }
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return failed("open", path);
  if (!S_ISDIR(status.st_mode)) return io_error(ENOTDIR, "open", path);
  return {};
}

Result<void> write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const auto written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failed("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

/// Opens `path`; if its folder is missing, makes it.
Result<Descriptor> open_made(const std::string& path, int flags) {
  for (bool made = false;; made = true) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, kFileMode);
    if (fd >= 0) return Descriptor(fd);
    if (errno == EINTR) continue;
    if (errno != ENOENT || made) return failed("write", path);
    HILLSTAR_CHECK(make_folder(path.substr(0, path.rfind('/'))));
  }
}

Result<void> append(const std::string& path, std::string_view text) {
  HILLSTAR_TRY(const auto file, open_made(path, O_WRONLY | O_CREAT | O_APPEND));
  return write_all(file.get(), text, path);
}

Result<void> sync_folder_of(const std::string& path) {
  const auto folder = path.substr(0, path.rfind('/'));
  const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.is_open() || ::fsync(opened.get()) != 0) return failed("sync", folder);
  return {};
}

/// Fills a temporary file beside `path` and moves it there.
template <class Fill>
Result<void> replace(const std::string& path, const FileOperation& operation, const Fill& fill) {
  // A run has one exporter: what a crash left of its own file is overwritten. A name that runs share may be written by
  // several processes at once; one process has one exporter.
  const bool shared = !operation.newest_of.empty();
  const auto temporary = path + (shared ? "." + std::to_string(::getpid()) : std::string()) + ".tmp";
  const bool durable = operation.durable;
  const auto write = [&]() -> Result<void> {
    HILLSTAR_TRY(const auto file, open_made(temporary, O_WRONLY | O_CREAT | O_TRUNC));
    HILLSTAR_CHECK(fill(file.get()));
    if (durable && ::fsync(file.get()) != 0) return failed("sync", path);
    if (::rename(temporary.c_str(), path.c_str()) != 0) return failed("replace", path);
    return {};
  };
  if (auto written = write(); !written) {
    ::unlink(temporary.c_str());
    return written;
  }
  return durable ? sync_folder_of(path) : Result<void>();
}

Result<void> copy_bytes(const std::string& from, int to, const std::string& path) {
  const Descriptor source(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!source.is_open()) return failed("read", from);
  std::array<char, kCopyBytes> buffer;
  for (;;) {
    const auto got = ::read(source.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", from);
    if (got == 0) return {};
    HILLSTAR_CHECK(write_all(to, {buffer.data(), static_cast<std::size_t>(got)}, path));
  }
}

/// The run that wrote the file, as the file says near its beginning; empty if it does not say.
std::string writer_of(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file.is_open()) return {};
  std::string head(kHeadBytes, '\0');
  const auto got = ::read(file.get(), head.data(), head.size());
  head.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  for (const std::string_view mark : {"\"run\": \"", "\n Run: "})
    if (const auto at = head.find(mark); at != std::string::npos && at + mark.size() + kRunIdSize <= head.size())
      return head.substr(at + mark.size(), kRunIdSize);
  return {};
}

/// Moves a file that no run of ours wrote to a free name beside it.
Result<void> keep(const std::string& path) {
  for (int i = 1; i <= kKeptMax; ++i) {
    const auto kept = path + ".kept_" + std::to_string(i);
    // link() refuses a name that exists; rename() would not.
    if (::link(path.c_str(), kept.c_str()) == 0) return {};
    if (errno == EPERM && ::access(kept.c_str(), F_OK) != 0) {  // no hard links here
      if (::rename(path.c_str(), kept.c_str()) == 0) return {};
      return failed("keep the old", path);
    }
    if (errno != EEXIST && errno != EPERM) return failed("keep the old", path);
  }
  return Error{Errc::io, "there are too many kept files beside '" + path + "'", path, "Move them elsewhere."};
}

enum class Turn : std::uint8_t { write, leave };

/// Whether a stable name is this run's to write; keeps what another program left there.
Result<Turn> take_stable_name(const std::string& path, const RunId& run) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return errno == ENOENT ? Result<Turn>(Turn::write) : failed("open", path);
  if (!S_ISREG(status.st_mode)) return Turn::write;  // a symbolic link: what it leads to stays
  const auto writer = writer_of(path);
  if (writer > run.str()) return Turn::leave;  // run ids sort by time
  if (writer.empty()) HILLSTAR_CHECK(keep(path));
  return Turn::write;
}

Result<void> carry_out(const std::string& folder, const FileOperation& operation) {
  const auto path = folder + "/" + operation.path;
  if (!operation.newest_of.empty()) {
    HILLSTAR_TRY(const auto turn, take_stable_name(path, operation.newest_of));
    if (turn == Turn::leave) return {};
  }
  switch (operation.kind) {
    case Kind::make_folder:
      return make_folder(path);
    case Kind::append:
      return append(path, operation.text);
    case Kind::replace:
      return replace(path, operation, [&](int fd) { return write_all(fd, operation.text, path); });
    case Kind::copy:
      return replace(path, operation, [&](int fd) { return copy_bytes(folder + "/" + operation.from, fd, path); });
  }
  return {};
}

/// For the marker: it licenses one commit on top of the one that the run ended on.
Json where_git_stands(const std::string& workspace) {
  std::vector<std::string> environment;
  for (const auto* name : {"PATH", "HOME", "XDG_CONFIG_HOME"})
    if (const auto* value = ::getenv(name)) environment.push_back(std::string(name) + "=" + value);
  const auto place = git_place(workspace, environment);
  if (!place) return Json::of(boost::json::object{{"error", json::to_utf8(place.error().message)}});
  if (!*place) return {};
  const auto& head = (*place)->head;
  return Json::of(boost::json::object{{"folder", json::to_utf8((*place)->folder)},
                                      {"head", head.empty() ? boost::json::value() : boost::json::value(head)}});
}

Result<RunStarted> started_of(const persistence::EventStore& store, const RunId& run) {
  HILLSTAR_TRY(const auto records, store.read_records(run, 1, 1));
  if (records.empty()) return Error{Errc::run_not_found, "there is no such run", run.str()};
  HILLSTAR_TRY(auto recorded, persistence::decode(records.front().line, run));
  auto* started = std::get_if<RunStarted>(&recorded.event);
  if (started == nullptr) return Error{Errc::record_corrupt, "the history does not begin with run_started", run.str()};
  return std::move(*started);
}

}  // namespace

Result<void> write_operations(const std::string& folder, const std::vector<FileOperation>& operations) {
  for (const auto& operation : operations) HILLSTAR_CHECK(carry_out(folder, operation));
  return {};
}

Result<void> prepare_output_folder(const std::string& folder, const std::string& workflow_id) {
  const auto step = run::step_of(workflow_id);
  for (const std::string name : {"traces", "logs", "checkpoints", "data_stores"})
    HILLSTAR_CHECK(make_folder(folder + "/" + name));
  return make_folder(folder + "/audit/step_" + (step.empty() ? "00" : step));
}

RunExport::RunExport(const persistence::EventStore& store, RunId run, std::string folder, run::HillstarOptions options)
    : store_(store), run_(std::move(run)), folder_(std::move(folder)), options_(std::move(options)) {
  if (!options_.git) options_.git = where_git_stands;
}

RunExport::~RunExport() = default;

bool RunExport::is_ended() const { return files_ != nullptr && files_->is_ended(); }

Result<void> RunExport::begin() {
  HILLSTAR_TRY(const auto started, started_of(store_, run_));
  if (folder_.empty()) folder_ = started.output_dir;
  if (folder_.empty()) return Error{Errc::usage, "the run has no output folder", run_.str(), "Name one."};
  HILLSTAR_TRY(const auto text, store_.read_blob(started.plan_sha256));
  HILLSTAR_TRY(auto plan, workflow::plan_from_text(text));
  files_ = std::make_unique<run::HillstarFiles>(
      run_, std::make_shared<const workflow::Plan>(std::move(plan)),
      [](std::string_view bytes) { return sha256_hex(bytes); },
      [this](const std::string& sha256) { return store_.read_blob(sha256); }, options_);
  return {};
}

Result<bool> RunExport::advance() {
  if (!files_) HILLSTAR_CHECK(begin());
  HILLSTAR_TRY(const auto records, store_.read_records(run_, files_->seq() + 1, kExportPage));
  std::vector<FileOperation> operations;
  for (const auto& record : records) {
    HILLSTAR_TRY(const auto recorded, persistence::decode(record.line, run_));
    HILLSTAR_TRY(auto next, files_->next(recorded, persistence::to_hex(record.hash)));
    const bool large = std::any_of(next.begin(), next.end(), [](const FileOperation& operation) {
      return operation.text.size() > run::kMergedBytesMax;
    });
    std::move(next.begin(), next.end(), std::back_inserter(operations));
    if (large)  // one checkpoint in memory at a time
      HILLSTAR_CHECK(write_operations(folder_, run::merged(std::exchange(operations, {}))));
  }
  HILLSTAR_CHECK(write_operations(folder_, run::merged(std::move(operations))));
  return records.size() == kExportPage;
}

Result<void> export_run(const persistence::EventStore& store, const RunId& run, const std::string& dir) {
  RunExport again(store, run, dir, {.marker = false});
  for (;;) {
    HILLSTAR_TRY(const auto more, again.advance());
    if (!more) return {};
  }
}

Result<bool> finish_export(const persistence::EventStore& store, const RunId& run) {
  HILLSTAR_TRY(const auto started, started_of(store, run));
  const auto& folder = started.output_dir;
  if (folder.empty()) return false;
  const bool has_last = ::access((folder + "/" + run::last_file(run, started.workflow)).c_str(), F_OK) == 0;
  const auto last_copy = folder + "/" + run::last_copy(started.workflow);
  if (has_last && writer_of(last_copy) >= run.str()) return false;
  // A marker says what was done last: not this, if a newer run has ended here.
  const bool newest = writer_of(last_copy) <= run.str() && writer_of(folder + "/commit_ready.json") <= run.str();
  RunExport again(store, run, {}, {.marker = newest});
  for (;;) {
    HILLSTAR_TRY(const auto more, again.advance());
    if (!more) return true;
  }
}

}  // namespace hillstar::actors
