// SPDX-License-Identifier: Apache-2.0
// Node bodies that another machine makes, and the files that go with them and come back. The choice of the machine is
// the directory's.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "actors/services.hpp"
#include "messages/remote.hpp"

namespace hillstar::actors {

/// One file; larger ones are a failure of the node.
inline constexpr std::uint64_t kFileBytesMax = 256U << 20U;

/// An attempt that another machine is to make. Answers its node through the job, exactly once.
struct PlacedAttempt {
  JobPtr job;
  Attempt attempt;
  std::string key;
  std::vector<remote::FileRef> files;  ///< In the store.
  bool unwanted = false;               ///< To be ended where it is made, if it is; `job` is null.
};

/// Filled by its job, on a thread of the slots.
struct FilesFound {
  std::optional<std::vector<remote::FileRef>> found;
};
using FilesFoundPtr = std::shared_ptr<FilesFound>;

/// Puts what PlanNode::files_in names into the store. Its own outcome has no meaning if something is found.
JobPtr files_job(const Attempt& attempt, const ServicesPtr& services, NodeActor node, FilesFoundPtr files);

/// To be handed to the directory, which answers the node.
PlacedPtr placed_attempt(const Attempt& attempt, NodeActor node, std::vector<remote::FileRef> files);

/// Where the folders of a run's jobs are: HILLSTAR_SLURM_SPOOL, else below the workspace.
std::string slurm_root(const tools::RunContext& run);
/// An attempt that may be a job from before this process, and that its run wants to be ended. Nobody is answered.
PlacedPtr unwanted_job(std::shared_ptr<const workflow::PlanNode> node, std::shared_ptr<const tools::RunContext> run,
                       const AttemptRef& ref);

/// Reads the files that these patterns name beneath the folder into the store. Blocks.
Result<std::vector<remote::FileRef>> keep_files(const std::string& folder, const std::vector<std::string>& patterns,
                                                persistence::EventStore& store);
/// Writes files that crossed into the folder, each as a whole. Blocks. Errors: path_refused for one that leads out.
Result<void> write_files(const std::string& folder, const std::vector<remote::FileRef>& files,
                         const persistence::EventStore& store);

}  // namespace hillstar::actors
