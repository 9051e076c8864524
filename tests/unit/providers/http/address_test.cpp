// SPDX-License-Identifier: Apache-2.0
#include "providers/http/address.hpp"

#include <doctest/doctest.h>

using boost::asio::ip::make_address;
using hillstar::providers::is_local;
using hillstar::providers::is_permitted;

TEST_CASE("address: link-local, multicast, broadcast and unspecified targets are not permitted") {
  for (const char* text : {"169.254.169.254", "169.254.0.1", "0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.255",
                           "255.255.255.255", "::", "fe80::1", "febf::1", "ff02::1", "::ffff:169.254.169.254"}) {
    CAPTURE(text);
    CHECK_FALSE(is_permitted(make_address(text)));
  }
  for (const char* text : {"127.0.0.1", "10.0.0.1", "8.8.8.8", "169.253.255.255", "169.255.0.0", "1.0.0.0", "::1",
                           "2001:db8::1", "fd00::1", "::ffff:8.8.8.8"}) {
    CAPTURE(text);
    CHECK(is_permitted(make_address(text)));
  }
}

TEST_CASE("address: local is loopback, private and shared") {
  for (const char* text : {"127.0.0.1", "127.255.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.7.7",
                           "100.64.0.1", "100.127.255.255", "::1", "fd12::1", "fc00::1", "::ffff:10.0.0.1"}) {
    CAPTURE(text);
    CHECK(is_local(make_address(text)));
  }
  for (const char* text : {"8.8.8.8", "172.15.0.1", "172.32.0.1", "192.169.0.1", "100.63.0.1", "100.128.0.1",
                           "11.0.0.1", "2001:db8::1", "fe80::1", "::ffff:8.8.8.8"}) {
    CAPTURE(text);
    CHECK_FALSE(is_local(make_address(text)));
  }
}
