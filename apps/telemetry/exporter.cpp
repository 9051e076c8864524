// SPDX-License-Identifier: Apache-2.0
// Two threads: one folds commits into spans, which costs time, and one sends, which waits.
#include "apps/telemetry/exporter.hpp"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

#include "apps/telemetry/delivery.hpp"
#include "apps/telemetry/post.hpp"
#include "apps/telemetry/span_source.hpp"
#include "providers/http/url.hpp"
#include "runtime/platform/clock.hpp"
#include "runtime/platform/id_source.hpp"

namespace hillstar::telemetry {
namespace {

using Steady = std::chrono::steady_clock;
using Commit = std::pair<RunId, std::shared_ptr<const std::vector<Recorded>>>;

/// Runs come first where there are not enough cores for all.
constexpr int kNiceness = 10;

/// Histories of streams and of shared state have ids that no run has.
bool is_of_a_run(const RunId& id) { return !id.empty() && id.str().front() <= '7'; }

/// Bytes of what may be large in an event.
std::size_t weight_of(const Event& event) {
  return std::visit(
      [](const auto& what) -> std::size_t {
        if constexpr (requires { what.result.json; })
          return what.result.json.text().size();
        else if constexpr (requires { what.items.json; })
          return what.items.json.text().size();
        else if constexpr (requires { what.payload.json; })
          return what.payload.json.text().size();
        else if constexpr (requires { what.inputs.text(); })
          return what.inputs.text().size();
        else
          return 0;
      },
      event);
}

/// Whether an air-gapped run may talk to the collector by the rules that were recorded with it.
bool rules_allow(const persistence::EventStore& store, const RunStarted& started, const Settings& settings) {
  policy::Rules rules = policy::default_rules();
  if (started.rules_sha256) {
    const auto text = store.read_blob(*started.rules_sha256);
    auto read = text ? policy::rules_from_text(*text) : Result<policy::Rules>(text.error());
    if (!read) return false;
    rules = *std::move(read);
  }
  return reaches(policy::reach_of(&rules), settings);
}

class Sending final : public Exporter {
 public:
  Sending(Engine& engine, ExporterOptions options, bool may_tell_air_gapped)
      : engine_(engine),
        options_(std::move(options)),
        source_(engine.store(), span_options()),
        calls_(SystemClock().utc_now()),
        post_(post_options(may_tell_air_gapped)) {
    source_.since = options_.since;
    source_.may_tell = [this, may_tell_air_gapped](const RunStarted& started) {
      if (!started.air_gapped) return true;
      if (may_tell_air_gapped && rules_allow(engine_.store(), started, options_.settings)) return true;
      const std::lock_guard lock(mutex_);
      ++counts_.withheld;
      warn("withheld", "air-gapped runs are not exported, since the collector is no endpoint that they may reach");
      return false;
    };
  }

  Result<void> begin() {
    HILLSTAR_TRY(ticket_, engine_.watch([this](const RunId& run, const auto& events) { committed(run, events); }));
    folds_ = std::thread([this] { fold(); });
    sends_ = std::thread([this] { send(); });
    return {};
  }

  ~Sending() override {
    if (!folds_.joinable()) return;
    engine_.unwatch(ticket_);
    {
      const std::lock_guard lock(mutex_);
      give_up_ = Steady::now() + options_.farewell;
      no_more_commits_ = true;
    }
    commits_changed_.notify_all();
    folds_.join();
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
    }
    spans_changed_.notify_all();
    post_.end_by(give_up_);
    sends_.join();
  }

  [[nodiscard]] Counts counts() const override {
    const std::lock_guard lock(mutex_);
    return counts_;
  }

  void also_tell(std::function<std::vector<Metric>()> metrics) override {
    const std::lock_guard lock(more_mutex_);
    more_ = std::move(metrics);
  }

