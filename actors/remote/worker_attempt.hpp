// SPDX-License-Identifier: Apache-2.0
// One attempt on a worker: fetch what it needs, lay out its folder, let a node actor make it, gather what it leaves.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "actors/remote/blob_port.hpp"
#include "actors/services.hpp"
#include "messages/remote.hpp"
#include "runtime/policy/environment_secrets.hpp"

namespace hillstar::actors {

/// A step is done that needed the disk or the host.
struct OrderHere {
  Result<bool> here;
};
struct FolderLaid {
  Result<bool> laid;
};
struct FilesGathered {
  Result<std::vector<remote::FileRef>> files;
};
struct StopAttempt {};
/// The lease is nearly over, and it has not stopped.
struct EndAttemptNow {};
struct StopGraceOver {};
/// The attempt has ended; nothing more is heard of it.
struct AttemptReported {
  std::string key;
  std::shared_ptr<const remote::Report> report;
};
struct AttemptSaid {
  std::string key;
  std::string text;
};
struct LineSaid {
  std::string text;
};

using ReportTo = caf::typed_actor<caf::reacts_to<AttemptReported>>;

using WorkerAttempt =
    caf::typed_actor<caf::reacts_to<OrderHere>, caf::reacts_to<FolderLaid>, caf::reacts_to<AttemptEnded>,
                     caf::reacts_to<PlaceMissing>, caf::reacts_to<FilesGathered>, caf::reacts_to<StopAttempt>,
                     caf::reacts_to<EndAttemptNow>, caf::reacts_to<StopGraceOver>>;

/// What is secret on this machine, for all its attempts. Thread-safe.
class WorkerSecrets {
 public:
  policy::Redactor redactor(const std::vector<std::string>& environment, const policy::Rules* rules) {
    const std::lock_guard lock(mutex_);
    return known_.of(environment, rules).redactor;
  }

 private:
  std::mutex mutex_;
  policy::EnvironmentSecrets known_;
};

struct WorkerAttemptParts {
  ServicesPtr services;
  BlobPort port;
  ReportTo report_to;
  remote::AttemptSent sent;
  std::string workspace;  ///< Of the worker.
  std::vector<std::string> environment;
  std::shared_ptr<WorkerSecrets> secrets;
  Lifeline alive;
};

class WorkerAttemptState {
 public:
  explicit WorkerAttemptState(WorkerAttempt::pointer actor) : self_(actor) {}
  ~WorkerAttemptState();

  void open(WorkerAttemptParts parts);
  void on_order_here(const OrderHere& message);
  void on_laid(const FolderLaid& message);
  void on_ended(const AttemptEnded& message);
  void on_gathered(const FilesGathered& message);
  void on_stop();
  void on_end_now();
  void on_grace_over();

  const char* name = "worker_attempt";

 private:
  Result<void> read_order();
  void fetch(std::vector<BlobRef> blobs);
  void make();
  [[nodiscard]] bool uses_folder() const;
  void report(remote::Report report);
  void fail(FailureClass kind, const Error& error);

  WorkerAttempt::pointer self_;
  WorkerAttemptParts parts_;
  std::optional<remote::Order> order_;
  std::string folder_;
  bool has_folder_ = false;
  NodeActor node_;  ///< Empty before and after.
  std::optional<Attempt> attempt_;
  std::optional<remote::Report> ended_;  ///< Files are being gathered.
  bool stopped_ = false;
  bool reported_ = false;
};

WorkerAttempt::behavior_type worker_attempt(WorkerAttempt::stateful_pointer<WorkerAttemptState> self,
                                            WorkerAttemptParts parts);

/// Rules of both machines: those of the order, and what this one finds for the workspace. Errors: policy_invalid.
Result<std::shared_ptr<const policy::Rules>> rules_of(const remote::Order& order, const std::string& workspace,
                                                      const std::vector<std::string>& environment);

/// The folder of an attempt: a name that is safe on any file system, and the same for the same key.
std::string folder_of(const std::string& workspace, const std::string& key);

}  // namespace hillstar::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::OrderHere)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::FolderLaid)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::FilesGathered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::StopAttempt)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::EndAttemptNow)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::StopGraceOver)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::AttemptReported)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::AttemptSaid)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::LineSaid)
