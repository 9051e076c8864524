// SPDX-License-Identifier: Apache-2.0
// Bodies that servers compress: gzip and deflate, inflated as they arrive, within bounds.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace hillstar::providers {

/// What the inflated body may be at most.
struct InflateLimits {
  std::uint64_t bytes_max = 64U << 20U;
  std::uint64_t ratio_max = 200;         ///< Inflated bytes for each compressed one,
  std::uint64_t ratio_free = 1U << 20U;  ///< once there are more than these.
};

/// One body. Not thread-safe.
class Inflater {
 public:
  enum class Coding { gzip, deflate };
  enum class Verdict {
    good,
    malformed,  ///< Not what it says it is, or ends too early.
    too_large,  ///< More than `bytes_max`,
    bomb,       ///< or far more than was sent.
    refused,    ///< The receiver said that it has enough.
  };
  /// Takes inflated bytes; false: enough.
  using Receiver = std::function<bool(std::string_view)>;

  Inflater(Coding coding, const InflateLimits& limits);
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Hands on all that `bytes` make known: a piece that the server flushed comes out at once. Not called again after
  /// another verdict than good.
  Verdict feed(std::string_view bytes, const Receiver& receive);
  /// The body is over. An empty one is good.
  [[nodiscard]] Verdict finish() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hillstar::providers
