// SPDX-License-Identifier: Apache-2.0
// One connection: reads a request, has it answered, writes the answer, and so on. Only the server's own files include
// it.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <memory>

#include "apps/http/guests.hpp"
#include "apps/http/server_core.hpp"

namespace hillstar::http {

/// Serves `socket`, whose executor is a strand, until its end. `context`: null without TLS.
void serve_connection(std::shared_ptr<ServerCore> core, boost::asio::ip::tcp::socket socket,
                      std::unique_ptr<Guests::Place> place, std::shared_ptr<boost::asio::ssl::context> context);

}  // namespace hillstar::http