 private:
  [[nodiscard]] SpanOptions span_options() const {
    SpanOptions made;
    made.sampler = options_.settings.sampler;
    made.content = options_.settings.content;
    made.older_names = options_.settings.older_names;
    made.redactor = options_.redactor;
    return made;
  }

  [[nodiscard]] PostOptions post_options(bool reachable) const {
    PostOptions made;
    made.transport = options_.transport;
    made.network = options_.network;
    made.ca_file = options_.settings.ca_file;
    if (reachable) made.reach = std::make_shared<const policy::Reach>(options_.reach);
    return made;
  }

  /// On the log's thread.
  void committed(const RunId& run, const std::shared_ptr<const std::vector<Recorded>>& events) {
    if (!is_of_a_run(run)) return;
    std::size_t weight = 0;
    for (const auto& recorded : *events) weight += weight_of(recorded.event);
    bool was_empty = false;
    {
      const std::lock_guard lock(mutex_);
      if (commits_.size() >= kCommitsMax || (!commits_.empty() && commit_bytes_ + weight > kCommitBytesMax)) {
        ++counts_.commits_dropped;
        return;
      }
      was_empty = commits_.empty();
      commits_.emplace_back(run, events);
      commit_bytes_ += weight;
    }
    if (was_empty) commits_changed_.notify_one();
  }

