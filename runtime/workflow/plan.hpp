// SPDX-License-Identifier: Apache-2.0
// A workflow compiled: loops unrolled, references found, edges indexed. Immutable; stored with the run,
// so that a newer compiler can never change an old run.
//
// A node's index is its place in the topological order (Kahn, FIFO, ties by order of authoring), which is also
// the order in which ready nodes start. Source: Hillstar specification sections 1.4, 1.5, 1.8.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "messages/entry_point.hpp"
#include "messages/failure.hpp"
#include "messages/ids.hpp"
#include "messages/inputs.hpp"
#include "messages/json.hpp"
#include "messages/units.hpp"

namespace hillstar::workflow {

/// A question about the text of a node's `output` (of the whole result, if it is no object with one).
/// Answered where the text is at hand, when the node completes; only the verdict is recorded.
/// `equals` compares trimmed texts; `contains` and `not_contains` ignore case (ASCII).
struct Test {
  std::optional<std::string> contains;
  std::optional<std::string> equals;
  std::optional<std::string> not_contains;

  bool operator==(const Test&) const = default;
};
BOOST_DESCRIBE_STRUCT(Test, (), (contains, equals, not_contains))

/// The `test`-th of a node's tests. False for a node that produced no result.
struct NodeTest {
  NodeIndex node = 0;
  std::uint32_t test = 0;

  bool operator==(const NodeTest&) const = default;
};
BOOST_DESCRIBE_STRUCT(NodeTest, (), (node, test))

BOOST_DEFINE_ENUM_CLASS(NodeEnd, completed, failed, skipped)
struct StatusTest {
  NodeIndex node = 0;
  NodeEnd status = NodeEnd::completed;

  bool operator==(const StatusTest&) const = default;
};
BOOST_DESCRIBE_STRUCT(StatusTest, (), (node, status))

struct InputTest {
  std::string input;
  Test test;

  bool operator==(const InputTest&) const = default;
};
BOOST_DESCRIBE_STRUCT(InputTest, (), (input, test))

/// One of its members is set. `none` holds one condition: its negation.
struct Condition {
  std::vector<Condition> all;
  std::vector<Condition> any;
  std::optional<InputTest> input;
  std::vector<Condition> none;
  std::optional<StatusTest> status;
  std::optional<NodeTest> test;

  bool operator==(const Condition&) const = default;
};
BOOST_DESCRIBE_STRUCT(Condition, (), (all, any, input, none, status, test))

struct RetryPolicy {
  std::uint32_t attempts = 1;            ///< In all, the first included.
  Millis backoff{1000};                  ///< Wait before the second attempt.
  std::uint32_t factor_permille = 2000;  ///< Growth of the wait: 2000 doubles it.
  Millis cap{60'000};                    ///< Longest wait.
  bool jitter = true;                    ///< Full jitter: a wait uniform in [0, computed wait].
  std::vector<FailureClass> on;          ///< Classes that are retried; empty: the transient ones.

  bool operator==(const RetryPolicy&) const = default;
};
BOOST_DESCRIBE_STRUCT(RetryPolicy, (), (attempts, backoff, factor_permille, cap, jitter, on))

/// May an attempt run twice? `none`: it changes nothing. `once`: a lost attempt waits for a person.
BOOST_DEFINE_ENUM_CLASS(Effect, none, repeatable, once)
/// What a node's failure means: the run fails; dependents go on with the failed result; dependents are skipped.
BOOST_DEFINE_ENUM_CLASS(OnError, fail, proceed, skip_dependents)
BOOST_DEFINE_ENUM_CLASS(Permission, always, ask, never)

/// `standard`: the layers that the system offers. `bubblewrap`: besides, a file system of its own.
BOOST_DEFINE_ENUM_CLASS(SandboxProfile, standard, bubblewrap, none)

/// What a script may do beyond the ordinary, or not at all.
struct Sandbox {
  SandboxProfile profile = SandboxProfile::standard;
  std::optional<bool> network;     ///< Absent: yes, unless the run is air-gapped.
  std::vector<std::string> env;    ///< Variables that it gets besides, by name.
  std::vector<std::string> read;   ///< Paths that it may read, and
  std::vector<std::string> write;  ///< write besides; relative ones start at the workspace.
  std::optional<std::uint64_t> memory_bytes;
  std::optional<std::uint64_t> file_bytes;  ///< Of the largest file that it writes.
  std::optional<std::uint32_t> processes;
  std::optional<Millis> cpu;

