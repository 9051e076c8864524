// SPDX-License-Identifier: Apache-2.0
// Connections that wait for their next request. Only the transport's own files include it; one thread.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

#include "messages/units.hpp"
#include "providers/http/beast_connection.hpp"

namespace hillstar::providers::beast_detail {

class ConnectionPool {
 public:
  struct Limits {
    std::size_t per_route = 64;
    std::size_t in_all = 1024;
    Millis age{30'000};  ///< Unused for longer: closed.
  };
  ConnectionPool(asio::io_context& io, const Limits& limits) : limits_(limits), sweeper_(io) {}

  /// The youngest that is still open, or nullptr. A route is whatever connections may be shared for.
  std::unique_ptr<Connection> take(const std::string& route);
  /// Over a limit the oldest ones of the route, or this one, are closed.
  void keep(const std::string& route, std::unique_ptr<Connection> connection);
  void clear();

 private:
  void sweep();

  Limits limits_;
  asio::steady_timer sweeper_;
  std::unordered_map<std::string, std::deque<std::unique_ptr<Connection>>> idle_;
  std::size_t count_ = 0;
  bool sweeping_ = false;
};

}  // namespace hillstar::providers::beast_detail
