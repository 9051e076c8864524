// SPDX-License-Identifier: Apache-2.0
// One run that a service is followed about: from the bytes of its stream of events to what a follower is told.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "actors/engine.hpp"

namespace hillstar::http {

/// The transport's thread and whoever ends it meet here.
class RemoteFeed {
 public:
  RemoteFeed(RunId run, FeedCallback callback) : run_(std::move(run)), callback_(std::move(callback)) {}

  /// The next bytes of the stream.
  void take(std::string_view bytes);
  /// The stream has ended; FeedCut, if the run has not.
  void ended();
  /// Nothing is handed on any more once this has returned.
  void stop();

 private:
  void on_block(std::string_view block);
  void on_event(const std::string& type, const std::string& data);
  void park(Error error);

  std::mutex mutex_;
  bool over_ = false;
  std::string text_;  ///< Of an event that is not complete.
  RunId run_;
  FeedCallback callback_;
};

}  // namespace hillstar::http
