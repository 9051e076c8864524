// SPDX-License-Identifier: Apache-2.0
#include "providers/program/transport.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "messages/json.hpp"
#include "providers/program/context.hpp"
#include "providers/text.hpp"
#include "runtime/platform/descriptor.hpp"
#include "runtime/platform/process.hpp"
#include "runtime/platform/process_guard.hpp"
#include "runtime/platform/sandbox.hpp"
#include "runtime/policy/program_address.hpp"

namespace hillstar::providers {
namespace {

/// What of stderr stands in a message.
constexpr std::size_t kLastWordsBytesMax = 2'000;
/// As for scripts; what an operator set lower stays.
constexpr std::uint64_t kOpenFilesMax = 65'536;
constexpr std::uint64_t kProcessesMax = 8'192;

/// It is the operator's program, which may have files and a network of its own choice; but it gains no rights.
/// What a program connects to nobody sees, so one of an air-gapped run has no network at all.
Result<Confinement> confinement(const policy::Reach* reach) {
  SandboxLayers layers;
  if (reach != nullptr && !reach->programs_have_network) {
    layers.filters_calls = true;
    layers.network = SandboxNetwork::closed;
  }
  layers.drops_rights = true;
  layers.limits.core_bytes = 0;
  layers.limits.open_files = kOpenFilesMax;
  layers.limits.processes = kProcessesMax;
  return Confinement::make(layers, 0, nullptr);
}

/// The end of stderr.
class LastWords {
 public:
  void append(std::string_view bytes) {
    kept_ += bytes;
    // Cut at twice the size: the cost of moving is spread over as many bytes.
    if (kept_.size() > 2 * kLastWordsBytesMax) kept_.erase(0, kept_.size() - kLastWordsBytesMax);
  }
  /// Empty, or with a colon before it.
  [[nodiscard]] std::string text() const {
    std::string_view end = kept_;
    if (end.size() > kLastWordsBytesMax) end.remove_prefix(end.size() - kLastWordsBytesMax);
    const auto words = trimmed(end);
    return words.empty() ? std::string() : ": " + json::to_utf8(words);
  }

 private:
  std::string kept_;
};

Failure cancelled() { return {FailureClass::network, "The call was cancelled.", {}}; }

/// One call of a program. Its end is told once, by whoever takes it out of its state first.
class ProgramCall final : public Cancellation {
 public:
  ProgramCall(std::vector<std::string> command, HttpRequest request, HttpCallbacks callbacks)
      : command_(std::move(command)), request_(std::move(request)), callbacks_(std::move(callbacks)) {}

  void cancel() override {
    const std::uint64_t one = 1;
    // Cannot fail: the counter is never read, and calls of cancel() do not use up its range.
    (void)!::write(stop_.get(), &one, sizeof one);
    if (take()) end(cancelled());  // it still waited
  }
  /// Runs the program to its end, on a thread that outlives it.
  void run(ProcessGuard& guard) {
    if (take()) end(answer(guard));
  }

 private:
  bool take() { return !taken_.exchange(true); }
  void end(HttpOutcome outcome) {
    const auto done = std::exchange(callbacks_.done, nullptr);
    callbacks_.on_body = nullptr;
    if (done) done(std::move(outcome));
  }

  HttpOutcome answer(ProcessGuard& guard) {
    const auto& context = *request_.program;
    ProcessSpec spec;
    spec.program = command_.front();
    spec.arguments = command_;
    spec.environment = context.environment;
    spec.cwd = context.folder;
    spec.input = request_.body;
    spec.cancel_descriptor = stop_.get();
    spec.output_bytes_max = request_.body_bytes_max;
    spec.time_limit = request_.total_timeout;
    const auto shut_in = confinement(request_.reach.get());
    if (!shut_in) return Failure{FailureClass::spawn, to_string(shut_in.error()), {}};
    spec.confinement = &*shut_in;
    std::string body;
    LastWords words;
    policy::StreamRedactor clean(context.redactor);
    ProcessOutput output;
    output.on_stdout = [&](std::string_view piece) -> Result<void> {
      if (callbacks_.on_body)
        callbacks_.on_body(piece);
      else
        body += piece;
      return {};
    };
    output.on_stderr = [&](std::string_view piece) -> Result<void> {
      words.append(clean.feed(piece));
      return {};
    };
    const auto end = run_process(spec, output, &guard);
    words.append(clean.finish());
    if (end.kind == ProcessEndKind::exited && end.code == 0) {
      HttpReply reply;
      reply.status = 200;
      reply.body = std::move(body);
      return reply;
    }
    return failure_of(end, words.text());
  }

