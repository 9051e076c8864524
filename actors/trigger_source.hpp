// SPDX-License-Identifier: Apache-2.0
// A thread that watches something for the streams of an engine, and triggers their runs: timers, folders, events.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "actors/engine.hpp"
#include "runtime/platform/descriptor.hpp"

namespace hillstar::actors {

/// What a source works with; all of it outlives the source.
struct SourceParts {
  Engine& engine;
  const Clock& clock;
  std::function<void(const std::string&)> log;  ///< One line; called on the source's thread.
};

/// Tasks for the source's thread, from any thread. Outlives the source as long as somebody has to answer.
class SourceMailbox {
 public:
  SourceMailbox();
  void post(std::function<void()> task);
  void wake();
  std::deque<std::function<void()>> take();
  [[nodiscard]] int descriptor() const { return event_.get(); }

 private:
  std::mutex mutex_;
  std::deque<std::function<void()>> tasks_;
  Descriptor event_;
};

class TriggerSource {
 public:
  explicit TriggerSource(SourceParts parts);
  virtual ~TriggerSource();
  TriggerSource(const TriggerSource&) = delete;
  TriggerSource& operator=(const TriggerSource&) = delete;

  void start();
  /// Returns once the thread has ended. Called by the destructor of each source.
  void stop();
  /// The streams are others now, or the time is. Any thread.
  void look_again();

 protected:
  /// The streams as they are; called first, and after each change.
  virtual void on_streams(const std::vector<StreamStatus>& streams) = 0;
  /// Does what is to be done now, and says how long there is nothing to do.
  virtual Millis step() = 0;
  /// Descriptors that end the wait when they are readable.
  [[nodiscard]] virtual std::vector<int> descriptors() const { return {}; }

  /// Answered on the source's thread.
  void trigger(TriggerRun request, std::function<void(const Result<Accepted>&)> then);
  [[nodiscard]] bool is_over() const { return over_.load(); }
  [[nodiscard]] const SourceParts& parts() const { return parts_; }
  [[nodiscard]] const std::shared_ptr<SourceMailbox>& mailbox() const { return mailbox_; }

 private:
  void run();

  SourceParts parts_;
  std::shared_ptr<SourceMailbox> mailbox_;
  std::atomic<bool> over_{false};
  std::atomic<bool> dirty_{true};
  std::thread thread_;
};

/// True if the same trigger may be taken later; else it never will be.
bool is_passing(Errc code);
/// How long to wait before it is offered again.
Millis wait_after(Errc code);

}  // namespace hillstar::actors
