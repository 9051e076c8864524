// SPDX-License-Identifier: Apache-2.0
// An answer that a thread outside the actors waits for. Answered exactly once: by an actor, or, if the message that
// carries it is dropped, by its destructor. So nobody waits for an actor that is gone.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <utility>

#include "messages/error.hpp"

namespace hillstar::actors {

template <class T>
class Reply {
 public:
  /// Answers nobody.
  Reply() = default;
  static Reply create() {
    Reply reply;
    reply.state_ = std::make_shared<State>();
    return reply;
  }

  /// Calls `done` on an engine thread in place of a future.
  static Reply call(std::function<void(Result<T>)> done) {
    auto reply = create();
    reply.state_->done = std::move(done);
    return reply;
  }

  /// May be called once, by the side that waits.
  std::future<Result<T>> future() { return state_->promise.get_future(); }
  /// The first answer counts. Thread-safe.
  void answer(Result<T> result) const {
    if (state_) state_->answer(std::move(result));
  }
  explicit operator bool() const { return state_ != nullptr; }

 private:
  struct State {
    ~State() { answer(Error{Errc::host_unreachable, "the engine stopped before it answered"}); }
    void answer(Result<T> result) {
      if (answered.exchange(true)) return;
      if (done)
        done(std::move(result));
      else
        promise.set_value(std::move(result));
    }
    std::function<void(Result<T>)> done;
    std::promise<Result<T>> promise;
    std::atomic<bool> answered{false};
  };
  std::shared_ptr<State> state_;
};

}  // namespace hillstar::actors
