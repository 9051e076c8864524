// SPDX-License-Identifier: Apache-2.0
// What the connections of one server share. Only the server's own files include it.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <optional>
#include <string>

#include "apps/http/gate.hpp"
#include "apps/http/guests.hpp"
#include "apps/http/server.hpp"
#include "runtime/platform/clock.hpp"

namespace hillstar::http {

struct ServerCore {
  explicit ServerCore(ServerOptions given);

  /// Puts work into the handlers' pool; false: too much waits there already.
  bool handle(std::function<void()> work);
  [[nodiscard]] std::int64_t seconds_now() const { return options.clock->utc_now().micros / 1'000'000; }

  ServerOptions options;
  std::optional<Gate> gate;  ///< Since the start.
  std::shared_ptr<Traffic> traffic;
  std::shared_ptr<Guests> guests;
  boost::asio::io_context io;
  boost::asio::thread_pool handlers;
};

}  // namespace hillstar::http
