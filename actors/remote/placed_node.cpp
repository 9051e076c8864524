// SPDX-License-Identifier: Apache-2.0
#include "actors/remote/placed_node.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "actors/job.hpp"
#include "actors/remote/orders.hpp"
#include "runtime/platform/file_access.hpp"
#include "runtime/tools/file_patterns.hpp"

namespace hillstar::actors {
namespace {

Error unreadable(const std::string& path) { return {Errc::io, std::strerror(errno), path}; }

Result<remote::FileRef> keep_file(const FileAccess& files, const std::string& path, persistence::EventStore& store) {
  HILLSTAR_TRY(const auto file, files.open_to_read(path));
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) return unreadable(path);
  remote::FileRef kept{path, {}, 0, (facts.st_mode & S_IXUSR) != 0};
  auto sink = store.blob_sink();
  const auto take = [&](std::string_view piece) -> Result<bool> {
    kept.bytes += piece.size();
    if (kept.bytes > kFileBytesMax)
      return Error{Errc::output_limit, "the file has more than " + std::to_string(kFileBytesMax) + " bytes", path,
                   "Leave it out of the patterns, or split it."};
    HILLSTAR_CHECK(sink->append(piece));
    return true;
  };
  HILLSTAR_CHECK(each_piece(file.get(), 0, take, path));
  HILLSTAR_TRY(kept.sha256, sink->finish());
  return kept;
}

}  // namespace

Result<std::vector<remote::FileRef>> keep_files(const std::string& folder, const std::vector<std::string>& patterns,
                                                persistence::EventStore& store) {
  std::vector<remote::FileRef> kept;
  if (patterns.empty()) return kept;
  HILLSTAR_TRY(const auto paths, tools::find_files(folder, patterns));
  const FileAccess files(folder, {});
  for (const auto& path : paths) {
    HILLSTAR_TRY(auto file, keep_file(files, path, store));
    kept.push_back(std::move(file));
  }
  return kept;
}

Result<void> write_files(const std::string& folder, const std::vector<remote::FileRef>& refs,
                         const persistence::EventStore& store) {
  const FileAccess files(folder, {});
  for (const auto& ref : refs) {
    HILLSTAR_TRY(const auto bytes, store.read_blob(ref.sha256));
    HILLSTAR_TRY(const auto place, files.place_to_write(ref.path));
    HILLSTAR_CHECK(replace_file(place, bytes, ref.path));
    if (ref.executable && ::fchmodat(place.folder.get(), place.name.c_str(), 0755, 0) != 0) return unreadable(ref.path);
  }
  return {};
}

JobPtr files_job(const Attempt& attempt, const ServicesPtr& services, NodeActor node, FilesFoundPtr files) {
  Job::Parts parts;
  parts.ref = attempt.command.ref;
  parts.node = std::move(node);
  parts.work = [attempt, services, files = std::move(files)](tools::CancelFlag&) -> NodeOutcome {
    auto kept = keep_files(attempt.run->workspace, attempt.node->files_in, *services->store);
    if (!kept)
      return AttemptFailed{attempt.command.ref, Failure{FailureClass::io, to_string(kept.error()), {}}, {}, {}};
    files->found = std::move(*kept);
    return AttemptCancelled{attempt.command.ref};
  };
  return std::make_shared<Job>(std::move(parts));
}

PlacedPtr placed_attempt(const Attempt& attempt, NodeActor node, std::vector<remote::FileRef> files) {
  Job::Parts parts;
  parts.ref = attempt.command.ref;
  parts.node = std::move(node);
  parts.queue_timeout = attempt.node->queue_timeout;
  auto placed = std::make_shared<PlacedAttempt>();
  placed->job = std::make_shared<Job>(std::move(parts));
  placed->attempt = attempt;
  placed->key = key_of(attempt);
  placed->files = std::move(files);
  return placed;
}

std::string slurm_root(const tools::RunContext& run) {
  constexpr std::string_view kVariable = "HILLSTAR_SLURM_SPOOL=";
  for (const auto& entry : run.environment)
    if (entry.starts_with(kVariable) && entry.size() > kVariable.size()) {
      auto folder = entry.substr(kVariable.size());
      return folder.front() == '/' ? folder : run.workspace + "/" + folder;
    }
  return run.workspace + "/.hillstar/slurm";
}

PlacedPtr unwanted_job(std::shared_ptr<const workflow::PlanNode> node, std::shared_ptr<const tools::RunContext> run,
                       const AttemptRef& ref) {
  auto placed = std::make_shared<PlacedAttempt>();
  placed->attempt.command.ref = ref;
  placed->attempt.node = std::move(node);
  placed->attempt.run = std::move(run);
  placed->key = key_of(placed->attempt);
  placed->unwanted = true;
  return placed;
}

}  // namespace hillstar::actors
