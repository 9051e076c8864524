// SPDX-License-Identifier: Apache-2.0
#include "persistence/run_index.hpp"

#include <algorithm>
#include <cstring>

#include "persistence/keys.hpp"
#include "runtime/platform/hash.hpp"

namespace hillstar::persistence {
namespace {

constexpr std::string_view kDigits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t kTimeDigits = 10;
constexpr std::size_t kWhatBytes = 16;
/// The first byte of what stands by its hash; else it is how long the word is.
constexpr char kHashed = '\xff';
constexpr std::int64_t kUlidMillisMax = (std::int64_t{1} << 48U) - 1;

bool is_odd(const run::Summary& row) {
  const auto made = time_of_id(row.run.str());
  return !made || std::abs(made->micros - row.started_at.micros) > kIdTimeSlackMicros;
}

}  // namespace

IndexId index_id(std::string_view run) {
  IndexId id{};
  std::memcpy(id.data(), run.data(), std::min(run.size(), id.size()));
  for (auto& c : id) c = static_cast<char>(~static_cast<unsigned char>(c));
  return id;
}

RunId run_of(const IndexId& id) {
  std::string text(id.data(), id.size());
  for (auto& c : text) c = static_cast<char>(~static_cast<unsigned char>(c));
  return RunId(std::move(text));
}

IndexPrefix index_prefix(IndexKind kind, std::string_view what, std::optional<std::string_view> value) {
  IndexPrefix prefix{static_cast<char>(keys::Table::index), static_cast<char>(kind)};
  char* out = prefix.data() + 2;
  if (!value && what.size() < kWhatBytes) {
    *out = static_cast<char>(what.size());
    std::copy(what.begin(), what.end(), out + 1);  // also of nothing, which memcpy may not be given
    return prefix;
  }
  const auto length = keys::be64(what.size());
  const auto hash = sha256({length.data(), length.size()}, what, value.value_or(std::string_view()));
  *out = kHashed;
  std::memcpy(out + 1, hash.data(), kWhatBytes - 1);
  return prefix;
}

IndexKey index_key(const IndexPrefix& prefix, const RunId& run) {
  IndexKey key{};
  std::memcpy(key.data(), prefix.data(), prefix.size());
  const auto id = index_id(run.str());
  std::memcpy(key.data() + prefix.size(), id.data(), id.size());
  return key;
}

void each_index_key(const run::Summary& row, const std::function<void(const IndexKey&)>& take) {
  if (!is_run_history(row.run)) return;
  const auto add = [&](IndexKind kind, std::string_view what, std::optional<std::string_view> value = {}) {
    take(index_key(index_prefix(kind, what, value), row.run));
  };
  add(IndexKind::status, row.status);
  add(IndexKind::workflow, row.workflow.str());
  if (row.stream) add(IndexKind::stream, *row.stream);
  if (row.stream && row.key) add(IndexKind::key, *row.stream, *row.key);
  if (row.correlation) add(IndexKind::correlation, *row.correlation);
  if (row.above) add(IndexKind::above, row.above->run.str());
  for (const auto& [name, value] : row.labels) add(IndexKind::label, name, value);
  if (is_odd(row)) add(IndexKind::odd, {});
}

std::optional<UtcTime> time_of_id(std::string_view run) {
  if (run.size() != kRunIdBytes) return std::nullopt;
  std::int64_t millis = 0;
  for (const char c : run.substr(0, kTimeDigits)) {
    const auto digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    millis = millis << 5 | static_cast<std::int64_t>(digit);
  }
  if (millis > kUlidMillisMax) return std::nullopt;
  return UtcTime{millis * 1000};
}

std::array<char, kRunIdBytes> first_id_of(UtcTime time) {
  auto millis = std::clamp<std::int64_t>(time.micros / 1000, 0, kUlidMillisMax);
  std::array<char, kRunIdBytes> id{};
  id.fill('0');
  for (std::size_t i = kTimeDigits; i-- > 0; millis >>= 5) id[i] = kDigits[static_cast<std::size_t>(millis & 31)];
  return id;
}

}  // namespace hillstar::persistence
