// SPDX-License-Identifier: Apache-2.0
// All streams by name: finds them in the store when the engine starts, makes new ones, hands messages on.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "actors/services.hpp"

namespace hillstar::actors {

/// Streams of one store.
inline constexpr std::size_t kStreamsMax = 10'000;

struct StreamDirectoryParts {
  ServicesPtr services;
  std::vector<std::string> environment;
  bool opens_all = true;  ///< False: a stream's runs go on only once somebody names it.
  Lifeline alive;
};

class StreamDirectoryState {
 public:
  explicit StreamDirectoryState(StreamDirectory::pointer actor) : self_(actor) {}
  ~StreamDirectoryState() { leave(); }

  void hold(StreamDirectoryParts parts) { parts_ = std::move(parts); }
  void on_open(const OpenStreams& message);
  void on_offer(OfferRun& message);
  void on_moved(RunMoved& message);
  void on_tell(TellStream& message);
  void on_declare(DeclareRequest& message);
  void on_list(ListStreams& message);
  void on_told(StreamTold& message);
  void on_end_chain(EndChain& message);
  void on_count_again();
  void leave();

  const char* name = "streams";

 private:
  struct Question {
    std::size_t missing = 0;
    std::vector<StreamStatus> answers;
    Reply<std::vector<StreamStatus>> reply;
  };
  /// Null: there is none.
  StreamActor find(const std::string& stream);
  void load(const RunId& history);
  StreamActor spawn(const RunId& history);

  StreamDirectory::pointer self_;
  StreamDirectoryParts parts_;
  Supervisor supervisor_;
  std::unordered_map<std::string, StreamActor> streams_;
  std::unordered_map<std::string, RunId> known_;  ///< Histories of all, also of those that are not open.
  std::unordered_map<std::uint64_t, Question> questions_;
  std::uint64_t question_numbers_ = 0;
};

StreamDirectory::behavior_type stream_directory(StreamDirectory::stateful_pointer<StreamDirectoryState> self,
                                                StreamDirectoryParts parts);

}  // namespace hillstar::actors