  bool operator==(const Sandbox&) const = default;
};
BOOST_DESCRIBE_STRUCT(Sandbox, (), (profile, network, env, read, write, memory_bytes, file_bytes, processes, cpu))

/// A job of a cluster.
struct SlurmJob {
  std::string partition;  ///< Empty: the cluster's default, as with all that follows.
  std::string time;       ///< As sbatch takes it.
  std::optional<std::uint32_t> cpus;
  std::string memory;
  std::string gpus;
  std::string account;
  std::string qos;

  bool operator==(const SlurmJob&) const = default;
};
BOOST_DESCRIBE_STRUCT(SlurmJob, (), (partition, time, cpus, memory, gpus, account, qos))

/// spread: on the machine that has fewest attempts of this run; sticky: on one that has made an attempt of this run.
BOOST_DEFINE_ENUM_CLASS(PlaceRule, any, spread, sticky)

/// Where attempts of a node are made: on a worker that has all these labels, or as a job of a cluster.
struct Placement {
  std::map<std::string, std::string> labels;  ///< All of them; empty value: a label of that name.
  std::map<std::string, std::string> prefer;  ///< As many of them as can be had.
  std::uint32_t slots = 1;
  PlaceRule rule = PlaceRule::any;
  std::optional<SlurmJob> slurm;

  bool operator==(const Placement&) const = default;
};
BOOST_DESCRIBE_STRUCT(Placement, (), (labels, prefer, slots, rule, slurm))

/// Which attempt of which loop a node is.
struct LoopPlace {
  std::string loop;
  std::uint32_t attempt = 1;
  std::uint32_t of = 1;

  bool operator==(const LoopPlace&) const = default;
};
BOOST_DESCRIBE_STRUCT(LoopPlace, (), (loop, attempt, of))

/// One node over a list.
struct MapSpec {
  Json for_each;                             ///< Template: a JSON array, or text that holds one, or text of lines.
  std::uint32_t parallel = 0;                ///< Items in flight; 0: as many as the run allows.
  std::optional<std::uint32_t> min_success;  ///< Items that must succeed; absent: all.

  bool operator==(const MapSpec&) const = default;
};
BOOST_DESCRIBE_STRUCT(MapSpec, (), (for_each, parallel, min_success))

/// What may be spent; absent: no limit.
struct Budget {
  std::optional<MicroUsd> node;  ///< One node, or one item of a map, with all its attempts.
  std::optional<MicroUsd> run;
  std::optional<MicroUsd> workflow;  ///< All runs of the workflow in this store.
  std::optional<MicroUsd> day;       ///< The same, on one day (UTC).
  bool pause = false;                ///< Once it is exhausted the run pauses; else it fails.

  bool operator==(const Budget&) const = default;
};
BOOST_DESCRIBE_STRUCT(Budget, (), (node, run, workflow, day, pause))

struct PlanNode {
  NodeId id;
  std::string tool;  ///< model_call, file_read, file_write, script_run, git_commit, checkpoint.
  Json input;        ///< Template; null if the author gave none.
  Json parameters;   ///< An object, never templated.
  std::map<std::string, std::string> outputs;  ///< model_call: key -> file the text is written to.
  std::string provider;
  std::string model;
  std::optional<std::string> complexity;  ///< model_call: simple, moderate, complex, critical; for presets.
  std::string cwd;
  Effect effect = Effect::repeatable;
  RetryPolicy retry;
  std::optional<std::uint32_t> repairs;  ///< model_call with a schema: attempts that ask to mend a reply; absent: none.
  std::optional<Millis> start_to_close;  ///< Longest time of one attempt, from its start.
  std::optional<Millis> queue_timeout;   ///< Longest wait of one attempt for a slot.
  std::optional<Millis> schedule_to_close;  ///< From when it may first start to its end, all attempts and waits.
  OnError on_error = OnError::fail;
  Permission permission = Permission::always;
  bool granted = false;                    ///< The author wrote `always`.
  std::optional<std::uint32_t> approvals;  ///< Different people who must approve; absent: one, if any is asked.
  std::optional<std::string> data;         ///< Class of what it gives, if that is more than what it gets.
  std::optional<std::string> clearance;    ///< The highest class that it may get.
  bool asks_release = false;               ///< A person may let it have data beyond a clearance.
  std::optional<Sandbox> sandbox;          ///< script_run; absent: the standard one.
  std::optional<Placement> placement;      ///< Absent: the host itself.
  std::vector<std::string> files_in;       ///< Patterns of files of the workspace that go with an attempt elsewhere,
  std::vector<std::string> files_out;      ///< and that come back from a success.
  std::optional<Condition> when;           ///< False: skipped; dependents see an empty result.
  std::optional<Condition> skip_if;        ///< True: skipped.
  std::optional<NodeIndex> stands_for;     ///< Skipped loop attempt: its result is this node's (the attempt before).
  std::optional<LoopPlace> loop;
  std::optional<MapSpec> map;
  bool checkpoint = false;              ///< `state.checkpoints` names it.
  std::string lane;                     ///< Nodes of one lane never overlap (singleClient); empty: no lane.
  std::vector<Test> tests;              ///< Asked of this node's result by conditions elsewhere; the same list for
                                        ///< every attempt of a loop, so that a skipped one inherits the verdicts.
  std::vector<std::string> sources;     ///< Ids of nodes whose results the templates name.
  std::vector<NodeIndex> predecessors;  ///< Without duplicates, ascending.
  std::vector<NodeIndex> successors;    ///< Without duplicates, ascending.

