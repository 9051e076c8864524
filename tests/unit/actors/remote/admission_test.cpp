// SPDX-License-Identifier: Apache-2.0
#include "actors/remote/admission.hpp"

#include <doctest/doctest.h>

#include "messages/frame.hpp"

namespace hillstar::actors {
namespace {

constexpr UtcTime kNow{1'800'000'000'000'000};

remote::Hello hello() {
  remote::Hello said;
  said.protocol = kProtocol;
  said.oldest = kProtocolOldest;
  said.program = "2.4.0";
  said.session = "s";
  said.labels = {{"gpu", ""}, {"site", "lab2"}};
  said.slots = 2;
  said.clock = kNow;
  return said;
}

std::string reason_of(const remote::Hello& said) {
  const auto refused = refusal_of(said, "2.0.1", kNow);
  if (refused) CHECK(refused->for_good);
  return refused ? refused->reason : "";
}

}  // namespace

TEST_CASE("admission: a worker of the same major version, protocol and time may work") {
  CHECK(reason_of(hello()).empty());
  auto newer = hello();
  newer.protocol = kProtocol + 1;
  CHECK(reason_of(newer).empty());
  auto late = hello();
  late.clock = kNow + remote::kClockSkewMax;
  CHECK(reason_of(late).empty());
}

TEST_CASE("admission: what does not fit is refused with the reason") {
  const auto with = [](auto change) {
    auto said = hello();
    change(said);
    return reason_of(said);
  };
  CHECK(with([](auto& said) { said.oldest = said.protocol = kProtocol + 1; }).find("speaks protocol") !=
        std::string::npos);
  CHECK(with([](auto& said) { said.oldest = said.protocol = 0; }).find("speaks protocol") != std::string::npos);
  CHECK(with([](auto& said) { said.oldest = said.protocol + 1; }).find("speaks protocol") != std::string::npos);
  CHECK(with([](auto& said) { said.program = "3.0.0"; }) == "the worker is of version 3.0.0, and the host of 2.0.1");
  CHECK(with([](auto& said) { said.program = "\n3"; }) == "the worker is of version ?3, and the host of 2.0.1");
  CHECK(with([](auto& said) { said.program = std::string(65, '2'); }) == "its version or its session is none");
  CHECK(with([](auto& said) { said.session = ""; }) == "its version or its session is none");
  CHECK(with([](auto& said) { said.clock = kNow + Millis{3'661'000}; }) ==
        "the clocks of worker and host are 61 minutes apart");
  CHECK(with([](auto& said) { said.clock = UtcTime{}; }).find("minutes apart") != std::string::npos);
  CHECK(with([](auto& said) { said.slots = 0; }) == "a worker has 1 to 1024 slots");
  CHECK(with([](auto& said) { said.slots = kSlotsMax + 1; }) == "a worker has 1 to 1024 slots");
  CHECK(with([](auto& said) { said.labels = {{"a\x1b[2J", ""}}; }).starts_with("the name of a label is not "));
  CHECK(with([](auto& said) {
          said.labels = {{"gpu", "two words"}};
        }).starts_with("the value of the label gpu is not "));
  CHECK(with([](auto& said) { said.attempts.assign(kAttemptsMax + 1, "k"); }).find("more than") != std::string::npos);
  CHECK(with([](auto& said) { said.attempts = {std::string(kKeyBytesMax + 1, 'k')}; }).find("more than") !=
        std::string::npos);
}

TEST_CASE("admission: a line of another machine stays one line, and short") {
  CHECK(plain("a\nb\x1b[2Jc\x7f") == "a?b?[2Jc?");
  CHECK(plain(std::string(5'000, 'x')).size() == 1'000);
}

TEST_CASE("admission: lines above the limit are counted until the window is over") {
  LineLimit limit;
  const LineLimit::Moment start{std::chrono::hours(1)};
  for (std::size_t i = 0; i < kLinesMax; ++i) CHECK(limit.may_say(start));
  CHECK_FALSE(limit.may_say(start));
  CHECK_FALSE(limit.may_say(start + kLinesWindow / 2));
  CHECK_FALSE(limit.left_out(start + kLinesWindow / 2).has_value());
  CHECK(limit.left_out(start + kLinesWindow) == 2);
  CHECK(limit.may_say(start + kLinesWindow));
  CHECK(limit.left_out(start + 2 * kLinesWindow) == 0);
}

}  // namespace hillstar::actors
