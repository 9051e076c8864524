// SPDX-License-Identifier: Apache-2.0
// What is to leave a connection, in order. Any thread adds to it; one thread at a time writes.
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "actors/wire/basp.hpp"
#include "actors/wire/link.hpp"

namespace hillstar::actors::wire {

class Outgoing {
 public:
  explicit Outgoing(std::shared_ptr<Backlog> backlog) : backlog_(std::move(backlog)) {}
  /// From now on records of `tls` leave together: OpenSSL would write each by itself.
  static void gather(SSL* tls);

  /// Takes what CAF's broker wants to say, but for what may not leave (outbound_of).
  /// @param opens  frames may follow it: until then they are kept back
  void add(std::vector<char>& said, bool opens);
  /// A frame for the peer's actor.
  void add(std::uint64_t actor, const Frame& frame);
  /// The connection is over: nothing is kept any more.
  void end();
  /// Nothing has left for a moment, or `frame` is large: it is worth a write of its own. Any thread.
  [[nodiscard]] bool is_due(const Frame& frame) const;
  [[nodiscard]] bool is_empty() const;

  enum class Stop {
    empty,   ///< All has left.
    turn,    ///< There is more: others have their turn first.
    full,    ///< So is the socket.
    broken,  ///< So is the socket.
    tls,     ///< OpenSSL does not go on; its result stands in `result`.
    closes,  ///< Next is kClosing: what was before it has left.
  };
  struct Written {
    Stop stop = Stop::empty;
    int result = 0;
  };
  /// Writes `turns` times at most. For who holds the lock of `tls`.
  Written write(SSL* tls, int turns);

 private:
  void look();
  bool take_next();

  std::shared_ptr<Backlog> backlog_;
  std::atomic<std::chrono::steady_clock::rep> last_{0};  ///< When something was written.

  mutable std::mutex mutex_;  ///< Of the next four.
  std::vector<char> next_;
  std::vector<char> early_;  ///< Frames that came before they may leave.
  bool open_ = false;
  bool over_ = false;

  // For who writes: [begin_, good_) was looked at and leaves, the rest not yet.
  std::vector<char> out_;
  std::size_t begin_ = 0;
  std::size_t good_ = 0;
};

}  // namespace hillstar::actors::wire
