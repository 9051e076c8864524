// SPDX-License-Identifier: Apache-2.0
// Attempts and outcomes as they cross machines: the same messages that actors of one machine send each other, as JSON.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/services.hpp"
#include "actors/wire/wire.hpp"
#include "messages/frame.hpp"
#include "messages/json_codec.hpp"
#include "messages/remote.hpp"

namespace hillstar::actors {

/// Orders and reports that are larger travel as blobs.
inline constexpr std::size_t kFrameOrderMax = 256U * 1024;

template <class Body>
Frame frame_of(FrameKind kind, const Body& body, std::string bytes = {}) {
  return {kProtocol, kind, json::to_text(body), std::move(bytes)};
}
/// What the frame says. host_protocol if it is not of that shape.
template <class Body>
Result<Body> body_of(const Frame& frame) {
  const auto tree = json::parse(frame.json);
  if (!tree) return Error{Errc::host_protocol, "a frame does not hold JSON", {}, {}};
  return json::read<Body>(*tree);
}

template <class Body>
Result<Body> body_of(const wire::PeerFrame& frame) {
  return frame.said ? json::read<Body>(*frame.said) : body_of<Body>(frame.frame);
}
/// The attempt that it names, whatever else it says.
std::optional<std::string> key_in(const wire::PeerFrame& frame);

/// `run/node[item]/attempt`: names an attempt on all machines.
std::string key_of(const Attempt& attempt);

/// Everything that another machine needs to make the attempt, but for what it names by hash.
remote::Order order_of(const Attempt& attempt, UtcTime now, std::vector<remote::FileRef> files);
/// The attempt as the node actor of a worker takes it: with a context of the worker's own. Errors: host_protocol.
Result<Attempt> attempt_of(const remote::Order& order, UtcTime now, tools::RunContext context);
/// Hashes of the blobs that the order's values name.
std::vector<BlobRef> blobs_of(const remote::Order& order);

remote::Report report_of(const NodeOutcome& outcome);
/// Errors: host_protocol for what no honest worker says.
Result<NodeOutcome> outcome_of(const remote::Report& report, const AttemptRef& ref, const MadeBy& made_by);
std::vector<BlobRef> blobs_of(const remote::Report& report);
/// What the host knows to be secret is masked here, whatever the other machine knows.
void mask(NodeOutcome& outcome, const policy::Redactor& redactor);

/// A name for the files of an attempt: safe on any file system, the same for the same key, and no other's. It begins
/// with so many characters of the key at most, and ends with so many digits of its hash.
std::string file_name_of(const std::string& key, std::size_t characters, std::size_t digits);

}  // namespace hillstar::actors
