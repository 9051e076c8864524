// SPDX-License-Identifier: Apache-2.0
#include "apps/http/access_log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>

#include "messages/json.hpp"
#include "runtime/platform/descriptor.hpp"

namespace hillstar::http {
namespace {

constexpr mode_t kMode = 0640;

const char* dash(const std::string& text) { return text.empty() ? "-" : text.c_str(); }

/// A method that nobody knows may be any token.
std::string quoted(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '"' || c == '\\' || static_cast<unsigned char>(c) <= 0x20 ? '?' : c;
  return out;
}

Result<Descriptor> open_file(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, kMode));
  if (file.get() < 0)
    return Error{Errc::io, std::string("The access log cannot be opened: ") + std::strerror(errno) + ".", path,
                 "Name a file in a folder that the service may write."};
  return file;
}

class Writer final : public AccessLog {
 public:
  Writer(std::string path, bool as_json, std::function<void(const std::string&)> log, Descriptor file)
      : path_(std::move(path)), as_json_(as_json), log_(std::move(log)), file_(std::move(file)), thread_([this] {
          run();
        }) {}

  ~Writer() override {
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

  void add(Access access) override {
    bool was_empty = false;
    {
      const std::lock_guard lock(mutex_);
      if (lines_.size() >= kAccessLinesMax) {
        ++dropped_;
        return;
      }
      was_empty = lines_.empty();
      lines_.push_back(std::move(access));
    }
    if (was_empty) changed_.notify_one();
  }

  void reopen() override {
    {
      const std::lock_guard lock(mutex_);
      reopens_ = true;
    }
    changed_.notify_one();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return ends_ || reopens_ || !lines_.empty(); });
      auto lines = std::exchange(lines_, {});
      const bool reopens = std::exchange(reopens_, false);
      const auto dropped = std::exchange(dropped_, 0);
      const bool last = ends_;
      lock.unlock();
      if (reopens && path_ != "-") open_again();
      std::string text;
      for (const auto& line : lines) text += (as_json_ ? access_json(line) : access_text(line)) + "\n";
      write(text);
      if (dropped > 0) log_("warning: " + std::to_string(dropped) + " requests are missing in the access log");
      lock.lock();
      if (last && lines_.empty()) return;
    }
  }

  void open_again() {
    auto file = open_file(path_);
    if (file)
      file_ = *std::move(file);
    else
      log_("error " + to_string(file.error()));
  }

  void write(std::string_view text) {
    const int out = path_ == "-" ? STDOUT_FILENO : file_.get();
    while (!text.empty()) {
      const auto written = ::write(out, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) {
        if (!std::exchange(failed_, true))
          log_(std::string("warning: the access log cannot be written: ") + std::strerror(errno));
        return;
      }
      failed_ = false;
      text.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  std::string path_;
  bool as_json_;
  std::function<void(const std::string&)> log_;
  Descriptor file_;      // of the thread
  bool failed_ = false;  // of the thread: it was said
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Access> lines_;
  std::size_t dropped_ = 0;
  bool reopens_ = false;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace

std::string access_text(const Access& a) {
  return fmt::format("{} {} {} \"{} {}\" {} {} {:.6f} {}", to_rfc3339(a.at), dash(a.peer), dash(quoted(a.who)),
                     quoted(a.method), dash(a.route), a.status, a.bytes, static_cast<double>(a.micros) / 1e6,
                     dash(a.trace));
}

std::string access_json(const Access& a) {
  boost::json::object line{{"time", to_rfc3339(a.at)},
                           {"level", "info"},
                           {"message", "request"},
                           {"method", json::to_utf8(a.method)},
                           {"status", a.status},
                           {"bytes", a.bytes},
                           {"seconds", static_cast<double>(a.micros) / 1e6},
                           {"peer", a.peer}};
  if (!a.route.empty()) line["route"] = a.route;
  if (!a.who.empty()) line["token"] = json::to_utf8(a.who);
  if (!a.trace.empty()) line["trace_id"] = a.trace;
  return json::canonical(line);
}

Result<std::shared_ptr<AccessLog>> AccessLog::open(const std::string& path, bool as_json,
                                                   std::function<void(const std::string&)> log) {
  Descriptor file;
  if (path != "-") {
    HILLSTAR_TRY(file, open_file(path));
  }
  return std::shared_ptr<AccessLog>(std::make_shared<Writer>(path, as_json, std::move(log), std::move(file)));
}

}  // namespace hillstar::http
