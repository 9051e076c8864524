// SPDX-License-Identifier: Apache-2.0
#include "providers/http/address.hpp"

#include <cstdint>

namespace hillstar::providers {
namespace {

namespace ip = boost::asio::ip;

ip::address unmapped(const ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, address.to_v6());
  return address;
}

bool is_within(std::uint32_t address, std::uint32_t network, unsigned bits) {
  return (address ^ network) >> (32U - bits) == 0;
}

}  // namespace

bool is_permitted(const ip::address& given) {
  const auto address = unmapped(given);
  if (address.is_unspecified() || address.is_multicast()) return false;
  if (address.is_v6()) return !address.to_v6().is_link_local();
  const auto number = address.to_v4().to_uint();
  return !is_within(number, 0xA9FE0000U, 16) && !is_within(number, 0, 8) && number != 0xFFFFFFFFU;
}

bool is_local(const ip::address& given) {
  const auto address = unmapped(given);
  if (address.is_loopback()) return true;
  if (address.is_v6()) return (address.to_v6().to_bytes()[0] & 0xFEU) == 0xFCU;
  const auto number = address.to_v4().to_uint();
  return is_within(number, 0x0A000000U, 8) || is_within(number, 0xAC100000U, 12) ||
         is_within(number, 0xC0A80000U, 16) || is_within(number, 0x64400000U, 10);
}

}  // namespace hillstar::providers
