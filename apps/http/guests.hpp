// SPDX-License-Identifier: Apache-2.0
// Who is connected to a server: how many, from where, and how to ask them all to leave.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "apps/http/traffic.hpp"

namespace hillstar::http {

/// A connection, or the stream that it became. Both calls come from any thread.
class Guest {
 public:
  virtual ~Guest() = default;
  /// Ends once what was taken has been answered.
  virtual void leave() = 0;
  /// Ends now.
  virtual void cut() = 0;
};

/// Thread-safe.
class Guests : public std::enable_shared_from_this<Guests> {
 public:
  /// One connection's place; free again when it is destroyed. Handed on by whoever holds the socket.
  class Place {
   public:
    Place(std::shared_ptr<Guests> guests, std::uint64_t number, std::string peer);
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    /// Whom leave_all and cut_all reach from now on.
    void taken_by(std::weak_ptr<Guest> guest);
    [[nodiscard]] const std::string& peer() const { return peer_; }

   private:
    std::shared_ptr<Guests> guests_;
    std::uint64_t number_;
    std::string peer_;
  };

  Guests(std::size_t max, std::size_t per_peer_max, std::shared_ptr<Traffic> traffic);

  /// Null: the house is full, or full of this peer.
  std::unique_ptr<Place> come(const std::string& peer);
  void leave_all() const;
  void cut_all() const;
  /// True once nobody is left; false after `patience`.
  bool wait_until_gone(std::chrono::milliseconds patience);

 private:
  [[nodiscard]] std::vector<std::shared_ptr<Guest>> all() const;

  std::size_t max_;
  std::size_t per_peer_max_;
  std::shared_ptr<Traffic> traffic_;
  mutable std::mutex mutex_;
  std::condition_variable empty_;
  std::uint64_t next_ = 0;
  std::unordered_map<std::uint64_t, std::weak_ptr<Guest>> guests_;
  std::map<std::string, std::size_t> by_peer_;
};

}  // namespace hillstar::http
