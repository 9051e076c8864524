// SPDX-License-Identifier: Apache-2.0
// The signals of a service: SIGTERM and SIGINT end it, SIGHUP makes it read its certificate again.
#pragma once

#include <functional>
#include <memory>

namespace hillstar::cli {

class ServiceSignals {
 public:
  /// `reload` is called on a thread of this object.
  explicit ServiceSignals(std::function<void()> reload);
  ~ServiceSignals();
  ServiceSignals(const ServiceSignals&) = delete;
  ServiceSignals& operator=(const ServiceSignals&) = delete;

  /// Until the first SIGTERM or SIGINT, and returns it. A second one ends the process at once with 128 + signal, from
  /// whatever it is doing; runs stay resumable.
  int wait_for_end();

 private:
  struct Watch;
  std::unique_ptr<Watch> watch_;
};

}  // namespace hillstar::cli