  void fold() {
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), kNiceness);
    std::unique_lock lock(mutex_);
    while (true) {
      commits_changed_.wait(lock, [this] { return no_more_commits_ || !commits_.empty(); });
      if (commits_.empty() || (no_more_commits_ && Steady::now() > give_up_)) return;
      auto taken = std::exchange(commits_, {});
      commit_bytes_ = 0;
      lock.unlock();
      std::vector<Span> ended;
      for (const auto& [run, events] : taken) {
        if (const auto told = source_.take(run, *events, ended); !told) {
          const std::lock_guard again(mutex_);
          warn("unreadable", "a run cannot be exported: " + to_string(told.error()));
        }
        if (ended.size() >= options_.settings.batch_max) hand_over(ended);
      }
      hand_over(ended);
      lock.lock();
    }
  }

  void hand_over(std::vector<Span>& ended) {
    bool enough = false;
    {
      const std::lock_guard lock(mutex_);
      for (auto& span : ended) {
        if (span.call) calls_.add(*span.call);
        if (!span.context.sampled || options_.settings.traces.url.empty()) continue;
        if (spans_.size() >= options_.settings.queue_max) {
          ++counts_.dropped;
          warn("dropped", "spans are dropped, since they come faster than " + shown(options_.settings.traces.url) +
                              " takes them; `export --otlp` finds them in the store");
          continue;
        }
        if (spans_.empty()) oldest_ = Steady::now();
        spans_.push_back(std::move(span));
      }
      enough = spans_.size() >= options_.settings.batch_max;
    }
    ended.clear();
    if (enough) spans_changed_.notify_one();
  }

  void send() {
    auto metrics_due = Steady::now() + options_.settings.metric_interval;
    std::unique_lock lock(mutex_);
    while (true) {
      const auto due = [&] {
        return ends_ || spans_.size() >= options_.settings.batch_max ||
               (!spans_.empty() && Steady::now() >= oldest_ + options_.settings.delay);
      };
      const auto until = spans_.empty() ? metrics_due : std::min(metrics_due, oldest_ + options_.settings.delay);
      // A queue that just began to fill has another end than the one that was waited for.
      spans_changed_.wait_until(lock, std::min(until, Steady::now() + options_.settings.delay), due);
      const bool last = ends_;
      while (!spans_.empty() && due()) send_spans(lock);
      if (last || Steady::now() >= metrics_due) {
        metrics_due = Steady::now() + options_.settings.metric_interval;
        send_metrics(lock);
      }
      if (last) return;
    }
  }

  void send_spans(std::unique_lock<std::mutex>& lock) {
    const auto count = std::min(spans_.size(), options_.settings.batch_max);
    const auto end = spans_.begin() + static_cast<std::ptrdiff_t>(count);
    std::vector<Span> batch(std::make_move_iterator(spans_.begin()), std::make_move_iterator(end));
    spans_.erase(spans_.begin(), end);
    oldest_ = Steady::now();
    lock.unlock();
    const auto& target = options_.settings.traces;
    const auto verdict = post_.deliver(target, traces_json(options_.settings.resource, batch));
    lock.lock();
    const auto rejected = std::min<std::uint64_t>(verdict.rejected, count);
    if (verdict.kind == Verdict::Kind::delivered)
      counts_.exported += count - rejected, counts_.refused += rejected;
    else
      (verdict.kind == Verdict::Kind::refused ? counts_.refused : counts_.dropped) += count;
    tell(verdict, target, rejected > 0);
  }

  void send_metrics(std::unique_lock<std::mutex>& lock) {
    const auto& target = options_.settings.metrics;
    if (target.url.empty()) return;
    auto metrics = calls_.collect(SystemClock().utc_now());
    lock.unlock();
    {
      const std::lock_guard more_lock(more_mutex_);
      if (more_)
        for (auto& metric : more_()) metrics.push_back(std::move(metric));
    }
    Verdict verdict;
    if (!metrics.empty()) verdict = post_.deliver(target, metrics_json(options_.settings.resource, metrics));
    lock.lock();
    tell(verdict, target, verdict.rejected > 0);
  }

  /// Holds the mutex.
  void tell(const Verdict& verdict, const Target& target, bool rejected) {
    if (verdict.kind == Verdict::Kind::again)
      warn("unreachable", "what is exported does not reach " + shown(target.url) + ": " + verdict.why);
    else if (verdict.kind == Verdict::Kind::refused || rejected)
      warn("refused", shown(target.url) + " does not take what is exported: " + verdict.why);
  }

  /// Once of each kind. Holds the mutex.
  void warn(const char* kind, const std::string& what) {
    if (warned_.insert(kind).second) options_.log("warning: telemetry: " + what);
  }

  Engine& engine_;
  ExporterOptions options_;
  std::uint64_t ticket_ = 0;
  SpanSource source_;  // of the folding thread

  mutable std::mutex mutex_;
  std::condition_variable commits_changed_;
  std::condition_variable spans_changed_;
  std::deque<Commit> commits_;
  std::size_t commit_bytes_ = 0;
  std::deque<Span> spans_;
  Steady::time_point oldest_;
  CallMetrics calls_;
  Counts counts_;
  std::set<std::string> warned_;
  bool no_more_commits_ = false;
  bool ends_ = false;
  Steady::time_point give_up_ = Steady::time_point::max();

  std::mutex more_mutex_;
  std::function<std::vector<Metric>()> more_;
  Post post_;
  std::thread folds_;
  std::thread sends_;
};

}  // namespace

Result<std::unique_ptr<Exporter>> Exporter::start(Engine& engine, ExporterOptions options) {
  for (const auto* target : {&options.settings.traces, &options.settings.metrics}) {
    if (target->url.empty()) continue;
    if (const auto url = providers::parse_url(target->url); !url)
      return Error{Errc::provider_config, "The address of the collector is none: " + url.error().message,
                   "OTEL_EXPORTER_OTLP_ENDPOINT", url.error().hint};
  }
  const bool reachable = reaches(options.reach, options.settings);
  if (options.always_air_gapped && !reachable)
    return Error{Errc::air_gapped,
                 "The policy keeps everything air-gapped, and the collector is no endpoint that may be reached.",
                 "OTEL_EXPORTER_OTLP_ENDPOINT", "Declare it under air_gap.endpoints of the policy, or unset this."};
  auto made = std::make_unique<Sending>(engine, std::move(options), reachable);
  HILLSTAR_CHECK(made->begin());
  return std::unique_ptr<Exporter>(std::move(made));
}

}  // namespace hillstar::telemetry
