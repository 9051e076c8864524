// SPDX-License-Identifier: Apache-2.0
#include "actors/stream_directory.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <utility>

#include "actors/stream_actor.hpp"

namespace hillstar::actors {
namespace {

Error no_stream(const std::string& stream) {
  return {Errc::not_found, "There is no stream '" + stream + "'.", {}, "`hillstar-actors stream ls` shows them."};
}

struct Found {
  stream::StreamState state;
  persistence::Hash chain{};
  std::shared_ptr<const workflow::Plan> plan;
  std::string workflow_text;
};

Result<Found> read_stream(const persistence::EventStore& store, const RunId& history) {
  Found found;
  HILLSTAR_TRY(const auto recorded, store.read(history));
  try {
    found.state = stream::replay(recorded);
  } catch (const InvariantError& wrong) {
    return Error{Errc::record_corrupt, wrong.message, history.str()};
  }
  HILLSTAR_TRY(const auto last, store.read_records(history, recorded.size(), 1));
  if (!last.empty()) found.chain = last.front().hash;
  if (found.state.removed) return found;
  HILLSTAR_TRY(const auto plan, store.read_blob(found.state.declared.plan_sha256));
  HILLSTAR_TRY(auto decoded, workflow::plan_from_text(plan));
  found.plan = std::make_shared<const workflow::Plan>(std::move(decoded));
  HILLSTAR_TRY(found.workflow_text, store.read_blob(found.state.declared.workflow_sha256));
  return found;
}

}  // namespace

void StreamDirectoryState::on_open(const OpenStreams& message) {
  supervisor_ = message.supervisor;
  const auto& services = *parts_.services;
  const auto histories = services.store->streams();
  if (!histories) return services.log("error " + to_string(histories.error()));
  for (const auto& history : *histories) {
    const auto row = services.store->summary(history);
    if (row)
      known_.insert_or_assign(row->reason, history);
    else
      services.log("error " + to_string(row.error()));
    if (row && parts_.opens_all) load(history);
  }
}

StreamActor StreamDirectoryState::spawn(const RunId& history) {
  auto found = read_stream(*parts_.services->store, history);
  if (!found) {
    parts_.services->log("error " + to_string(found.error()));
    return {};
  }
  StreamParts parts;
  parts.services = parts_.services;
  parts.supervisor = supervisor_;
  parts.directory = self_;
  parts.environment = parts_.environment;
  parts.history = history;
  parts.state = std::move(found->state);
  parts.chain = found->chain;
  parts.plan = std::move(found->plan);
  parts.workflow_text = std::move(found->workflow_text);
  parts.alive = parts_.alive;
  return self_->spawn(stream_actor, std::move(parts));
}

void StreamDirectoryState::load(const RunId& history) {
  const auto row = parts_.services->store->summary(history);
  if (!row) return;
  if (auto actor = spawn(history)) streams_.insert_or_assign(row->reason, std::move(actor));
}

StreamActor StreamDirectoryState::find(const std::string& stream) {
  auto open = streams_.find(stream);
  if (open == streams_.end()) {
    const auto known = known_.find(stream);
    if (known == known_.end()) return {};
    load(known->second);
    open = streams_.find(stream);
  }
  return open == streams_.end() ? StreamActor() : open->second;
}

void StreamDirectoryState::on_offer(OfferRun& message) {
  if (const auto stream = find(message.trigger->stream)) return caf::anon_send(stream, std::move(message));
  message.reply.answer(no_stream(message.trigger->stream));
}

void StreamDirectoryState::on_moved(RunMoved& message) {
  const auto open = streams_.find(message.stream);
  if (open != streams_.end()) caf::anon_send(open->second, std::move(message));
}

void StreamDirectoryState::on_tell(TellStream& message) {
  if (const auto stream = find(message.stream)) return caf::anon_send(stream, std::move(message));
  message.reply.answer(no_stream(message.stream));
}

void StreamDirectoryState::on_declare(DeclareRequest& message) {
  const auto stream = message.request->plan->workflow.str() + "/" + message.request->entry.id;
  if (const auto open = find(stream)) return caf::anon_send(open, std::move(message));
  if (known_.size() >= kStreamsMax)
    return message.reply.answer(
        Error{Errc::stream_invalid, "a store has at most " + std::to_string(kStreamsMax) + " streams.", stream});
  const auto& services = *parts_.services;
  auto id = services.ids->new_run(services.clock->utc_now()).str();
  id.front() = kStreamLetter;
  StreamParts parts;
  parts.services = parts_.services;
  parts.supervisor = supervisor_;
  parts.directory = self_;
  parts.environment = parts_.environment;
  parts.history = RunId(std::move(id));
  parts.alive = parts_.alive;
  known_.emplace(stream, parts.history);
  const auto& actor = streams_.emplace(stream, self_->spawn(stream_actor, std::move(parts))).first->second;
  caf::anon_send(actor, std::move(message));
}

void StreamDirectoryState::on_list(ListStreams& message) {
  if (streams_.empty()) return message.reply.answer(std::vector<StreamStatus>{});
  const auto number = ++question_numbers_;
  questions_.emplace(number, Question{streams_.size(), {}, std::move(message.reply)});
  for (const auto& [stream, actor] : streams_) caf::anon_send(actor, AskStatus{number});
}

void StreamDirectoryState::on_told(StreamTold& message) {
  const auto found = questions_.find(message.question);
  if (found == questions_.end()) return;
  auto& question = found->second;
  if (!message.status.removed) question.answers.push_back(message.status);
  if (--question.missing > 0) return;
  std::sort(question.answers.begin(), question.answers.end(),
            [](const auto& a, const auto& b) { return a.declared.stream < b.declared.stream; });
  question.reply.answer(std::move(question.answers));
  questions_.erase(found);
}

void StreamDirectoryState::on_end_chain(EndChain& message) {
  if (const auto stream = find(message.stream)) caf::anon_send(stream, std::move(message));
}

void StreamDirectoryState::on_count_again() {
  for (const auto& [stream, actor] : streams_) caf::anon_send(actor, CountAgain{});
}

void StreamDirectoryState::leave() {
  for (const auto& [stream, actor] : streams_) caf::anon_send(actor, LeaveStream{});
  streams_.clear();
  questions_.clear();
}

StreamDirectory::behavior_type stream_directory(StreamDirectory::stateful_pointer<StreamDirectoryState> self,
                                                StreamDirectoryParts parts) {
  die_quietly(self);
  self->state.hold(std::move(parts));
  return {[self](const OpenStreams& message) { self->state.on_open(message); },
          [self](OfferRun& message) { self->state.on_offer(message); },
          [self](RunMoved& message) { self->state.on_moved(message); },
          [self](TellStream& message) { self->state.on_tell(message); },
          [self](DeclareRequest& message) { self->state.on_declare(message); },
          [self](ListStreams& message) { self->state.on_list(message); },
          [self](StreamTold& message) { self->state.on_told(message); },
          [self](EndChain& message) { self->state.on_end_chain(message); },
          [self](CountAgain) { self->state.on_count_again(); },
          [self](LeaveStream) {
            self->state.leave();
            self->quit();
          }};
}

}  // namespace hillstar::actors
