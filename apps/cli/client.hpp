// SPDX-License-Identifier: Apache-2.0
// The engine as a command sees it: in this process (the host of the store), or joined over the host's socket.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/engine.hpp"
#include "apps/cli/questions.hpp"
#include "messages/error.hpp"
#include "messages/events.hpp"
#include "messages/ids.hpp"

namespace hillstar::cli {

/// Where a new run leaves an old one.
struct ForkPoint {
  std::optional<std::string> from;  ///< This node runs again, with all that depends on it.
  std::optional<std::uint64_t> at;  ///< What happened up to this event counts; absent: all that did.
  std::vector<std::string> set;     ///< NODE.PATH=VALUE: changes of results that are taken over.
};
BOOST_DESCRIBE_STRUCT(ForkPoint, (), (from, at, set))

/// How a service, which has the old run, takes the results over that a job begins with. At most one of the first three.
struct TakenThere {
  std::optional<ForkPoint> fork;    ///< Of the job's parent.
  std::optional<Json> resume_from;  ///< A checkpoint: its node, or what its file says.
  std::optional<std::string> node;  ///< This node alone.
  std::optional<RunId> from_run;    ///< With it: results of the nodes before,
  std::vector<std::string> set;     ///< and changes of them, NODE.PATH=VALUE.
};

/// A run to start, as it crosses the socket. The environment is kept in memory only.
struct StartJob {
  std::vector<std::string> allow_paths;
  std::vector<std::string> environment;
  std::vector<NodeInherited> inherited;  ///< Strings of any size; the host puts large ones aside as blobs.
  bool air_gapped = false;               ///< As StartRun's.
  Json inputs;
  std::string output_dir;
  std::optional<Origin> parent;
  std::string plan;                                   ///< workflow::to_text of the plan.
  std::shared_ptr<const workflow::Plan> shared_plan;  ///< The same, for an engine in this process; may be null.
  std::optional<std::uint32_t> priority;              ///< As StartRun's.
  std::map<std::string, std::string> labels = {};     ///< As RunStarted's, as the next two.
  std::optional<std::string> correlation = {};
  std::optional<UtcTime> deadline = {};
  std::optional<Isolation> isolation = {};
  std::optional<std::string> state_stream = {};
  std::vector<StateCell> cells = {};  ///< As StartRun's.
  std::optional<RunId> run;           ///< Chosen by the terminal, so that asking again cannot start a second one.
  std::string started_by;
  std::string workflow_file;
  std::string workflow_text;
  std::string workspace;
  std::optional<TakenThere> taken_there = {};  ///< For services alone: what `inherited` says to the others.
};
BOOST_DESCRIBE_STRUCT(StartJob, (),
                      (air_gapped, allow_paths, cells, correlation, deadline, environment, inherited, inputs, isolation,
                       labels, output_dir, parent, plan, priority, run, started_by, state_stream, workflow_file,
                       workflow_text, workspace))

BOOST_DEFINE_ENUM_CLASS(WordKind, cancel, pause, resume, answer, settle, signal, input)

/// What a person tells a run.
struct Word {
  WordKind kind = WordKind::cancel;
  bool yes = false;                   ///< answer: approved. pause: stop what runs, too. settle: run again.
  std::uint32_t node = 0;             ///< answer, settle: index in the plan.
  std::optional<std::uint32_t> item;  ///< settle.
  std::string who;
  std::string reason;
  std::optional<MicroUsd> budget = {};   ///< resume: what the run may cost from now on, in all.
  std::optional<std::string> name = {};  ///< signal: its name; input: the request.
  std::optional<std::string> key = {};   ///< signal.
  std::optional<Json> value = {};        ///< signal, input; absent: null.
};
BOOST_DESCRIBE_STRUCT(Word, (), (kind, yes, node, item, who, reason, budget, name, key, value))

/// As AskState.
struct StateAsk {
  StateRequest request;
  std::string stream;
  std::string who;
};
BOOST_DESCRIBE_STRUCT(StateAsk, (), (request, stream, who))

/// The host is not there any more, whether or not it has taken the call.
inline bool is_host_gone(const Error& error) {
  return error.code == Errc::host_unreachable || error.code == Errc::host_closed;
}

/// Calls block until their facts are durable, and may come from any thread. When the host is gone they end with
/// host_closed (it never took the call) or host_unreachable (it may have).
class Client {
 public:
  virtual ~Client() = default;

  virtual Result<RunId> start(const StartJob& job) = 0;
  /// As Engine::follow; the callback runs on a thread of the client. After FeedCut nothing follows.
  virtual Result<std::uint64_t> follow(const RunId& run, std::uint64_t from_seq, FeedCallback callback) = 0;
  virtual void unfollow(std::uint64_t ticket) = 0;
  /// Returns the facts that it led to; empty: it had no effect.
  virtual Result<std::vector<Event>> tell(const RunId& run, const Word& word) = 0;
  virtual Result<void> set_environment(const RunId& run, const std::vector<std::string>& environment) = 0;
  /// As Engine::ask_state.
  virtual Result<Json> ask_state(const StateAsk& ask) = 0;
  /// Runs without an end that the host has in hand: it goes on with them.
  virtual Result<std::vector<RunId>> live_runs() = 0;
  /// About streams, and about the store as a whole.
  virtual Result<Json> ask(const Question& question) = 0;
};

}  // namespace hillstar::cli
