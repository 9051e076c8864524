// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/protocol.hpp"

#include "messages/json_codec.hpp"
#include "persistence/event_codec.hpp"

namespace hillstar::cli {
namespace {

template <class T>
std::string to_line(const T& value) {
  std::string line = json::to_text(value);
  line += '\n';
  return line;
}

template <class T>
Result<T> from_line(std::string_view line) {
  const auto fail = [](const Error& error) {
    return Error{Errc::host_protocol, "The other side sent a line that is none of this protocol: " + error.message,
                 error.where, "Both terminals should run the same version of hillstar-actors."};
  };
  auto value = json::parse(line, {.bytes_max = kLineBytesMax, .depth_max = 256});
  if (!value) return fail(value.error());
  auto read = json::read<T>(*value);
  if (!read) return fail(read.error());
  return read;
}

}  // namespace

Error other_protocol(const std::string& theirs) {
  return {
      Errc::host_protocol,
      "The host of this store speaks protocol " + std::to_string(kProtocolVersion) + ", this terminal " + theirs + ".",
      {},
      "Use the same version of hillstar-actors in all terminals, or wait until the host ends."};
}

WireError to_wire(const Error& error) {
  return {static_cast<std::uint16_t>(error.code), json::to_utf8(error.hint), json::to_utf8(error.message),
          json::to_utf8(error.where)};
}

Error from_wire(const WireError& error) {
  return {static_cast<Errc>(error.code), error.message, error.where, error.hint};
}

std::string encode_call(std::uint64_t id, std::string_view method, const Json& params) {
  return to_line(Call{id, std::string(method), params});
}

std::string encode_reply(std::uint64_t id, const Result<Json>& result) {
  Reply reply;
  reply.id = id;
  if (result)
    reply.result = *result;
  else
    reply.error = to_wire(result.error());
  return to_line(HostLine{false, std::nullopt, std::move(reply)});
}

std::string encode_feed(std::uint64_t ticket, const FeedItem& item) {
  FeedLine feed;
  feed.ticket = ticket;
  if (const auto* event = std::get_if<FeedEvent>(&item))
    feed.record = record_line(event->run, event->recorded);
  else if (const auto* piece = std::get_if<Progress>(&item))
    feed.progress =
        WireProgress{piece->attempt, piece->end, piece->item, piece->node, piece->offset, json::to_utf8(piece->text)};
  else if (const auto* parked = std::get_if<RunParked>(&item))
    feed.parked = to_wire(parked->error);
  else
    feed.cut = true;
  return to_line(HostLine{false, std::move(feed), std::nullopt});
}

std::string encode_bye() { return to_line(HostLine{true, std::nullopt, std::nullopt}); }

Result<Call> decode_call(std::string_view line) { return from_line<Call>(line); }

Result<HostLine> decode_host_line(std::string_view line) {
  HILLSTAR_TRY(auto decoded, from_line<HostLine>(line));
  if (int{decoded.bye} + int{decoded.feed.has_value()} + int{decoded.reply.has_value()} != 1)
    return Error{Errc::host_protocol, "A line of the host holds a reply, a feed item or its last word."};
  return decoded;
}

Result<FeedItem> decode_feed(const FeedLine& feed, const RunId& run) {
  if (feed.cut) return FeedItem(FeedCut{run});
  if (feed.parked) return FeedItem(RunParked{run, from_wire(*feed.parked)});
  if (feed.progress)
    return FeedItem(Progress{run, feed.progress->node, feed.progress->item, feed.progress->attempt, feed.progress->text,
                             feed.progress->offset, feed.progress->end});
  if (!feed.record) return Error{Errc::host_protocol, "A feed item of the host is empty."};
  HILLSTAR_TRY(auto recorded, persistence::decode(*feed.record, run));
  return FeedItem(FeedEvent{run, std::move(recorded)});
}

Json events_to_json(const RunId& run, const std::vector<Event>& events) {
  std::vector<std::string> lines;
  for (const auto& event : events) lines.push_back(record_line(run, {1, {}, event}));
  return Json::from_canonical(json::to_text(lines));
}

Result<std::vector<Event>> events_from_json(const RunId& run, const Json& json) {
  HILLSTAR_TRY(const auto lines, json::read<std::vector<std::string>>(json.value()));
  std::vector<Event> events;
  for (const auto& line : lines) {
    HILLSTAR_TRY(auto recorded, persistence::decode(line, run));
    events.push_back(std::move(recorded.event));
  }
  return events;
}

std::string record_line(const RunId& run, const Recorded& recorded) {
  return persistence::encode(run, recorded.seq, recorded.at, recorded.event, {}).line;
}

}  // namespace hillstar::cli
