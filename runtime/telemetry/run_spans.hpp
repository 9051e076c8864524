// SPDX-License-Identifier: Apache-2.0
// The spans of a run: a fold over its history. Pure, so that a live export, a restart and an export of a store that
// lies in an archive come to the same spans with the same ids.
//
//   run                       invoke_workflow <workflow>
//   +- attempt of a tool      execute_tool <tool>
//   +- attempt of a model     chat <model>
//   +- map as a whole         map <node>, above the attempts of its items
//   +- wait for somebody      wait <node>
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "messages/events.hpp"
#include "messages/value.hpp"
#include "runtime/policy/redaction.hpp"
#include "runtime/run/state.hpp"
#include "runtime/telemetry/span.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::telemetry {

struct SpanOptions {
  Sampler sampler;
  bool content = false;       ///< Prompts and replies, arguments and results too.
  bool older_names = false;   ///< cache_creation in place of cache_write.
  policy::Redactor redactor;  ///< For every text of theirs, and of errors.
  ReadBlob read_blob;         ///< For contents; empty: what lies in blobs is left out.
  /// Where another run stands in its trace, for links; empty: as if nobody had asked for it.
  std::function<RunTrace(const RunId&)> trace_of;
};

/// A plan, and where its nodes are; runs share it. Both null: it is not known.
struct SpanPlan {
  std::shared_ptr<const workflow::Plan> plan;
  std::shared_ptr<const run::PlanIndex> index;

  [[nodiscard]] const workflow::PlanNode* find(const NodeId& node) const;
};

/// Not thread-safe. Every span has an end; those that are open when the run ends, end with it.
class RunSpans {
 public:
  /// Of a plan that is not known, what would come from it is left out.
  RunSpans(RunId run, SpanPlan plan, std::shared_ptr<const SpanOptions> options);

  /// Folds the next event, and appends the spans that ended with it.
  void take(const Recorded& recorded, std::vector<Span>& ended);
  /// Sequence number of the last event that was folded.
  [[nodiscard]] std::uint64_t seq() const { return seq_; }
  [[nodiscard]] bool is_over() const { return over_; }
  [[nodiscard]] const TraceContext& context() const { return run_span_.context; }

 private:
  using Unit = std::pair<std::string, std::optional<std::uint32_t>>;
  struct Open {
    Span span;
    std::uint32_t attempt = 0;
  };
  struct Taker;
  friend struct Taker;

  void begin(const RunStarted& started, UtcTime at);
  void link_to(const Origin& origin, const char* kind);
  void end_run(const char* status, const Failure* failure, const std::string& reason);
  void note(std::string name, Attributes attributes);
  void note(Span& span, std::string name, Attributes attributes) const;

  void schedule(const NodeScheduled& event);
  void begin_wait(const NodeId& node, std::optional<std::uint32_t> item, const char* kind, Attributes attributes);
  void end_wait(const NodeId& node, std::optional<std::uint32_t> item);
  void end_map(const NodeId& node, const Failure* failure);
  void complete(const NodeCompleted& event);
  void fail(const NodeAttemptFailed& event);
  void fail_node(const NodeFailed& event);
  /// The attempt in flight, taken out; nothing if there is none of this number.
  std::optional<Span> close(const NodeId& node, std::optional<std::uint32_t> item, std::uint32_t attempt);
  void finish(Span span);

  [[nodiscard]] Span child(std::string span_id, std::string parent, std::string name) const;
  [[nodiscard]] std::string parent_of(const NodeId& node, std::optional<std::uint32_t> item) const;
  [[nodiscard]] std::string clean(std::string_view text) const;
  void set_error(Span& span, const Failure& failure) const;

  RunId run_;
  SpanPlan plan_;
  std::shared_ptr<const SpanOptions> options_;
  Span run_span_;
  std::map<Unit, Open> attempts_;
  std::map<Unit, Span> waits_;
  std::map<std::string, Span> maps_;
  std::map<Unit, std::uint32_t> waits_so_far_;
  UtcTime now_;
  std::uint64_t seq_ = 0;
  bool over_ = false;
  std::vector<Span>* ended_ = nullptr;  ///< Of the call of take() under way.
};

}  // namespace hillstar::telemetry
