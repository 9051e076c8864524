// SPDX-License-Identifier: Apache-2.0
// What frames say, kind by kind. Every struct here is read strictly: an unknown member is an error of the peer.
//
// A newer program adds optional members only, and sends them only to peers whose protocol has them.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "messages/events.hpp"
#include "messages/units.hpp"
#include "messages/value.hpp"

namespace hillstar::remote {

/// Clocks that are further apart than this make records that nobody can trust.
inline constexpr Millis kClockSkewMax{3'600'000};

/// FrameKind::hello.
struct Hello {
  std::uint32_t protocol = 0;
  std::uint32_t oldest = 0;  ///< Protocols that the worker speaks: from this one on.
  std::string program;       ///< Version, such as 0.6.0.
  std::string session;       ///< Random; the same until the process ends, or stops what it makes.
  std::map<std::string, std::string> labels;
  std::uint32_t slots = 1;
  UtcTime clock;
  bool draining = false;
  std::vector<std::string> attempts;  ///< Keys of those that it makes, or whose end the host has not confirmed.
};
BOOST_DESCRIBE_STRUCT(Hello, (), (protocol, oldest, program, session, labels, slots, clock, draining, attempts))

/// FrameKind::welcome.
struct Welcome {
  std::uint32_t protocol = 0;  ///< What both speak from now on.
  std::string program;
  Millis beat{2'000};   ///< How often the worker says that it is there.
  Millis grace{8'000};  ///< So long after the last beat that was seen, the worker stops what it makes.
  /// Protocol 2: how often while it makes nothing. Absent: as else. Before it begins an attempt it then has a beat
  /// seen, so that `grace` counts from that one.
  std::optional<Millis> idle_beat;
};
BOOST_DESCRIBE_STRUCT(Welcome, (), (protocol, program, beat, grace, idle_beat))

/// FrameKind::refused.
struct Refused {
  std::string reason;
  std::string hint;
  bool for_good = false;  ///< Asking again would not help.
};
BOOST_DESCRIBE_STRUCT(Refused, (), (reason, hint, for_good))

/// FrameKind::beat and beat_seen (number only).
struct Beat {
  std::uint64_t number = 0;
  std::uint32_t attempts = 0;
  std::uint32_t load_percent = 0;  ///< Of all processors, over the last minute.
  std::uint64_t memory_free_bytes = 0;
  std::uint64_t disk_free_bytes = 0;
};
BOOST_DESCRIBE_STRUCT(Beat, (), (number, attempts, load_percent, memory_free_bytes, disk_free_bytes))

/// A file of the workspace.
struct FileRef {
  std::string path;  ///< Relative to the workspace.
  std::string sha256;
  std::uint64_t bytes = 0;
  bool executable = false;

  bool operator==(const FileRef&) const = default;
};
BOOST_DESCRIBE_STRUCT(FileRef, (), (path, sha256, bytes, executable))

struct OrderBinding {
  std::string source;
  Value result;
};
BOOST_DESCRIBE_STRUCT(OrderBinding, (), (source, result))

/// One attempt, whole: what it needs beside the blobs and files that it names.
struct Order {
  std::string run;
  std::string workflow;
  std::uint32_t node_index = 0;
  std::optional<std::uint32_t> item;
  std::uint32_t attempt = 1;
  Json node;  ///< As in the plan.
  std::vector<OrderBinding> bindings;
  std::optional<Value> item_value;
  Json inputs;
  std::optional<Reservation> call;
  std::optional<Value> rejected;
  std::uint32_t failed = 0;
  std::optional<Millis> time_left;  ///< Of the unit's whole time.
  Json model_config;
  Json provider_config;
  std::uint32_t priority = 10;
  bool air_gapped = false;
  std::optional<std::string> rules;  ///< Text of the host's rules. The worker's own hold besides.
  std::string step;
  std::string trace;
  std::vector<FileRef> files;
};
BOOST_DESCRIBE_STRUCT(Order, (),
                      (run, workflow, node_index, item, attempt, node, bindings, item_value, inputs, call, rejected,
                       failed, time_left, model_config, provider_config, priority, air_gapped, rules, step, trace,
                       files))

/// FrameKind::attempt. The order, or the blob that holds it if it is too large for a frame.
struct AttemptSent {
  std::string key;  ///< `run/node[item]/attempt`.
  std::optional<Order> order;
  std::optional<std::string> order_sha256;
  /// Protocol 3: what the worker shows to this host after a restart; a secret between the two.
  std::optional<std::string> claim;
};
BOOST_DESCRIBE_STRUCT(AttemptSent, (), (key, order, order_sha256, claim))

/// FrameKind::claims. Without one, an attempt that the host does not know to be this worker's is not its.
struct Claims {
  std::map<std::string, std::string> claims;  ///< By key of the attempt.
  bool last = true;                           ///< Else the next frame has more of them.
};
BOOST_DESCRIBE_STRUCT(Claims, (), (claims, last))

BOOST_DEFINE_ENUM_CLASS(Ending, succeeded, failed, lost, cancelled)

struct ReportConnection {
  std::string endpoint;
  std::optional<std::string> address;
  bool allowed = false;
  std::optional<std::string> failure;
};
BOOST_DESCRIBE_STRUCT(ReportConnection, (), (endpoint, address, allowed, failure))

/// How an attempt ended.
struct Report {
  Ending ending = Ending::lost;
  std::optional<Value> result;
  std::vector<bool> tests;
  std::optional<Usage> usage;
  std::optional<Json> detail;
  std::optional<Failure> failure;
  bool unsent = false;
  std::vector<ReportConnection> connections;
  std::vector<FileRef> files;  ///< Of a success: what files_out found.
};
BOOST_DESCRIBE_STRUCT(Report, (), (ending, result, tests, usage, detail, failure, unsent, connections, files))

/// FrameKind::outcome.
struct OutcomeTold {
  std::string key;
  std::optional<Report> report;
  std::optional<std::string> report_sha256;
};
BOOST_DESCRIBE_STRUCT(OutcomeTold, (), (key, report, report_sha256))

/// FrameKind::outcome_kept, and the attempt of `cancel`. `fenced`: its end is not wanted any more.
struct AttemptNamed {
  std::string key;
  bool fenced = false;
};
BOOST_DESCRIBE_STRUCT(AttemptNamed, (), (key, fenced))

/// FrameKind::ends_kept.
struct EndsKept {
  std::vector<std::string> keys;
};
BOOST_DESCRIBE_STRUCT(EndsKept, (), (keys))

/// FrameKind::progress.
struct Said {
  std::string key;
  std::string text;
};
BOOST_DESCRIBE_STRUCT(Said, (), (key, text))

/// FrameKind::blob_want: send it from byte `from` on, and no further than `upto` until that is said again.
struct BlobWant {
  std::string sha256;
  std::uint64_t from = 0;
  std::uint64_t upto = 0;
};
BOOST_DESCRIBE_STRUCT(BlobWant, (), (sha256, from, upto))

/// FrameKind::blob_chunk; the bytes stand beside it. FrameKind::blob_none: `reason`.
struct BlobPiece {
  std::string sha256;
  std::uint64_t from = 0;
  bool last = false;
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(BlobPiece, (), (sha256, from, last, reason))

/// FrameKind::renew.
struct RenewAsked {
  std::string request;  ///< PKCS#10, PEM.
};
BOOST_DESCRIBE_STRUCT(RenewAsked, (), (request))

/// FrameKind::renewed.
struct Renewed {
  std::string certificate;  ///< Leaf first; empty: there is none, for this reason.
  std::string reason;
  std::string hint;
};
BOOST_DESCRIBE_STRUCT(Renewed, (), (certificate, reason, hint))

/// FrameKind::log and drain.
struct Line {
  std::string text;
};
BOOST_DESCRIBE_STRUCT(Line, (), (text))

}  // namespace hillstar::remote
