// SPDX-License-Identifier: Apache-2.0
#include "providers/two_step.hpp"

#include <mutex>
#include <utility>

namespace hillstar::providers {
namespace {

/// Whichever request is in flight now.
class Handle final : public Cancellation {
 public:
  void cancel() override {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    if (now_) now_->cancel();
  }
  void began(std::shared_ptr<Cancellation> first) {
    const std::lock_guard lock(mutex_);
    if (now_ || over_) return;  // it has ended already
    now_ = std::move(first);
    if (cancelled_) now_->cancel();
  }
  /// False: it was cancelled, and nothing was sent. Once cancel() has returned, the transport is not touched.
  bool go_on(Transport& transport, HttpRequest second, const HttpCallbacks& callbacks) {
    const std::lock_guard lock(mutex_);
    over_ = true;
    now_.reset();
    if (cancelled_) return false;
    now_ = transport.send(std::move(second), callbacks);
    return true;
  }
  /// Nothing follows.
  void end() {
    const std::lock_guard lock(mutex_);
    over_ = true;
    now_.reset();
  }

 private:
  // Recursive: a transport may end a request from within send() or cancel().
  std::recursive_mutex mutex_;
  std::shared_ptr<Cancellation> now_;
  bool over_ = false;  ///< The first request.
  bool cancelled_ = false;
};

}  // namespace

std::shared_ptr<Cancellation> send_two(Transport& transport, HttpRequest first, NextRequest next,
                                       HttpCallbacks callbacks) {
  auto handle = std::make_shared<Handle>();
  const auto on_connection = callbacks.on_connection;
  auto done = [handle, &transport, next = std::move(next),
               callbacks = std::move(callbacks)](const HttpOutcome& outcome) {
    auto made = next(outcome);
    if (auto* failure = std::get_if<Failure>(&made)) {
      handle->end();
      return callbacks.done(std::move(*failure));
    }
    if (!handle->go_on(transport, std::get<HttpRequest>(std::move(made)), callbacks))
      callbacks.done(Failure{FailureClass::network, "The call was cancelled.", {}});
  };
  handle->began(transport.send(std::move(first), {nullptr, std::move(done), on_connection}));
  return handle;
}

}  // namespace hillstar::providers
