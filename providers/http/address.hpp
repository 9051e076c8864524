// SPDX-License-Identifier: Apache-2.0
// Which addresses a model backend may have. Pure.
#pragma once

#include <boost/asio/ip/address.hpp>

namespace hillstar::providers {

/// False for addresses that no model backend has, and that an endpoint in a foreign workflow may aim at: link-local
/// (cloud metadata services), multicast, broadcast and unspecified ones, also as IPv4 within IPv6.
bool is_permitted(const boost::asio::ip::address& address);

/// True for loopback, private (RFC 1918, RFC 4193) and shared (RFC 6598) addresses: a key may go there unencrypted.
bool is_local(const boost::asio::ip::address& address);

}  // namespace hillstar::providers
