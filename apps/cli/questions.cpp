// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/questions.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <future>

#include "apps/cli/stream_statuses.hpp"
#include "apps/cli/stream_view.hpp"
#include "apps/cli/top_view.hpp"
#include "apps/cli/worker_view.hpp"
#include "messages/json_codec.hpp"
#include "persistence/rocksdb_store.hpp"
#include "runtime/platform/clock.hpp"
#include "runtime/stream/quota.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

template <class Job>
Result<Job> body_of(const Question& question) {
  return json::read<Job>(question.body.value(), "body");
}

Error no_stream(const std::string& name) {
  return {Errc::not_found, "There is no stream '" + name + "'.", {}, "`hillstar-actors stream ls` shows them."};
}

Result<Json> one_stream(const Engine& engine, const std::string& name) {
  HILLSTAR_TRY(const auto status, find_status(engine, name));
  if (!status) return no_stream(name);
  return stream_object(*status, SystemClock().utc_now());
}

Result<Json> list(const Engine& engine) {
  HILLSTAR_TRY(const auto streams, all_streams(engine));
  bj::array all;
  for (const auto& status : streams) all.push_back(stream_object(status, SystemClock().utc_now()).value());
  return Json::of(all);
}

Result<Json> declare(Engine& engine, const Question& question) {
  HILLSTAR_TRY(auto job, body_of<DeclareJob>(question));
  DeclareStream request;
  HILLSTAR_TRY(auto plan, workflow::plan_from_text(job.plan));
  request.plan = std::make_shared<const workflow::Plan>(std::move(plan));
  request.entry = std::move(job.entry);
  request.workflow_text = std::move(job.workflow_text);
  request.workflow_file = std::move(job.workflow_file);
  request.workspace = std::move(job.workspace);
  request.output_dir = std::move(job.output_dir);
  request.allow_paths = std::move(job.allow_paths);
  request.declared_by = question.who;
  HILLSTAR_TRY(const auto status, engine.declare(std::move(request)));
  return stream_object(status, SystemClock().utc_now());
}

Result<Json> trigger(Engine& engine, const Question& question) {
  HILLSTAR_TRY(auto job, body_of<TriggerJob>(question));
  TriggerRun request;
  request.stream = question.stream;
  request.kind = TriggerKind::manual;
  request.inputs = std::move(job.inputs);
  request.event = Json::of(job.event ? bj::object{{"body", job.event->value()}} : bj::object());
  request.key = std::move(job.key);
  request.labels = std::move(job.labels);
  request.correlation = std::move(job.correlation);
  request.started_by = question.who;
  const auto promise = std::make_shared<std::promise<Result<Accepted>>>();
  auto done = promise->get_future();
  engine.trigger_async(std::move(request),
                       [promise](Result<Accepted> answer) { promise->set_value(std::move(answer)); });
  const auto accepted = done.get();
  if (!accepted) return accepted.error();
  return accepted_object(*accepted);
}

Result<Json> hold(Engine& engine, const Question& question) {
  HILLSTAR_TRY(const auto job, body_of<HoldJob>(question));
  const bool held = question.topic == Topic::hold;
  HILLSTAR_CHECK(engine.hold(question.stream, held, question.who, job.reason.value_or("")));
  return one_stream(engine, question.stream);
}

/// One collection after the other, in steps between the commits of the engine.
Result<Json> collect(Engine& engine, persistence::EventStore& store, const Question& question) {
  HILLSTAR_TRY(const auto job, body_of<CollectJob>(question));
  auto* rocks = dynamic_cast<persistence::RocksStore*>(&store);
  if (rocks == nullptr) return Error{Errc::usage, "A store in memory has nothing to remove.", {}, {}};
  const auto now = SystemClock().utc_now();
  HILLSTAR_TRY(const auto retentions, retentions_of(job, store, now));
  persistence::Removal all;
  all.at = now;
  for (std::size_t i = 0; i < retentions.size(); ++i) {
    const bool by_streams = retentions[i].any_keeps;
    auto sweep = persistence::Sweep::always;
    if (i + 1 < retentions.size())
      sweep = persistence::Sweep::never;
    else if (by_streams && all.runs == 0)
      sweep = persistence::Sweep::after_removal;
    // Shared with the engine, which may stop before it is done.
    const auto collector = std::make_shared<persistence::Collector>(*rocks, retentions[i], now,
                                                                    persistence::CollectHow{job.dry_run, sweep});
    HILLSTAR_CHECK(engine.between_commits([collector] { return collector->step(); }));
    all += collector->removed();
  }
  return removal_object(all, job.dry_run);
}

