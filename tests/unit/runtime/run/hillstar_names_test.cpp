// SPDX-License-Identifier: Apache-2.0
#include "runtime/run/hillstar_names.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace hillstar;
using namespace hillstar::run;

namespace {

std::string fake_hash(std::string_view text) {
  return std::to_string(text.size()) + std::string(63, text.empty() ? '0' : text.back());
}

}  // namespace

TEST_CASE("step_of: the rules in their order") {
  CHECK(step_of("step_04_diamond") == "04");
  CHECK(step_of("step_4") == "4");
  CHECK(step_of("step_123") == "123");
  CHECK(step_of("my_step_12") == "12");
  CHECK(step_of("phase_7") == "7");
  CHECK(step_of("phase_12_x") == "12");
  CHECK(step_of("pre_phase_2") == "pre_2");
  CHECK(step_of("phase_3_step_09") == "3");
  CHECK(step_of("step_x_step_05") == "05");
}

TEST_CASE("step_of: no number, no step") {
  for (const auto* id : {"", "linear", "step_", "phase_", "pre_phase_x", "Step_04", "my_phase_7"})
    CHECK(step_of(id).empty());
}

TEST_CASE("step_of: nine digits count, not more") {
  CHECK(step_of("step_123456789") == "123456789");
  CHECK(step_of("step_1234567890") == "123456789");
}

TEST_CASE("safe_name: plain ids stay as they are") {
  CHECK(safe_name("review@2", fake_hash) == "review@2");
  CHECK(safe_name("a.b-c_d", fake_hash) == "a.b-c_d");
}

TEST_CASE("safe_name: nothing leads out of the folder or hides the file") {
  CHECK(safe_name("a/b", fake_hash) == "a%2Fb");
  CHECK(safe_name("..", fake_hash) == "%2E.");
  CHECK(safe_name("../../etc/passwd", fake_hash) == "%2E.%2F..%2Fetc%2Fpasswd");
  CHECK(safe_name(std::string("a\0b", 3), fake_hash) == "a%00b");
  CHECK(safe_name("ü%", fake_hash) == "%C3%BC%25");
}

TEST_CASE("safe_name: an id at the limit is kept, one above is cut and hashed") {
  CHECK(safe_name(std::string(kSafeNameMax, 'a'), fake_hash) == std::string(kSafeNameMax, 'a'));
  const auto cut = safe_name(std::string(kSafeNameMax + 1, 'a'), fake_hash);
  CHECK(cut.size() == kSafeNameMax);
  CHECK(cut.find("%x121") != std::string::npos);
}

TEST_CASE("times: UTC, with the offset written out") {
  const UtcTime time{1'795'307'643'867'235};
  CHECK(iso_utc(time) == "2026-11-22T00:34:03.867235+00:00");
  CHECK(file_stamp(time) == "20261122_003403");
}

TEST_CASE("plain_line: control characters do not reach a terminal") {
  CHECK(plain_line("a\nb\x1b[31m\x7f") == "a b [31m ");
  CHECK(plain_line("größer") == "größer");
}
