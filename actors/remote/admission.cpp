// SPDX-License-Identifier: Apache-2.0
#include "actors/remote/admission.hpp"

#include <algorithm>
#include <cstdlib>

#include "messages/frame.hpp"
#include "runtime/workflow/labels.hpp"

namespace hillstar::actors {
namespace {

constexpr std::size_t kLineBytesMax = 1'000;
constexpr std::size_t kWordBytesMax = 64;

/// `1` of `1.4.2`.
std::string major_of(const std::string& version) { return version.substr(0, version.find('.')); }

std::string minutes(Millis skew) { return std::to_string(std::abs(skew.count()) / 60'000) + " minutes"; }

}  // namespace

std::string plain(std::string line) {
  if (line.size() > kLineBytesMax) line.resize(kLineBytesMax);
  for (char& c : line)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) c = '?';
  return line;
}

std::optional<remote::Refused> refusal_of(const remote::Hello& hello, const std::string& version, UtcTime now) {
  if (hello.protocol < kProtocolOldest || hello.oldest > kProtocol || hello.oldest > hello.protocol)
    return remote::Refused{"the worker speaks protocol " + std::to_string(hello.oldest) + " to " +
                               std::to_string(hello.protocol) + ", and the host " + std::to_string(kProtocolOldest) +
                               " to " + std::to_string(kProtocol),
                           "Install the same version on both machines.", true};
  if (hello.program.size() > kWordBytesMax || hello.session.empty() || hello.session.size() > kWordBytesMax)
    return remote::Refused{"its version or its session is none", {}, true};
  if (major_of(hello.program) != major_of(version))
    return remote::Refused{"the worker is of version " + plain(hello.program) + ", and the host of " + version,
                           "Install the same major version on both machines.", true};
  const auto skew = hello.clock - now;
  if (skew > remote::kClockSkewMax || skew < -remote::kClockSkewMax)
    return remote::Refused{"the clocks of worker and host are " + minutes(skew) + " apart",
                           "Set the clock of the one that is wrong, and keep it with NTP.", true};
  if (hello.slots == 0 || hello.slots > kSlotsMax)
    return remote::Refused{"a worker has 1 to " + std::to_string(kSlotsMax) + " slots", {}, true};
  if (const auto fault = workflow::fault_of_labels(hello.labels); !fault.empty())
    return remote::Refused{fault, "Start the worker with labels such as gpu or site=lab2.", true};
  const auto is_long = [](const std::string& key) { return key.size() > kKeyBytesMax; };
  if (hello.attempts.size() > kAttemptsMax || std::any_of(hello.attempts.begin(), hello.attempts.end(), is_long))
    return remote::Refused{"it says that it makes more than a worker can", {}, true};
  return std::nullopt;
}

bool LineLimit::may_say(Moment now) {
  if (said_ == 0 || now - since_ >= kLinesWindow) {
    since_ = now;
    said_ = 0;
  }
  return ++said_ <= kLinesMax;
}

std::optional<std::size_t> LineLimit::left_out(Moment now) const {
  if (now - since_ < kLinesWindow) return std::nullopt;
  return said_ - std::min(said_, kLinesMax);
}

}  // namespace hillstar::actors