Result<Json> change_worker(Engine& engine, const Question& question) {
  auto change = WorkerChange::drain;
  if (question.topic != Topic::drain)
    change = question.topic == Topic::cordon ? WorkerChange::cordon : WorkerChange::uncordon;
  HILLSTAR_CHECK(engine.change_worker(question.stream, change));
  return workers_document(engine, question.stream);
}

}  // namespace

Result<Json> answer(Engine& engine, persistence::EventStore& store, const Question& question) {
  switch (question.topic) {
    case Topic::streams:
      return question.stream.empty() ? list(engine) : one_stream(engine, question.stream);
    case Topic::declare:
      return declare(engine, question);
    case Topic::trigger:
      return trigger(engine, question);
    case Topic::hold:
    case Topic::release:
      return hold(engine, question);
    case Topic::remove:
      HILLSTAR_CHECK(engine.remove(question.stream, question.who));
      return Json();
    case Topic::collect:
      return collect(engine, store, question);
    case Topic::top:
      return top_document(store, &engine, SystemClock().utc_now());
    case Topic::workers:
      return workers_document(engine, question.stream);
    case Topic::cordon:
    case Topic::uncordon:
    case Topic::drain:
      return change_worker(engine, question);
  }
  return Error{Errc::host_protocol, "There is no such question."};
}

Result<std::vector<persistence::Retention>> retentions_of(const CollectJob& job, const persistence::EventStore& store,
                                                          UtcTime now) {
  std::vector<persistence::Retention> all;
  if (job.older_than || job.max_bytes || job.keep_last) {
    persistence::Retention given{job.older_than, job.max_bytes, job.keep_last, job.stream, job.workflow};
    all.push_back(std::move(given));
    return all;
  }
  if (job.workflow)
    return Error(Errc::usage, "nothing says which runs of the workflow go.", {},
                 "Give --older-than, --keep-last or --max-bytes.");
  HILLSTAR_TRY(const auto streams, stored_streams(store));
  for (const auto& status : streams) {
    const auto& entry = status.declared.entry;
    if (!entry.retention || (job.stream && *job.stream != status.declared.stream)) continue;
    persistence::Retention retention;
    retention.stream = status.declared.stream;
    retention.older_than = entry.retention->age;
    retention.max_bytes = entry.retention->bytes;
    retention.keep_last = entry.retention->runs;
    retention.any_keeps = true;
    // What a quota still counts is not forgotten.
    const auto& quota = entry.quota;
    if (quota && (quota->runs_per_hour || quota->runs_per_day || quota->cost_per_day))
      retention.none_since = UtcTime{now.micros - stream::kQuotaDay.count() * 1000};
    all.push_back(std::move(retention));
  }
  if (all.empty())
    return Error(Errc::usage, "nothing says which runs go: no stream has a retention.", {},
                 "Give --older-than, --keep-last or --max-bytes, or write a `retention` into an entry point.");
  return all;
}

Json removal_object(const persistence::Removal& removed, bool dry_run) {
  return Json::of(bj::object{{"dry_run", dry_run},
                             {"runs", removed.runs},
                             {"records", removed.records},
                             {"record_bytes", removed.record_bytes},
                             {"blobs", removed.blobs},
                             {"blob_bytes", removed.blob_bytes}});
}

}  // namespace hillstar::cli
