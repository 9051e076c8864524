// SPDX-License-Identifier: Apache-2.0
// A tool: code that a node runs on this machine. Plain blocking functions, no actor in sight.
//
// run() may block for as long as the attempt may last; it is called on a thread of its own, never on the actor
// scheduler. It looks at `cancel` (or waits on its descriptor) and returns soon after it is set.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"
#include "messages/failure.hpp"
#include "messages/json.hpp"
#include "messages/units.hpp"
#include "messages/value.hpp"
#include "runtime/policy/redaction.hpp"
#include "runtime/policy/rules.hpp"
#include "runtime/workflow/plan.hpp"
#include "runtime/workflow/references.hpp"

namespace hillstar::tools {

/// Of a run, where nobody says otherwise.
inline constexpr std::uint32_t kPriorityDefault = 10;
inline constexpr std::uint32_t kPriorityMax = 100;

/// What all nodes of one run share. Immutable, shared by the run's actors.
struct RunContext {
  std::string run;                            ///< Run id.
  std::string workflow;                       ///< Workflow id.
  std::string workspace;                      ///< Absolute; relative paths start here.
  std::string output_dir;                     ///< Absolute; empty: the run writes no Hillstar files.
  std::string step;                           ///< Hillstar's step number (`04` of `step_04_x`), or empty.
  std::vector<std::string> allow_paths;       ///< Absolute folders beyond the workspace that file tools may use.
  std::vector<std::string> environment;       ///< `NAME=value` of the person who started the run. Never logged.
  std::uint32_t priority = kPriorityDefault;  ///< 1 to 100: turns of its model calls, against other runs.
  policy::Redactor redactor;  ///< Of the secrets in `environment`: for everything that leaves an attempt.
  bool air_gapped = false;    ///< It may talk to declared endpoints only, and its scripts to nobody.
  std::shared_ptr<const policy::Rules> rules;  ///< Of whoever runs it. Null: nobody gave any.
  Isolation isolation = Isolation::isolated;   ///< The shared state that it sees.
  std::string state_stream;                    ///< The stream whose state that is; empty: none.
  std::string trace;                           ///< W3C traceparent of the run's own span; empty: it is not traced.
};

/// Set once, from any thread; a tool that blocks waits on `descriptor` beside its own (readable once cancelled).
class CancelFlag {
 public:
  CancelFlag() = default;
  CancelFlag(const CancelFlag&) = delete;
  CancelFlag& operator=(const CancelFlag&) = delete;
  void set() { asked_.ring(); }
  /// There is no time left in which it could end by itself; for one that was cancelled before.
  void end_now() { now_.ring(); }
  [[nodiscard]] bool is_set() const { return asked_.has_rung(); }
  /// An eventfd; created on first use.
  int descriptor() { return asked_.descriptor(); }
  /// The same for end_now.
  int now_descriptor() { return now_.descriptor(); }

 private:
  class Bell {
   public:
    Bell() = default;
    ~Bell();
    Bell(const Bell&) = delete;
    Bell& operator=(const Bell&) = delete;
    void ring();
    [[nodiscard]] bool has_rung() const { return rung_.load(std::memory_order_acquire); }
    int descriptor();

   private:
    std::atomic<bool> rung_{false};
    std::atomic<int> descriptor_{-1};
  };
  Bell asked_;
  Bell now_;
};

/// One attempt.
struct ToolCall {
  std::string tool;
  std::string node;  ///< Node id, with `[3]` behind it for an item of a map.
  std::uint32_t attempt = 1;
  std::string idempotency_key;  ///< `run/node`: the same for every attempt.
  std::string attempt_key;      ///< `run/node/attempt`.
  workflow::Rendered input;
  Json parameters;                           ///< An object.
  std::string cwd;                           ///< As written; empty: the workspace.
  std::optional<workflow::Sandbox> sandbox;  ///< Absent: the standard one.
  std::optional<Millis> start_to_close;
  std::string trace;  ///< W3C traceparent of the attempt's own span; empty: it is not traced.
};

struct ToolContext {
  std::shared_ptr<const RunContext> run;
  CancelFlag* cancel = nullptr;  ///< Never null.
  std::function<std::unique_ptr<BlobSink>()> new_blob;
  /// A line or piece of output for live display; may be empty. Not stored.
  std::function<void(std::string_view)> progress;
};

/// How an attempt ended. Not cancelled and without failure: it succeeded.
struct ToolReply {
  Value result;  ///< Hillstar's result object, e.g. {"output", "error", "return_code"}.
  std::optional<Failure> failure;
  bool cancelled = false;
  std::optional<Json> detail = {};  ///< For the history, beside the result: an object.
};

using Tool = std::function<ToolReply(const ToolCall&, const ToolContext&)>;

struct ToolEntry {
  Tool run;
  /// False: returns at once (memory only), so it may run on the actor scheduler. Such tools exist in benchmarks.
  bool blocks = true;
};

/// Name -> tool. A value: the engine is given one; benchmarks and embedding programs add their own.
using Catalog = std::map<std::string, ToolEntry>;

/// file_read, file_write, script_run, git_commit.
Catalog standard_catalog();

}  // namespace hillstar::tools
