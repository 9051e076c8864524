// SPDX-License-Identifier: Apache-2.0
#include "actors/remote/worker_attempt.hpp"

#include <caf/send.hpp>
#include <filesystem>
#include <system_error>
#include <utility>

#include "actors/node_actor.hpp"
#include "actors/remote/orders.hpp"
#include "actors/remote/own_thread.hpp"
#include "actors/remote/placed_node.hpp"
#include "runtime/platform/hash.hpp"
#include "runtime/tools/policy_files.hpp"

namespace hillstar::actors {
namespace {

namespace fs = std::filesystem;

Result<bool> lay(const std::string& folder, const std::vector<remote::FileRef>& files,
                 const persistence::EventStore& store) {
  std::error_code error;
  fs::remove_all(folder, error);  // of a process before this one
  fs::create_directories(folder, error);
  if (error)
    return Error{Errc::worker_workspace, "The worker cannot make a folder for the attempt: " + error.message(), folder,
                 "Give the worker a folder that it can write with --workspace DIR."};
  HILLSTAR_CHECK(write_files(folder, files, store));
  return true;
}

}  // namespace

Result<std::shared_ptr<const policy::Rules>> rules_of(const remote::Order& order, const std::string& workspace,
                                                      const std::vector<std::string>& environment) {
  HILLSTAR_TRY(auto here, tools::load_rules(workspace, environment));
  if (!order.rules) return here;
  HILLSTAR_TRY(auto there, policy::rules_from_text(*order.rules));
  if (here) there = policy::strictest(std::move(there), *here);
  return std::make_shared<const policy::Rules>(std::move(there));
}

std::string folder_of(const std::string& workspace, const std::string& key) {
  return workspace + "/attempts/" + file_name_of(key, 120, 12);
}

WorkerAttemptState::~WorkerAttemptState() {
  if (node_) caf::anon_send_exit(node_, caf::exit_reason::kill);
  if (!has_folder_) return;
  std::error_code ignored;  // what stays is removed when the attempt comes again
  fs::remove_all(folder_, ignored);
}

void WorkerAttemptState::open(WorkerAttemptParts parts) {
  parts_ = std::move(parts);
  folder_ = folder_of(parts_.workspace, parts_.sent.key);
  if (parts_.sent.order_sha256) return fetch({{"", 0, false, *parts_.sent.order_sha256}});
  order_ = std::exchange(parts_.sent.order, std::nullopt);
  fetch(blobs_of(*order_));
}

Result<void> WorkerAttemptState::read_order() {
  HILLSTAR_TRY(const auto text, parts_.services->store->read_blob(*parts_.sent.order_sha256));
  HILLSTAR_TRY(const auto tree, json::parse(text));
  HILLSTAR_TRY(order_, json::read<remote::Order>(tree));
  return {};
}

void WorkerAttemptState::fetch(std::vector<BlobRef> blobs) {
  if (blobs.empty()) return on_order_here({true});
  caf::anon_send(parts_.port, FetchBlobs{std::move(blobs), [self = WorkerAttempt(self_)](const Result<bool>& here) {
                                           caf::anon_send(self, OrderHere{here});
                                         }});
}

void WorkerAttemptState::on_order_here(const OrderHere& message) {
  if (reported_) return;
  if (!message.here) return fail(FailureClass::io, message.here.error());
  if (!order_) {
    if (const auto read = read_order(); !read) return fail(FailureClass::invalid_input, read.error());
    return fetch(blobs_of(*order_));
  }
  if (order_->files.empty()) return make();
  has_folder_ = true;
  // The disk is waited for elsewhere.
  on_own_thread(self_->home_system(),
                [self = WorkerAttempt(self_), folder = folder_, files = order_->files, store = parts_.services->store,
                 alive = parts_.alive] { caf::anon_send(self, FolderLaid{lay(folder, files, *store)}); });
}

void WorkerAttemptState::on_laid(const FolderLaid& message) {
  if (reported_) return;
  if (!message.laid) return fail(FailureClass::io, message.laid.error());
  make();
}

void WorkerAttemptState::make() {
  auto rules = rules_of(*order_, has_folder_ ? folder_ : std::string(), parts_.environment);
  if (!rules) return fail(FailureClass::permission, rules.error());
  tools::RunContext context;
  context.workspace = folder_;
  context.environment = parts_.environment;
  context.rules = std::move(*rules);
  context.redactor = parts_.secrets->redactor(context.environment, context.rules.get());
  context.air_gapped = context.rules && context.rules->air_gap.always;
  auto attempt = attempt_of(*order_, parts_.services->clock->utc_now(), std::move(context));
  if (!attempt) return fail(FailureClass::invalid_input, attempt.error());
  attempt_ = std::move(*attempt);
  if (!has_folder_ && uses_folder()) {
    has_folder_ = true;
    if (const auto laid = lay(folder_, {}, *parts_.services->store); !laid) return fail(FailureClass::io, laid.error());
  }
  node_ = self_->spawn(node_of_one_attempt, parts_.services, AttemptOwner(WorkerAttempt(self_)));
  self_->anon_send(node_, Attempt(*attempt_));
  if (stopped_) on_stop();
}

/// Models, and tools that only compute, see no files; file systems are slow at folders that come and go.
bool WorkerAttemptState::uses_folder() const {
  const auto& tools = parts_.services->catalog;
  const auto tool = tools.find(attempt_->node->tool);
  return !attempt_->node->files_out.empty() || (tool != tools.end() && tool->second.blocks);
}

void WorkerAttemptState::on_ended(const AttemptEnded& message) {
  node_ = nullptr;
  if (reported_ || ended_) return;
  auto report = report_of(message.outcome);
  if (report.ending != remote::Ending::succeeded || attempt_->node->files_out.empty())
    return this->report(std::move(report));
  ended_ = std::move(report);
  on_own_thread(self_->home_system(),
                [self = WorkerAttempt(self_), folder = folder_, patterns = attempt_->node->files_out,
                 store = parts_.services->store,
                 alive = parts_.alive] { caf::anon_send(self, FilesGathered{keep_files(folder, patterns, *store)}); });
}

void WorkerAttemptState::on_gathered(const FilesGathered& message) {
  if (reported_ || !ended_) return;
  if (!message.files) return fail(FailureClass::io, message.files.error());
  ended_->files = *message.files;
  report(std::move(*ended_));
}

void WorkerAttemptState::on_stop() {
  stopped_ = true;
  if (reported_) return;
  if (!attempt_) return report(report_of(AttemptCancelled{{}, true}));
  if (node_) caf::anon_send(node_, CancelNode{attempt_->command.ref, Halt::cancel});
  caf::delayed_anon_send(WorkerAttempt(self_), parts_.services->cancel_grace, StopGraceOver{});
}

void WorkerAttemptState::on_end_now() {
  if (node_ && !reported_) caf::anon_send(node_, EndNow{attempt_->command.ref});
}

void WorkerAttemptState::on_grace_over() {
  if (reported_) return;
  if (node_) caf::anon_send_exit(node_, caf::exit_reason::kill);
  report(report_of(AttemptCancelled{{}}));
}

void WorkerAttemptState::fail(FailureClass kind, const Error& error) {
  remote::Report report;
  report.ending = remote::Ending::failed;
  report.failure = Failure{kind, to_string(error), {}};
  this->report(std::move(report));
}

void WorkerAttemptState::report(remote::Report report) {
  if (std::exchange(reported_, true)) return;
  self_->anon_send(parts_.report_to,
                   AttemptReported{parts_.sent.key, std::make_shared<const remote::Report>(std::move(report))});
  // All that it leaves is in the report, or in the store.
  caf::anon_send_exit(WorkerAttempt(self_), caf::exit_reason::user_shutdown);
}

WorkerAttempt::behavior_type worker_attempt(WorkerAttempt::stateful_pointer<WorkerAttemptState> self,
                                            WorkerAttemptParts parts) {
  die_quietly(self);
  self->state.open(std::move(parts));
  return {[self](const OrderHere& message) { self->state.on_order_here(message); },
          [self](const FolderLaid& message) { self->state.on_laid(message); },
          [self](const AttemptEnded& message) { self->state.on_ended(message); },
          [](const PlaceMissing&) {},
          [self](const FilesGathered& message) { self->state.on_gathered(message); },
          [self](const StopAttempt&) { self->state.on_stop(); },
          [self](const EndAttemptNow&) { self->state.on_end_now(); },
          [self](const StopGraceOver&) { self->state.on_grace_over(); }};
}

}  // namespace hillstar::actors