  bool operator==(const PlanNode&) const = default;
};
BOOST_DESCRIBE_STRUCT(PlanNode, (),
                      (id, tool, input, parameters, outputs, provider, model, complexity, cwd, effect, retry, repairs,
                       start_to_close, queue_timeout, schedule_to_close, on_error, permission, granted, approvals, data,
                       clearance, asks_release, sandbox, placement, files_in, files_out, when, skip_if, stands_for,
                       loop, map, checkpoint, lane, tests, sources, predecessors, successors))

struct PlanLoop {
  std::string id;
  std::uint32_t attempts = 1;
  bool fail_when_exhausted = false;
  Condition met;                  ///< On the last attempt's nodes.
  std::vector<NodeIndex> judges;  ///< The last attempt's condition nodes: when all ended, the loop is over.

  bool operator==(const PlanLoop&) const = default;
};
BOOST_DESCRIBE_STRUCT(PlanLoop, (), (id, attempts, fail_when_exhausted, met, judges))

BOOST_DEFINE_ENUM_CLASS(InputType, string, integer, number, boolean, array, object, any)
struct InputSpec {
  std::string name;
  InputType type = InputType::any;
  std::optional<Json> fallback;  ///< Absent: the input is required.
  std::string description;
  std::optional<std::string> data;  ///< Class of what is given.

  bool operator==(const InputSpec&) const = default;
};
BOOST_DESCRIBE_STRUCT(InputSpec, (), (name, type, fallback, description, data))

/// A workflow that nodes run as a run of its own, as it was when this plan was compiled.
struct ChildWorkflow {
  std::string file;  ///< As the nodes of all plans here name it: from the folder of the outermost workflow's file.
  std::string path;  ///< Where it was found.
  std::string text;
  std::string plan;  ///< to_text of its plan, without the workflows that it runs itself: those are here, too.
  std::optional<MicroUsd> budget;  ///< What it says that one run of it may cost.

  bool operator==(const ChildWorkflow&) const = default;
};
BOOST_DESCRIBE_STRUCT(ChildWorkflow, (), (file, path, text, plan, budget))

struct Plan {
  WorkflowId workflow;
  std::uint32_t max_concurrency = 4;
  std::vector<PlanNode> nodes;
  std::vector<PlanLoop> loops;
  std::vector<InputSpec> inputs;
  std::vector<std::string> file_access;      ///< Folders beyond the workspace that the author asks for.
  std::map<std::string, std::string> files;  ///< Pattern of paths -> class of the data in them.
  Json model_config;                         ///< As written; providers read their parts.
  Json provider_config;
  std::optional<Budget> budget;  ///< Of model_config.
  std::vector<EntryPoint> entry_points;
  std::vector<ChildWorkflow> children;

  bool operator==(const Plan&) const = default;
};
BOOST_DESCRIBE_STRUCT(Plan, (),
                      (workflow, max_concurrency, nodes, loops, inputs, file_access, files, model_config,
                       provider_config, budget, entry_points, children))

/// Canonical JSON of the plan: what is hashed and stored.
std::string to_text(const Plan& plan);
Result<Plan> plan_from_text(std::string_view text);

}  // namespace hillstar::workflow
