// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/last_words.hpp"

#include <doctest/doctest.h>

#include <boost/system/system_error.hpp>
#include <cerrno>
#include <new>
#include <stdexcept>
#include <system_error>

#include "apps/cli/engine_notes.hpp"
#include "apps/cli/exit_codes.hpp"
#include "apps/cli/thread_probe.hpp"

using namespace hillstar;
using namespace hillstar::cli;

TEST_CASE("error_of: what the system refuses is told from bugs") {
  CHECK(error_of(std::bad_alloc()).code == Errc::system_limit);
  CHECK(error_of(std::system_error(EAGAIN, std::generic_category())).code == Errc::system_limit);
  CHECK(error_of(boost::system::system_error(EMFILE, boost::system::system_category(), "pipe")).code ==
        Errc::system_limit);
  CHECK(error_of(std::system_error(EINVAL, std::generic_category())).code == Errc::internal);
  CHECK(error_of(std::logic_error("a bug")).code == Errc::internal);
  CHECK(error_of(InvariantError{"a == b"}).message == "internal error: a == b.");
  CHECK(exit_of(Errc::system_limit) == Exit::system);
}

TEST_CASE("probe_threads: granted threads are given back") {
  for (int i = 0; i < 3; ++i) CHECK(probe_threads(threads_of_engine()).has_value());
  CHECK(probe_threads(0).has_value());
}

TEST_CASE("engine notes: lines wait for the one who listens, and beyond the bound they are counted") {
  EngineNotes notes;
  std::size_t woken = 0;
  notes.listen([&woken] { ++woken; });
  for (std::size_t i = 0; i < kNotesMax; ++i) notes.add("warning: " + std::to_string(i));
  CHECK(woken == kNotesMax);
  notes.add("one too many");
  notes.add("two too many");
  const auto lines = notes.take();
  REQUIRE(lines.size() == kNotesMax + 1);
  CHECK(lines.front() == "warning: 0");
  CHECK(lines.back() == "warning: 2 more lines like these");
  CHECK(notes.take().empty());
  notes.add("error HS900: again");
  CHECK(notes.take() == std::vector<std::string>{"error HS900: again"});
  notes.listen({});
}
