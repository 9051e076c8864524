// SPDX-License-Identifier: Apache-2.0
// A tool that does what the test says, and remembers what it was asked.
#pragma once

#include <poll.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "runtime/tools/tool.hpp"

namespace hillstar::testing {

/// How long a test waits for what must happen. Only a broken program comes near it.
inline constexpr std::chrono::seconds kPatience{60};

inline tools::ToolReply said(std::string_view text) {
  std::string json = R"({"output":)";
  json::append_string(json, text);
  return {{{}, Json::from_canonical(json + "}")}, std::nullopt, false};
}
inline tools::ToolReply broke(FailureClass kind) {
  return {{{}, Json::from_canonical(R"({"error":"it broke"})")}, Failure{kind, "it broke", std::nullopt}, false};
}

/// Thread-safe. Copies share what they remember.
class ScriptedTool {
 public:
  using Script = std::function<tools::ToolReply(const tools::ToolCall&, const tools::ToolContext&)>;

  explicit ScriptedTool(Script script = [](const auto& call, const auto&) { return said(call.input.text); })
      : shared_(std::make_shared<Shared>()) {
    shared_->script = std::move(script);
  }

  tools::ToolReply operator()(const tools::ToolCall& call, const tools::ToolContext& context) const {
    {
      const std::lock_guard lock(shared_->mutex);
      shared_->calls.push_back(call);
    }
    shared_->changed.notify_all();
    return shared_->script(call, context);
  }

  /// The nodes that were run, in order.
  [[nodiscard]] std::vector<std::string> nodes() const {
    const std::lock_guard lock(shared_->mutex);
    std::vector<std::string> names;
    for (const auto& call : shared_->calls) names.push_back(call.node);
    return names;
  }
  [[nodiscard]] std::vector<tools::ToolCall> calls() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->calls;
  }
  /// False if it did not come to so many calls.
  [[nodiscard]] bool wait_for_calls(std::size_t count) const {
    std::unique_lock lock(shared_->mutex);
    return shared_->changed.wait_for(lock, kPatience, [&] { return shared_->calls.size() >= count; });
  }

 private:
  struct Shared {
    Script script;
    mutable std::mutex mutex;
    std::condition_variable changed;
    std::vector<tools::ToolCall> calls;
  };
  std::shared_ptr<Shared> shared_;
};

/// Blocks until it is cancelled, as a tool that keeps its contract does.
inline tools::ToolReply until_cancelled(const tools::ToolCall&, const tools::ToolContext& context) {
  pollfd wait{context.cancel->descriptor(), POLLIN, 0};
  ::poll(&wait, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count()));
  return {{}, std::nullopt, context.cancel->is_set()};
}

/// A door that a test opens.
class Gate {
 public:
  void open() {
    {
      const std::lock_guard lock(mutex_);
      open_ = true;
    }
    changed_.notify_all();
  }
  bool wait() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

}  // namespace hillstar::testing
