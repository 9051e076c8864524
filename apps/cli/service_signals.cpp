// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/service_signals.hpp"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <future>
#include <string_view>
#include <thread>

namespace hillstar::cli {

struct ServiceSignals::Watch {
  boost::asio::io_context io;
  boost::asio::signal_set signals{io, SIGINT, SIGTERM, SIGHUP};
  std::function<void()> reload;
  std::promise<int> first;
  bool told = false;
  std::thread thread;

  void wait() {
    signals.async_wait([this](auto failed, int signal) {
      if (failed) return;
      if (signal == SIGHUP) {
        reload();
      } else if (told) {
        constexpr std::string_view kText = "ended at once; runs go on when the service is back\n";
        [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kText.data(), kText.size());
        ::_exit(128 + signal);
      } else {
        told = true;
        first.set_value(signal);
      }
      wait();
    });
  }
};

ServiceSignals::ServiceSignals(std::function<void()> reload) : watch_(std::make_unique<Watch>()) {
  watch_->reload = std::move(reload);
  watch_->wait();
  watch_->thread = std::thread([watch = watch_.get()] { watch->io.run(); });
}

ServiceSignals::~ServiceSignals() {
  watch_->io.stop();
  watch_->thread.join();
}

int ServiceSignals::wait_for_end() { return watch_->first.get_future().get(); }

}  // namespace hillstar::cli
