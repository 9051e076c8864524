// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/sandbox_abilities.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

namespace hillstar {

TEST_CASE("sandbox_abilities: the kernel is named, and asking twice tells the same") {
  const auto found = probe_sandbox(SandboxProbe::whole);
  CHECK_FALSE(found.kernel.empty());
  CHECK_FALSE(found.machine.empty());
  CHECK(found.landlock >= 0);
  CHECK(found.limits_processes == (getuid() != 0));
  CHECK(found == probe_sandbox(SandboxProbe::whole));
}

TEST_CASE("sandbox_abilities: a reason is given just where namespaces do not work") {
  const auto found = probe_sandbox(SandboxProbe::whole);
  CHECK(found.network_namespace == found.namespace_error.empty());
}

TEST_CASE("sandbox_abilities: the quick look leaves namespaces alone") {
  const auto found = probe_sandbox(SandboxProbe::quick);
  CHECK_FALSE(found.user_namespace);
  CHECK_FALSE(found.network_namespace);
  CHECK(found.namespace_error.empty());
}

}  // namespace hillstar
