// SPDX-License-Identifier: Apache-2.0
// When a request may be sent a second time.
#include "providers/http/resend.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace hillstar::providers;

TEST_CASE("resend: a model call only if the server closed the kept connection before a byte arrived") {
  const LostRequest safe{"POST", true, true, 100, 100};
  CHECK(may_send_again(safe));
  auto lost = safe;
  lost.connection_was_kept = false;
  CHECK(!may_send_again(lost));
  lost = safe;
  lost.ended_in_order = false;
  CHECK(!may_send_again(lost));
  lost = safe;
  lost.acknowledged_after = 101;
  CHECK(!may_send_again(lost));
  lost = safe;
  lost.acknowledged_before.reset();
  CHECK(!may_send_again(lost));
  lost.acknowledged_after.reset();
  CHECK(!may_send_again(lost));
}

TEST_CASE("resend: what has no effect may be repeated on any end of a kept connection") {
  for (const char* method : {"GET", "HEAD"}) {
    CHECK(may_send_again({method, true, false, {}, {}}));
    CHECK(!may_send_again({method, false, true, 1, 1}));
  }
  CHECK(!may_send_again({"DELETE", true, false, {}, {}}));
}

TEST_CASE("resend: what is no TCP socket has acknowledged nothing") {
  CHECK(!acknowledged_bytes(-1));
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  CHECK(!acknowledged_bytes(ends[0]));
  ::close(ends[0]);
  ::close(ends[1]);
}
