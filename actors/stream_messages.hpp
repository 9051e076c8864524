// SPDX-License-Identifier: Apache-2.0
// What the messages to and from streams hold. Include actors/handles.hpp, which says who sends them to whom.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/engine.hpp"
#include "actors/handles.hpp"
#include "actors/reply.hpp"
#include "runtime/stream/stream.hpp"

namespace hillstar::actors {

struct OpenStreams {
  Supervisor supervisor;
};
struct OfferRun {
  std::shared_ptr<TriggerRun> trigger;
  Reply<Accepted> reply;
};
struct OfferAnswered {
  RunId run;
  std::optional<Error> refused;
};
struct CallerOver {
  std::uint64_t caller = 0;
};
/// A run of the stream has changed what it is to the stream, or has ended.
struct RunMoved {
  RunId run;
  std::string stream;
  stream::Phase phase = stream::Phase::moving;
  bool ended = false;
};
/// A fact that somebody wants recorded: StreamHeld, StreamReleased, StreamRemoved, TimerFired, CursorMoved.
struct TellStream {
  std::string stream;
  Event fact;
  Reply<bool> reply;
};
struct DeclareRequest {
  std::shared_ptr<DeclareStream> request;
  Reply<StreamStatus> reply;
};
struct ListStreams {
  Reply<std::vector<StreamStatus>> reply;
};
struct AskStatus {
  std::uint64_t question = 0;
};
struct StreamTold {
  std::uint64_t question = 0;
  StreamStatus status;
};
struct LeaveStream {};
/// An event started no run: its chain is at its depth.
struct EndChain {
  std::string stream;
  std::string why;
};
struct CountAgain {};

}  // namespace hillstar::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::OpenStreams)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::OfferRun)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::OfferAnswered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::CallerOver)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::RunMoved)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::TellStream)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::DeclareRequest)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::ListStreams)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::AskStatus)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::StreamTold)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::LeaveStream)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::EndChain)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::CountAgain)
