// SPDX-License-Identifier: Apache-2.0
// The body of one reply as its bytes come in: decompressed, bounded, handed on or collected. Knows no sockets.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "messages/failure.hpp"
#include "providers/http/inflate.hpp"

namespace hillstar::providers {

class ReplyBody {
 public:
  /// Takes the pieces of a 2xx body; may be empty.
  using Receiver = std::function<void(std::string_view)>;
  enum class Verdict {
    go_on,
    enough,  ///< Of an error's body: what was read tells enough, and the rest is not needed.
    failed,  ///< failure() says why.
  };

  /// `server` is named in failures. `bytes_max` holds for the bytes on the wire and for the decompressed ones.
  ReplyBody(std::string server, std::uint64_t bytes_max) : server_(std::move(server)), bytes_max_(bytes_max) {}

  /// A header was read. `receiver` gets the pieces of a 2xx body; without one they are collected.
  Verdict begin(unsigned status, std::string_view content_encoding, Receiver receiver);
  Verdict take(std::string_view bytes);
  /// The body is complete.
  Verdict end();

  /// What was collected.
  std::string take_text() { return std::move(text_); }
  [[nodiscard]] const Failure& failure() const { return failure_; }

 private:
  Verdict fail(FailureClass kind, const std::string& what);
  Verdict judge(Inflater::Verdict verdict);
  bool hand_on(std::string_view bytes);

  std::string server_;
  std::uint64_t bytes_max_;
  Receiver receiver_;
  std::unique_ptr<Inflater> inflater_;
  std::string text_;
  std::uint64_t bytes_ = 0;
  bool is_error_ = false;
  bool unreadable_ = false;  ///< An error's body in a coding that nobody asked for: its status must do.
  Failure failure_;
};

}  // namespace hillstar::providers
