// SPDX-License-Identifier: Apache-2.0
// What crosses the host's socket: one JSON object per line, both ways. Pure.
//
//   terminal -> host   {"id":1,"method":"hello","params":{"pid":4711,"protocol":2,"version":"0.1.0"}}
//   host -> terminal   {"reply":{"id":1,"result":{...}}}   {"reply":{"error":{...},"id":2}}
//                      {"feed":{"record":"{...}","ticket":3}}   a durable event; the ticket is the id of `follow`
//                      {"feed":{"progress":{...},"ticket":3}}   a piece of output, live only
//                      {"bye":true}           what was not answered was not taken; the host ends
//                      {"feed":{"cut":true,"ticket":3}}         too slow: follow again from the last event seen
// Methods: hello (first, once), start, follow, unfollow, tell, environment, state, live, ask.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/engine.hpp"
#include "apps/cli/client.hpp"

namespace hillstar::cli {

inline constexpr std::uint32_t kProtocolVersion = 2;
/// Longest line either side takes.
inline constexpr std::size_t kLineBytesMax = 64U << 20U;
/// Terminals a host serves at once.
inline constexpr std::size_t kTerminalsMax = 64;
/// Bytes a host keeps for one slow terminal before its feeds are cut.
inline constexpr std::size_t kPendingBytesMax = 16U << 20U;
/// Feeds of one terminal.
inline constexpr std::size_t kFeedsMax = 64;

struct Hello {
  std::int64_t pid = 0;
  std::uint32_t protocol = kProtocolVersion;
  std::string version;
};
BOOST_DESCRIBE_STRUCT(Hello, (), (pid, protocol, version))

struct FollowCall {
  std::uint64_t from_seq = 1;
  RunId run;
};
BOOST_DESCRIBE_STRUCT(FollowCall, (), (from_seq, run))

struct UnfollowCall {
  std::uint64_t ticket = 0;
};
BOOST_DESCRIBE_STRUCT(UnfollowCall, (), (ticket))

struct TellCall {
  RunId run;
  Word word;
};
BOOST_DESCRIBE_STRUCT(TellCall, (), (run, word))

struct EnvironmentCall {
  std::vector<std::string> environment;
  RunId run;
};
BOOST_DESCRIBE_STRUCT(EnvironmentCall, (), (environment, run))

struct Call {
  std::uint64_t id = 0;
  std::string method;
  Json params;
};
BOOST_DESCRIBE_STRUCT(Call, (), (id, method, params))

struct WireError {
  std::uint16_t code = 0;
  std::string hint;
  std::string message;
  std::string where;
};
BOOST_DESCRIBE_STRUCT(WireError, (), (code, hint, message, where))
/// What a terminal is told that speaks another one.
Error other_protocol(const std::string& theirs);
WireError to_wire(const Error& error);
Error from_wire(const WireError& error);

struct Reply {
  std::optional<WireError> error;
  std::uint64_t id = 0;
  std::optional<Json> result;
};
BOOST_DESCRIBE_STRUCT(Reply, (), (error, id, result))

struct WireProgress {
  std::uint32_t attempt = 1;
  std::uint64_t end = 0;
  std::optional<std::uint32_t> item;
  NodeId node;
  std::uint64_t offset = 0;
  std::string text;
};
BOOST_DESCRIBE_STRUCT(WireProgress, (), (attempt, end, item, node, offset, text))

struct FeedLine {
  bool cut = false;
  std::optional<WireError> parked;
  std::optional<WireProgress> progress;
  std::optional<std::string> record;  ///< A record's line as in the log (persistence/event_codec.hpp).
  std::uint64_t ticket = 0;
};
BOOST_DESCRIBE_STRUCT(FeedLine, (), (cut, parked, progress, record, ticket))

/// One member is set.
struct HostLine {
  bool bye = false;
  std::optional<FeedLine> feed;
  std::optional<Reply> reply;
};
BOOST_DESCRIBE_STRUCT(HostLine, (), (bye, feed, reply))

/// All end in a newline, and hold no other.
std::string encode_call(std::uint64_t id, std::string_view method, const Json& params);
std::string encode_reply(std::uint64_t id, const Result<Json>& result);
std::string encode_feed(std::uint64_t ticket, const FeedItem& item);
std::string encode_bye();

/// host_protocol if the line is none.
Result<Call> decode_call(std::string_view line);
Result<HostLine> decode_host_line(std::string_view line);
Result<FeedItem> decode_feed(const FeedLine& feed, const RunId& run);

/// Events without a place in a history: the answer to `tell`.
Json events_to_json(const RunId& run, const std::vector<Event>& events);
Result<std::vector<Event>> events_from_json(const RunId& run, const Json& json);

/// The record line of an event, as in exports.
std::string record_line(const RunId& run, const Recorded& recorded);

}  // namespace hillstar::cli
