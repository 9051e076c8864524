// SPDX-License-Identifier: Apache-2.0
#include "actors/trigger_service.hpp"

#include <algorithm>

#include "actors/event_source.hpp"
#include "actors/folder_source.hpp"
#include "actors/timer_source.hpp"

namespace hillstar {
namespace {

class Service final : public TriggerService {
 public:
  Service(Engine& engine, std::shared_ptr<const Clock> clock, std::function<void(const std::string&)> log)
      : engine_(engine),
        clock_(std::move(clock)),
        timers_({engine, *clock_, log}),
        folders_({engine, *clock_, log}),
        events_({engine, *clock_, log}) {}

  ~Service() override {
    // First the tellers, then who is told.
    if (ticket_ != 0) engine_.unwatch(ticket_);
    timers_.stop();
    folders_.stop();
    events_.stop();
  }

  Result<void> begin() {
    HILLSTAR_TRY(ticket_,
                 engine_.watch([this](const RunId& history, const auto& events) { on_commit(history, *events); }));
    timers_.start();
    folders_.start();
    events_.start();
    return {};
  }

  void look_again() override {
    timers_.look_again();
    folders_.look_again();
    events_.look_again();
  }

 private:
  void on_commit(const RunId& history, const std::vector<Recorded>& events) {
    events_.on_commit(history, events);
    const bool changed = std::any_of(events.begin(), events.end(), [](const Recorded& one) {
      return std::holds_alternative<StreamDeclared>(one.event) || std::holds_alternative<StreamRemoved>(one.event);
    });
    if (changed) look_again();
  }

  Engine& engine_;
  std::shared_ptr<const Clock> clock_;
  actors::TimerSource timers_;
  actors::FolderSource folders_;
  actors::EventSource events_;
  std::uint64_t ticket_ = 0;
};

}  // namespace

Result<std::unique_ptr<TriggerService>> TriggerService::start(Engine& engine, std::shared_ptr<const Clock> clock,
                                                              std::function<void(const std::string&)> log) {
  if (!clock) clock = std::make_shared<SystemClock>();
  if (!log) log = [](const std::string&) {};
  auto service = std::make_unique<Service>(engine, std::move(clock), std::move(log));
  HILLSTAR_CHECK(service->begin());
  return std::unique_ptr<TriggerService>(std::move(service));
}

}  // namespace hillstar
