// SPDX-License-Identifier: Apache-2.0
// A transport without a network: answers each request as the test says, on a thread of its own or not at all.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "providers/http/transport.hpp"

namespace hillstar::testing {

/// Thread-safe.
class ScriptedTransport final : public providers::Transport {
 public:
  /// Streams the text as the body of a 200, or leaves the request open if it is empty.
  using Script = std::function<std::string(const providers::HttpRequest&)>;
  explicit ScriptedTransport(Script script) : script_(std::move(script)) {}

  std::shared_ptr<providers::Cancellation> send(providers::HttpRequest request,
                                                providers::HttpCallbacks callbacks) override {
    const auto body = script_(request);
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(std::move(request));
    }
    auto handle = std::make_shared<Handle>();
    handle->done = callbacks.done;
    if (body.empty()) return handle;
    providers::HttpReply reply;
    reply.status = 200;
    reply.headers = {{"content-type", "text/event-stream"}};
    if (callbacks.on_body)
      callbacks.on_body(body);
    else
      reply.body = body;
    handle->end(std::move(reply));
    return handle;
  }
  [[nodiscard]] std::vector<providers::HttpRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  struct Handle final : providers::Cancellation {
    void cancel() override { end(Failure{FailureClass::network, "cancelled", std::nullopt}); }
    void end(providers::HttpOutcome outcome) {
      auto answer = std::exchange(done, nullptr);
      if (answer) answer(std::move(outcome));
    }
    std::function<void(providers::HttpOutcome)> done;
  };
  Script script_;
  mutable std::mutex mutex_;
  std::vector<providers::HttpRequest> requests_;
};

}  // namespace hillstar::testing
