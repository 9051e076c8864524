// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/quota.hpp"

#include <algorithm>

namespace hillstar::stream {
namespace {

constexpr std::int64_t kDayMicros = kQuotaDay.count() * 1000;

UtcTime before(UtcTime time, Millis span) { return {time.micros - span.count() * 1000}; }

std::string in_units(std::uint64_t bytes) {
  if (bytes < 10U << 10U) return std::to_string(bytes) + " bytes";
  if (bytes < 10U << 20U) return std::to_string(bytes >> 10U) + " KiB";
  return std::to_string(bytes >> 20U) + " MiB";
}

Excess refusal(const std::string& stream, std::string message, std::optional<UtcTime> room) {
  auto hint = room ? "Try again after " + to_rfc3339(*room) + ", or raise the quota of the entry point."
                   : std::string("`hillstar-actors gc` removes runs that have ended; or raise the quota.");
  return {Error{Errc::rate_limited, std::move(message), stream, std::move(hint)}, room};
}

}  // namespace

UtcTime day_of(UtcTime time) {
  const auto into = time.micros % kDayMicros;
  return {time.micros - (into < 0 ? into + kDayMicros : into)};
}

void Usage::accept(UtcTime at) {
  // Nearly always the last one; a clock may be set back.
  accepted_.insert(std::upper_bound(accepted_.begin(), accepted_.end(), at), at);
  const auto oldest = before(at, kQuotaDay + kQuotaDay);
  while (!accepted_.empty() && (accepted_.size() > kQuotaRunsMax || accepted_.front() < oldest)) accepted_.pop_front();
}

void Usage::withdraw(UtcTime at) {
  const auto found = std::lower_bound(accepted_.begin(), accepted_.end(), at);
  if (found != accepted_.end() && *found == at) accepted_.erase(found);
}

void Usage::turn(UtcTime now) {
  const auto day = day_of(now).micros;
  // A clock that is set back a little must not make the day begin again.
  if (day == day_ || (day < day_ && day_ - day <= kDayMicros)) return;
  day_ = day;
  ended_today_ = open_today_ = MicroUsd{};
  for (auto& [run, open] : open_) open.before = open.all;
}

void Usage::meter(const RunId& run, MicroUsd all, MicroUsd before, std::uint64_t bytes, UtcTime now) {
  turn(now);
  const auto [found, is_new] = open_.try_emplace(run);
  auto& open = found->second;
  if (is_new) open.before = before;
  if (!is_new) open_today_ -= open.all - open.before;
  bytes_ = bytes_ - open.bytes + bytes;
  open.all = std::max(all, open.before);
  open.bytes = bytes;
  open_today_ += open.all - open.before;
}

void Usage::end(const RunId& run, UtcTime now) {
  turn(now);
  const auto found = open_.find(run);
  if (found == open_.end()) return;
  const auto spent = found->second.all - found->second.before;
  open_today_ -= spent;
  ended_today_ += spent;
  open_.erase(found);
}

std::deque<UtcTime>::const_iterator Usage::first_after(UtcTime time) const {
  return std::upper_bound(accepted_.begin(), accepted_.end(), time);
}

std::uint32_t Usage::runs_since(UtcTime now, Millis window) const {
  const auto counted = first_after(now + kQuotaDay) - first_after(before(now, window));
  return static_cast<std::uint32_t>(std::max<std::ptrdiff_t>(counted, 0));
}

MicroUsd Usage::cost_today(UtcTime now) {
  turn(now);
  return ended_today_ + open_today_;
}

std::optional<UtcTime> room_at(const Usage& usage, const Quota& quota, UtcTime now) {
  std::optional<UtcTime> room;
  const auto look = [&](const std::optional<std::uint32_t>& limit, Millis window) {
    if (!limit) return;
    const auto counted = usage.runs_since(now, window);
    if (counted < *limit) return;
    // So many of the oldest that count have to go, until there is room for one.
    const auto last = usage.first_after(before(now, window)) + static_cast<std::ptrdiff_t>(counted - *limit);
    room = std::max(room, std::optional(*last + window));
  };
  look(quota.runs_per_hour, kQuotaHour);
  look(quota.runs_per_day, kQuotaDay);
  return room;
}

std::optional<Excess> excess(Usage& usage, const Quota& quota, const std::string& stream, UtcTime now) {
  if (quota.stored_bytes && usage.bytes() >= *quota.stored_bytes)
    return refusal(stream,
                   "the records of the stream's runs take " + in_units(usage.bytes()) + ", and its quota is " +
                       in_units(*quota.stored_bytes) + " (stored_bytes).",
                   {});
  if (const auto spent = usage.cost_today(now); quota.cost_per_day && spent >= *quota.cost_per_day)
    return refusal(stream,
                   "the stream's runs have spent " + to_dollars(spent) + " US dollars today, and its quota is " +
                       to_dollars(*quota.cost_per_day) + " (cost_per_day).",
                   day_of(now) + kQuotaDay);
  const auto room = room_at(usage, quota, now);
  if (!room) return std::nullopt;
  const bool of_day = quota.runs_per_day && usage.runs_since(now, kQuotaDay) >= *quota.runs_per_day;
  return refusal(stream,
                 "the stream has accepted " +
                     (of_day ? std::to_string(*quota.runs_per_day) + " runs in the last 24 hours, as many as its quota "
                                                                     "allows (runs_per_day)."
                             : std::to_string(*quota.runs_per_hour) + " runs in the last 60 minutes, as many as its "
                                                                      "quota allows (runs_per_hour)."),
                 room);
}

}  // namespace hillstar::stream