  Failure failure_of(const ProcessEnd& end, const std::string& words) const {
    const auto name = "The program '" + json::to_utf8(command_.front()) + "'";
    const auto reason = [&] { return std::system_category().message(end.code); };
    switch (end.kind) {
      case ProcessEndKind::exited:
        return {FailureClass::exit_code, name + " ended with exit code " + std::to_string(end.code) + words, {}};
      case ProcessEndKind::signalled:
        return {FailureClass::signal, name + " was ended by signal " + std::to_string(end.code) + words, {}};
      case ProcessEndKind::timed_out:
        return {
            FailureClass::timeout,
            name + " did not end within " + std::to_string(request_.total_timeout.count()) + " milliseconds" + words,
            {}};
      case ProcessEndKind::cancelled:
        return cancelled();
      case ProcessEndKind::output_limit:
      case ProcessEndKind::output_failed:
        return {FailureClass::output_limit, name + ": " + (end.error ? end.error->message : "its output was lost"), {}};
      case ProcessEndKind::not_confined:
        return {FailureClass::spawn, name + " was not started: " + (end.error ? end.error->message : reason()), {}};
      case ProcessEndKind::no_folder:
        return {FailureClass::spawn, name + " cannot enter '" + request_.program->folder + "': " + reason(), {}};
      case ProcessEndKind::not_started:
        return {FailureClass::spawn,
                name + " cannot be started: " + reason() +
                    (end.code == ENOENT ? "; install it, or give its path" : "") +
                    (end.code == ENOEXEC ? "; its first line must name its interpreter, such as #!/bin/sh" : "") +
                    (end.code == EACCES ? "; is it executable (chmod +x)?" : ""),
                {}};
    }
    return {FailureClass::internal, name + " has an unknown end", {}};
  }

  std::vector<std::string> command_;
  HttpRequest request_;
  HttpCallbacks callbacks_;
  Descriptor stop_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};  ///< Readable once it is cancelled.
  std::atomic<bool> taken_{false};
};

struct Ended final : Cancellation {
  void cancel() override {}
};

using CallPtr = std::shared_ptr<ProgramCall>;

class ProgramTransport final : public Transport {
 public:
  explicit ProgramTransport(std::unique_ptr<Transport> servers) : servers_(std::move(servers)) {}

  ~ProgramTransport() override {
    std::vector<CallPtr> calls;
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      calls.assign(running_.begin(), running_.end());
      calls.insert(calls.end(), waiting_.begin(), waiting_.end());
      waiting_.clear();
    }
    wake_.notify_all();
    for (const auto& call : calls) call->cancel();
    for (auto& worker : workers_) worker.join();
  }

  std::shared_ptr<Cancellation> send(HttpRequest request, HttpCallbacks callbacks) override {
    if (!policy::is_program(request.url)) return servers_->send(std::move(request), std::move(callbacks));
    const auto refuse = [&](FailureClass kind, std::string reason) {
      callbacks.done(Failure{kind, std::move(reason), {}});
      return std::make_shared<Ended>();
    };
    auto command = policy::program_of(request.url);
    if (!command) return refuse(FailureClass::invalid_request, to_string(command.error()));
    if (!request.program) return refuse(FailureClass::internal, "A program is asked that has no folder to run in.");
    auto call = std::make_shared<ProgramCall>(*std::move(command), std::move(request), callbacks);
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.size() < kProgramsWaitingMax && can_work()) {
        waiting_.push_back(call);
        wake_.notify_one();
        return call;
      }
    }
    return refuse(FailureClass::overloaded, "Too many programs run already.");
  }

 private:
  /// Starts another thread if all are busy. False: there is none, and none can be had.
  bool can_work() {
    if (idle_ > waiting_.size() || workers_.size() >= kProgramsMax) return true;
    try {
      workers_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
      return !workers_.empty();
    }
    return true;
  }

  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      ++idle_;
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      --idle_;
      if (waiting_.empty()) return;
      const auto call = std::move(waiting_.front());
      waiting_.pop_front();
      running_.insert(call);
      lock.unlock();
      call->run(guard_);
      lock.lock();
      running_.erase(call);
    }
  }

  std::unique_ptr<Transport> servers_;
  ProcessGuard guard_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<CallPtr> waiting_;
  std::set<CallPtr> running_;
  std::vector<std::thread> workers_;  ///< They start at need and stay: a program dies with the thread that started it.
  std::size_t idle_ = 0;
  bool stopping_ = false;
};

}  // namespace

std::unique_ptr<Transport> with_programs(std::unique_ptr<Transport> servers) {
  return std::make_unique<ProgramTransport>(std::move(servers));
}

}  // namespace hillstar::providers
