// SPDX-License-Identifier: Apache-2.0
// What is asked about the streams of a store, and about the store as a whole: one JSON document there, one back, the
// same over the host's socket as over HTTP (docs/reference/http.md).
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actors/engine.hpp"
#include "messages/error.hpp"
#include "messages/json.hpp"
#include "persistence/collector.hpp"

namespace hillstar::cli {

BOOST_DEFINE_ENUM_CLASS(Topic, streams, declare, trigger, hold, release, remove, collect, top, workers, cordon,
                        uncordon, drain)

struct Question {
  Topic topic = Topic::streams;
  std::string stream;  ///< Those about one; of a worker: its name.
  Json body;           ///< As below; null for the others.
  std::string who;     ///< Who asks. The host puts in what the system says.
};
BOOST_DESCRIBE_STRUCT(Question, (), (topic, stream, body, who))

/// trigger. Answered by `{"run", "repeated", "queued"}`.
struct TriggerJob {
  std::optional<Json> inputs;
  std::optional<Json> event;  ///< What `{{ trigger.body }}` stands for.
  std::optional<std::string> key;
  std::map<std::string, std::string> labels;
  std::optional<std::string> correlation;
};
BOOST_DESCRIBE_STRUCT(TriggerJob, (), (inputs, event, key, labels, correlation))

/// declare, on this machine: what the terminal has compiled. Answered by the stream.
struct DeclareJob {
  EntryPoint entry;
  std::string plan;  ///< workflow::to_text of the plan.
  std::string workflow_text;
  std::string workflow_file;
  std::string workspace;
  std::string output_dir;
  std::vector<std::string> allow_paths;
};
BOOST_DESCRIBE_STRUCT(DeclareJob, (), (entry, plan, workflow_text, workflow_file, workspace, output_dir, allow_paths))

/// hold. Answered by the stream.
struct HoldJob {
  std::optional<std::string> reason;
};
BOOST_DESCRIBE_STRUCT(HoldJob, (), (reason))

/// collect: as the options of `gc`; nothing but `dry_run`: as the retention of the streams says. Answered by what went.
struct CollectJob {
  std::optional<Millis> older_than;
  std::optional<std::uint64_t> max_bytes;
  std::optional<std::uint64_t> keep_last;
  std::optional<std::string> stream;
  std::optional<WorkflowId> workflow;
  bool dry_run = false;
};
BOOST_DESCRIBE_STRUCT(CollectJob, (), (older_than, max_bytes, keep_last, stream, workflow, dry_run))

/// Answers with an engine in this process. Blocks until facts are durable; collect until all is done. From any thread.
Result<Json> answer(Engine& engine, persistence::EventStore& store, const Question& question);

/// Which runs go, one collection after the other. usage if the job says nothing and no stream has a retention.
Result<std::vector<persistence::Retention>> retentions_of(const CollectJob& job, const persistence::EventStore& store,
                                                          UtcTime now);
/// `{"runs":3,"records":18,...}`.
Json removal_object(const persistence::Removal& removed, bool dry_run);

}  // namespace hillstar::cli
