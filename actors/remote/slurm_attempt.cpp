// SPDX-License-Identifier: Apache-2.0
// The side of a job: takes the attempt, lets the same tool make it that the host would, leaves its end in the folder.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "actors/cluster_attempt.hpp"
#include "actors/remote/orders.hpp"
#include "actors/remote/slurm_spool.hpp"
#include "actors/remote/worker_attempt.hpp"
#include "actors/tool_node.hpp"
#include "runtime/platform/descriptor.hpp"
#include "runtime/policy/redaction.hpp"

namespace hillstar {
namespace {

using namespace actors;

/// What a cluster says of a job, and its machine of itself: of no use on another one.
constexpr std::array<std::string_view, 9> kOfTheJob{"SLURM",        "CUDA_VISIBLE", "NVIDIA_",
                                                    "ROCR_VISIBLE", "HIP_VISIBLE",  "GPU_DEVICE",
                                                    "ZE_AFFINITY",  "TMPDIR=",      "HOSTNAME="};

/// Between the end of a script that was told to end, and our own being told.
constexpr Millis kStopSlack{500};

bool is_of_the_job(std::string_view entry) {
  return std::any_of(kOfTheJob.begin(), kOfTheJob.end(),
                     [&](std::string_view beginning) { return entry.starts_with(beginning); });
}

std::string_view name_of(std::string_view entry) { return entry.substr(0, entry.find('=')); }

/// What the script says, for whoever follows the run: the first kSpoolOutputMax bytes.
class OutputFile {
 public:
  explicit OutputFile(const std::string& path)
      : file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600)) {}
  void say(std::string_view text) {
    text = text.substr(0, kSpoolOutputMax - said_);
    said_ += text.size();
    // For the eye alone: what cannot be written is not missed.
    if (file_.is_open() && !text.empty()) (void)!::write(file_.get(), text.data(), text.size());
  }

 private:
  Descriptor file_;
  std::uint64_t said_ = 0;
};

/// Calls `stop` once the host has asked for it, until it is destroyed.
class StopWatch {
 public:
  StopWatch(SlurmSpool spool, std::function<void()> stop)
      : thread_([this, spool = std::move(spool), stop = std::move(stop)] {
          std::unique_lock lock(mutex_);
          while (!changed_.wait_for(lock, kStopLook, [this] { return over_; }))
            if (spool.has(kSpoolStop) || spool.is_gone()) return stop();
        }) {}
  ~StopWatch() {
    {
      const std::scoped_lock lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  StopWatch(const StopWatch&) = delete;
  StopWatch& operator=(const StopWatch&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::thread thread_;  // last: it uses what is above
};

class ClusterAttemptImpl final : public ClusterAttempt {
 public:
  ClusterAttemptImpl(SlurmSpool spool, SpoolOrder order) : spool_(std::move(spool)), order_(std::move(order)) {}

  [[nodiscard]] const std::string& workspace() const override { return order_.workspace; }
  [[nodiscard]] std::vector<std::string> environment(const std::vector<std::string>& own) const override;
  Result<void> make(const std::string& job, std::vector<std::string> environment) override;
  void stop() override { cancel_.set(); }

 private:
  Result<remote::Report> run(std::vector<std::string> environment);
  [[nodiscard]] bool is_stopping();

  SlurmSpool spool_;
  SpoolOrder order_;
  tools::CancelFlag cancel_;
};

std::vector<std::string> ClusterAttemptImpl::environment(const std::vector<std::string>& own) const {
  std::vector<std::string> all;
  for (const auto& entry : order_.environment)
    if (!is_of_the_job(entry)) all.push_back(entry);
  const auto given = all.size();
  for (const auto& entry : own)
    if (std::none_of(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(given),
                     [&](const std::string& known) { return name_of(known) == name_of(entry); }))
      all.push_back(entry);
  return all;
}

Result<remote::Report> ClusterAttemptImpl::run(std::vector<std::string> environment) {
  tools::RunContext context;
  context.workspace = order_.workspace;
  context.output_dir = order_.output_dir;
  context.allow_paths = order_.allow_paths;
  context.environment = std::move(environment);
  HILLSTAR_TRY(context.rules, rules_of(order_.order, context.workspace, context.environment));
  context.redactor =
      policy::redactor_of(context.environment, policy::rule_choice(context.environment, context.rules.get()));
  context.air_gapped = context.rules && context.rules->air_gap.always;
  HILLSTAR_TRY(const auto attempt, attempt_of(order_.order, SystemClock().utc_now(), std::move(context)));
  SpoolStore store(spool_.folder());
  Services services;
  services.store = &store;
  services.read_blob = [&store](const std::string& sha256) { return store.read_blob(sha256); };
  services.gate = std::make_shared<FeedGate>();
  auto catalog = tools::standard_catalog();
  const auto tool = catalog.find(attempt.node->tool);
  if (tool == catalog.end())
    return Error{Errc::host_protocol, "A job cannot make a node with this tool.", attempt.node->tool, {}};
  OutputFile said(spool_.at(kSpoolOutput));
  tools::ToolEntry entry = tool->second;
  entry.run = [&said, inner = tool->second.run](const tools::ToolCall& call, const tools::ToolContext& given) {
    auto with_output = given;
    with_output.progress = [&said](std::string_view text) { said.say(text); };
    return inner(call, with_output);
  };
  auto report = report_of(run_attempt(attempt, entry, services, cancel_));
  if (report.ending == remote::Ending::failed && is_stopping()) report = report_of(AttemptCancelled{});
  return report;
}

/// Slurm tells all processes of a job to end at once: the script may have ended of that before we heard of it.
bool ClusterAttemptImpl::is_stopping() {
  const auto until = std::chrono::steady_clock::now() + kStopSlack;
  while (!cancel_.is_set()) {
    pollfd heard{cancel_.descriptor(), POLLIN, 0};
    const auto left = std::chrono::duration_cast<Millis>(until - std::chrono::steady_clock::now());
    const int seen = ::poll(&heard, 1, static_cast<int>(std::max(left, Millis{0}).count()));
    // The signal that we wait for interrupts the waiting before another thread has set the flag.
    if (seen == 0 || (seen < 0 && errno != EINTR)) return false;
  }
  return true;
}

Result<void> ClusterAttemptImpl::make(const std::string& job, std::vector<std::string> environment) {
  HILLSTAR_TRY(const bool ours, spool_.claim(job));
  if (!ours) {
    // The host gave it up, another job has it, or this one was put back into the queue after it had begun.
    if (spool_.claimed_by() == job) return spool_.write(kSpoolAgain, "");
    return {};
  }
  auto report = [&]() -> Result<remote::Report> {
    const StopWatch watch(spool_, [this] { cancel_.set(); });
    return run(std::move(environment));
  }();
  if (!report) {
    remote::Report failed;
    failed.ending = remote::Ending::failed;
    failed.failure = Failure{FailureClass::invalid_input, to_string(report.error()), {}};
    report = std::move(failed);
  }
  return spool_.write(kSpoolReport, json::to_text(*report));
}

}  // namespace

Result<std::unique_ptr<ClusterAttempt>> ClusterAttempt::open(const std::string& folder) {
  SlurmSpool spool(folder);
  HILLSTAR_TRY(auto order, read_order(spool));
  return Result<std::unique_ptr<ClusterAttempt>>(
      std::make_unique<ClusterAttemptImpl>(std::move(spool), std::move(order)));
}

}  // namespace hillstar
