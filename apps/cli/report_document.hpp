// SPDX-License-Identifier: Apache-2.0
// A run as it is told to a reader: what a report says, before it is Markdown or HTML. Data only.
//
// Secrets are masked in every text; nothing is escaped yet, which is the business of whoever prints it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/cli/report.hpp"
#include "messages/events.hpp"
#include "messages/units.hpp"
#include "runtime/policy/redaction.hpp"
#include "runtime/policy/routes.hpp"

namespace hillstar::cli::doc {

/// Of one text; the rest is cut, and the hash of all of it stands in its place.
inline constexpr std::size_t kTextBytesMax = 16 * 1024;
/// A rendered input beyond this size is not made for a report.
inline constexpr std::uint64_t kRenderBytesMax = 8U << 20U;
/// Of all texts together; later ones are left out.
inline constexpr std::size_t kAllTextBytesMax = 24U << 20U;
/// Items of one map that are told one by one: so many from the front, and so many that failed.
inline constexpr std::uint32_t kItemsMax = 20;
/// Lines of the timeline, and entries of any other list.
inline constexpr std::size_t kListedMax = 1000;

struct Text {
  std::string label;
  std::string text;         ///< The beginning, if it is cut.
  std::uint64_t bytes = 0;  ///< All of it,
  std::string sha256;       ///< as it is kept; empty: not cut.
  std::string left_out;     ///< Why it is not here at all.
};

struct Attempt {
  std::uint32_t number = 1;
  UtcTime from;
  std::optional<UtcTime> to;  ///< Absent: it has no end yet.
  std::string end;            ///< `completed`, `rate_limited`, `lost`, `stopped`; `running` without an end.
  std::string message;        ///< Of a failure.
  std::string provider;
  std::string asked;        ///< The model that was asked for,
  std::string model;        ///< and as the provider reported it, else the same.
  std::string fingerprint;  ///< Of the model's version, as reported.
  std::string request_id;
  std::string finish;
  std::optional<Usage> usage;
  std::optional<MicroUsd> reserved;
};

/// A plain node, a map as a whole, or one item of it.
struct Unit {
  std::string name;
  std::vector<Attempt> attempts;
  std::vector<Text> texts;
  std::string note;  ///< Such as that its result was taken over.
};

struct Node {
  std::string id;
  std::string tool;
  std::string provider;
  std::string model;
  std::string persona;
  std::string status;
  std::string remark;  ///< Failure, items, loop.
  std::string choice;  ///< Why its model was chosen.
  Millis time{0};      ///< In all attempts, those of items included.
  std::uint64_t attempts = 0;
  std::uint64_t tokens = 0;
  MicroUsd cost;
  MicroUsd reserved;  ///< The most that its calls could cost.
  std::vector<NodeIndex> successors;
  std::vector<Unit> units;
  std::uint64_t items_left_out = 0;
};

struct ModelUse {
  std::string provider;
  std::string asked;
  std::string model;
  std::string fingerprint;
  std::uint64_t calls = 0;
  std::uint64_t unanswered = 0;  ///< Of them.
  std::uint64_t input_tokens = 0;
  std::uint64_t output_tokens = 0;
  MicroUsd cost;
  MicroUsd reserved;
};

struct Moment {
  std::uint64_t seq = 0;
  UtcTime at;
  std::string text;
};

struct Answer {
  UtcTime at;
  std::string who;
  bool approved = false;
  std::string reason;
};
struct Approval {
  std::string node;
  UtcTime at;
  std::string prompt;
  std::uint32_t needed = 1;
  std::string release;  ///< What data they let go, and where to; empty: none.
  std::vector<Answer> answers;
};

struct Retry {
  std::string unit;
  std::uint32_t attempt = 1;  ///< The one that failed.
  UtcTime at;
  std::string why;
  std::string next;  ///< What followed.
};

/// Nothing started in it.
struct Pause {
  UtcTime from;
  std::optional<UtcTime> to;
};

struct Document {
  std::string generator;  ///< The program that wrote the report,
  UtcTime generated;      ///< and when.
  std::string run;
  std::string workflow;
  std::string workflow_file;
  std::string description;
  std::string status;
  std::string reason;
  std::string engine;
  std::string started_by;
  std::string workspace;
  std::string inputs;  ///< JSON.
  std::string parent;  ///< Of a fork.
  std::string mode;    ///< By which models are chosen; empty: nodes name them.
  bool air_gapped = false;
  UtcTime started;
  UtcTime updated;
  std::uint32_t nodes_done = 0;
  std::uint32_t nodes_failed = 0;
  std::uint64_t tokens = 0;
  MicroUsd cost;
  std::optional<MicroUsd> unsettled;
  std::string workflow_sha256;
  std::string plan_sha256;
  std::string rules_sha256;
  std::vector<std::string> rules;   ///< What they say, in words.
  std::vector<std::string> budget;  ///< Limits, in words.
  std::vector<std::string> endpoints;
  std::uint64_t head_seq = 0;
  std::string head_hash;
  std::string drawing;  ///< Mermaid; empty: too large to draw.
  std::vector<Node> nodes;
  std::vector<ModelUse> models;
  std::vector<Moment> timeline;
  std::uint64_t timeline_left_out = 0;
  std::vector<Approval> approvals;
  std::vector<Retry> retries;
  std::vector<Pause> pauses;
  std::vector<std::pair<std::string, Text>> results;  ///< By node: what the run produced.
};

/// What besides its history a report is made from.
struct Sources {
  const persistence::EventStore& store;
  policy::Redactor redactor;
  UtcTime now;
};

/// Errors: those of reading the store.
Result<Document> document_of(const StoredRun& stored, const Sources& sources);

/// One paragraph for the methods section of a paper.
std::string methods(const Document& document);

std::string to_markdown(const Document& document);
/// One page that needs nothing else: no script, no network.
std::string to_html(const Document& document);

/// Largest drawings; beyond them the tables must do.
inline constexpr std::size_t kGraphNodesMax = 300;
inline constexpr std::size_t kGraphEdgesMax = 1500;
inline constexpr std::size_t kTimelineRowsMax = 200;
/// `<svg>` elements with classes that the page gives colours; empty where there is nothing to draw, or too much.
std::string graph_svg(const Document& document);
std::string timeline_svg(const Document& document);

/// For text and attributes of HTML: markup is text, control characters and direction marks can be seen.
std::string html_text(std::string_view text);
/// `2026-11-22 03:04:05.678Z`.
std::string exact_time(UtcTime time);
/// `12,345`.
std::string grouped(std::uint64_t number);
/// `12,345 of 67,890 bytes; sha256 of all of it: ...`, or why it is not there; empty if it is all there.
std::string cut_remark(const Text& text);

}  // namespace hillstar::cli::doc
