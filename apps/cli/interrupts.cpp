// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/interrupts.hpp"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <string_view>
#include <thread>

namespace hillstar::cli {

struct Interrupts::Watch {
  boost::asio::io_context io;
  boost::asio::signal_set signals{io, SIGINT, SIGTERM, SIGHUP};
  std::function<void(int)> asked;
  int count = 0;
  std::thread thread;

  void wait() {
    signals.async_wait([this](auto failed, int signal) {
      if (failed) return;
      if (++count > 1) {
        constexpr std::string_view text = "\nended at once; the run can be resumed\n";
        [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
        ::_exit(128 + signal);
      }
      asked(signal);
      wait();
    });
  }
};

Interrupts::Interrupts(std::function<void(int)> asked) : watch_(std::make_unique<Watch>()) {
  watch_->asked = std::move(asked);
  watch_->wait();
  // A thread of its own: the second signal must work while the main thread waits for a disk.
  watch_->thread = std::thread([watch = watch_.get()] { watch->io.run(); });
}

Interrupts::~Interrupts() {
  watch_->io.stop();
  watch_->thread.join();
}

}  // namespace hillstar::cli
