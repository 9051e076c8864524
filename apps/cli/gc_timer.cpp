// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/gc_timer.hpp"

#include <boost/json.hpp>

#include "apps/cli/questions.hpp"
#include "apps/cli/span.hpp"
#include "messages/json_codec.hpp"

namespace hillstar::cli {

Result<Millis> GcTimer::every(const std::string& text) {
  HILLSTAR_TRY(const auto span, span_of(text));
  if (span < Millis(1'000)) return Error{Errc::usage, "gc runs once a second at most.", "--gc-every", {}};
  return span;
}

GcTimer::GcTimer(Engine& engine, persistence::EventStore& store, Millis every, EngineNotes& notes)
    : engine_(engine), store_(store), every_(every), notes_(notes), thread_([this] { run(); }) {}

GcTimer::~GcTimer() {
  let_go();
  thread_.join();
}

void GcTimer::let_go() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
}

void GcTimer::run() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, every_, [this] { return over_; })) {
    lock.unlock();
    collect();
    lock.lock();
  }
}

void GcTimer::collect() {
  const Question question{Topic::collect, {}, Json::from_canonical(json::to_text(CollectJob{})), {}};
  const auto removed = answer(engine_, store_, question);
  if (!removed) {
    // No stream has a retention now; one may be declared later. And one that a person began goes first.
    const auto code = removed.error().code;
    if (code != Errc::usage && code != Errc::run_state && code != Errc::host_unreachable)
      notes_.add("error " + to_string(removed.error()));
    return;
  }
  const auto document = removed->value();
  const auto* runs = json::member(document, "runs");
  if (runs != nullptr && runs->is_number() && runs->to_number<std::int64_t>() > 0)
    notes_.add("gc removed " + json::canonical(*runs) + " runs that no retention keeps.");
}

}  // namespace hillstar::cli
