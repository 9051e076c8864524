// SPDX-License-Identifier: Apache-2.0
// The API over an engine and a store in memory, asked without sockets: routes are found as the server finds them.
#pragma once

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/http/api.hpp"
#include "tests/support/engine_host.hpp"

namespace hillstar::testing {

/// What an open stream was sent. Thread-safe.
class RecordedOutlet final : public http::Outlet {
 public:
  struct Event {
    std::string id;
    std::string type;
    std::string data;
  };

  bool write(std::string_view id, std::string_view event, std::string_view data) override {
    {
      const std::lock_guard lock(mutex_);
      if (closed_ || (room_ && events_.size() >= *room_)) return false;
      events_.push_back({std::string(id), std::string(event), std::string(data)});
    }
    changed_.notify_all();
    return true;
  }
  void close() override {
    std::function<void()> then;
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
      then = std::exchange(then_, {});
    }
    changed_.notify_all();
    if (then) then();
  }
  void on_closed(std::function<void()> then) override {
    {
      const std::lock_guard lock(mutex_);
      if (!closed_) {
        then_ = std::move(then);
        return;
      }
    }
    then();
  }

  /// A client that takes no more than this.
  void limit(std::size_t events) {
    const std::lock_guard lock(mutex_);
    room_ = events;
  }
  template <class Predicate>
  bool wait(Predicate predicate) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return predicate(events_, closed_); });
  }
  bool wait_for(std::string_view type) {
    return wait([&](const auto& events, bool) {
      for (const auto& event : events)
        if (event.type == type) return true;
      return false;
    });
  }
  bool wait_closed() {
    return wait([](const auto&, bool closed) { return closed; });
  }
  std::vector<Event> events() {
    const std::lock_guard lock(mutex_);
    return events_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Event> events_;
  std::optional<std::size_t> room_;
  std::function<void()> then_;
  bool closed_ = false;
};

class RecordedAnswer final : public http::Answer {
 public:
  void send(http::Response response) override {
    {
      const std::lock_guard lock(mutex_);
      if (!response_) response_ = std::move(response);
    }
    changed_.notify_all();
  }
  std::shared_ptr<http::Outlet> stream() override {
    {
      const std::lock_guard lock(mutex_);
      outlet_ = std::make_shared<RecordedOutlet>();
    }
    changed_.notify_all();
    return outlet_;
  }
  http::Response wait() {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, kPatience, [&] { return response_.has_value(); }));
    return *response_;
  }
  std::shared_ptr<RecordedOutlet> outlet() {
    std::unique_lock lock(mutex_);
    const bool decided = changed_.wait_for(lock, kPatience, [&] { return outlet_ || response_; });
    REQUIRE(decided);
    REQUIRE_MESSAGE(outlet_, (response_ ? response_->body : ""));
    return outlet_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<http::Response> response_;
  std::shared_ptr<RecordedOutlet> outlet_;
};

inline std::vector<std::string> parts_of(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    path.remove_prefix(1);
    const auto part = path.substr(0, path.find('/'));
    parts.emplace_back(part);
    path.remove_prefix(part.size());
  }
  return parts;
}

/// The parameters if the path is one of the route's.
inline std::optional<std::map<std::string, std::string>> match(const http::Route& route, std::string_view path) {
  const auto wanted = parts_of(route.path);
  const auto given = parts_of(path);
  if (wanted.size() != given.size()) return std::nullopt;
  std::map<std::string, std::string> params;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i].starts_with('{'))
      params[wanted[i].substr(1, wanted[i].size() - 2)] = given[i];
    else if (wanted[i] != given[i])
      return std::nullopt;
  }
  return params;
}

struct Service {
  Service() {
    host.with(tool);
    host.up();
  }
  ~Service() {
    routes.clear();
    host.engine.reset();
  }
  /// Before the first request.
  void open() {
    if (!routes.empty()) return;
    http::ApiParts parts{*host.engine, store};
    parts.refuses = [this] { return refuses; };
    parts.workspace = "/";
    routes = http::api_routes(std::move(parts));
  }

  std::shared_ptr<RecordedAnswer> call(http::Request request) {
    open();
    auto answer = std::make_shared<RecordedAnswer>();
    for (const auto& route : routes) {
      if (route.method != request.method) continue;
      if (auto params = match(route, request.path)) {
        request.params = *std::move(params);
        if (request.who.scope == http::Scope::none) request.who = {"ada", route.scope};
        route.handle(std::make_shared<const http::Request>(std::move(request)), answer);
        return answer;
      }
    }
    FAIL("no route for " << request.method << " " << request.path);
    return answer;
  }
  http::Response get(const std::string& path, std::vector<std::pair<std::string, std::string>> query = {}) {
    http::Request request;
    request.method = "GET";
    request.path = path;
    request.query = std::move(query);
    return call(std::move(request))->wait();
  }
  http::Response post(const std::string& path, const std::string& body, http::Scope scope = http::Scope::none,
                      std::vector<std::pair<std::string, std::string>> headers = {}) {
    http::Request request;
    request.method = "POST";
    request.path = path;
    request.body = body;
    request.headers = std::move(headers);
    request.who = {"ada", scope};
    return call(std::move(request))->wait();
  }
  std::shared_ptr<RecordedOutlet> watch(const std::string& path,
                                        std::vector<std::pair<std::string, std::string>> query = {},
                                        std::vector<std::pair<std::string, std::string>> headers = {}) {
    http::Request request;
    request.method = "GET";
    request.path = path;
    request.query = std::move(query);
    request.headers = std::move(headers);
    request.headers.emplace_back("accept", "text/event-stream");
    return call(std::move(request))->outlet();
  }

  static boost::json::value json_of(const http::Response& response) {
    auto value = json::parse(response.body);
    REQUIRE_MESSAGE(value, response.body);
    return *value;
  }

  persistence::MemoryStore store;
  ScriptedTool tool;
  std::optional<Error> refuses;
  Host host{store};
  std::vector<http::Route> routes;
};

}  // namespace hillstar::testing
