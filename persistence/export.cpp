// SPDX-License-Identifier: Apache-2.0
#include "persistence/export.hpp"

#include <boost/json.hpp>
#include <utility>

#include "messages/json.hpp"
#include "persistence/limits.hpp"

namespace hillstar::persistence {
namespace {

constexpr std::string_view kEventKey = R"({"event":)";
constexpr std::string_view kHashKey = R"(,"hash":")";
constexpr std::string_view kPreviousKey = R"(","prev":")";
constexpr std::string_view kEnd = R"("})";
constexpr std::size_t kHexBytes = 64;
constexpr std::size_t kTailBytes = kHashKey.size() + kHexBytes + kPreviousKey.size() + kHexBytes + kEnd.size();

struct Parts {
  std::string_view event;
  Hash hash{};
  Hash previous{};
};

std::optional<Parts> split(std::string_view text) {
  if (text.size() < kEventKey.size() + kTailBytes || text.substr(0, kEventKey.size()) != kEventKey) return std::nullopt;
  Parts parts;
  parts.event = text.substr(kEventKey.size(), text.size() - kEventKey.size() - kTailBytes);
  std::string_view tail = text.substr(text.size() - kTailBytes);
  const auto take = [&](std::string_view word) {
    const bool found = tail.substr(0, word.size()) == word;
    tail.remove_prefix(word.size());
    return found;
  };
  const auto take_hash = [&](Hash& hash) {
    const auto value = hash_from_hex(tail.substr(0, kHexBytes));
    tail.remove_prefix(kHexBytes);
    hash = value.value_or(Hash{});
    return value.has_value();
  };
  const bool whole =
      take(kHashKey) && take_hash(parts.hash) && take(kPreviousKey) && take_hash(parts.previous) && take(kEnd);
  if (!whole) return std::nullopt;
  return parts;
}

/// The run that a record names, before anything else is known about it.
std::string run_of(std::string_view event) {
  const auto parsed = json::parse(event, {.bytes_max = kRecordBytesMax, .depth_max = kRecordDepthMax});
  if (!parsed || !parsed->is_object()) return {};
  const auto* name = parsed->get_object().if_contains("run");
  return name != nullptr && name->is_string() ? std::string(name->get_string()) : std::string();
}

}  // namespace

std::string export_line(const Record& record, const Hash& previous) {
  std::string text;
  text.reserve(kEventKey.size() + record.line.size() + kTailBytes);
  text += kEventKey;
  text += record.line;
  text += kHashKey;
  text += to_hex(record.hash);
  text += kPreviousKey;
  text += to_hex(previous);
  text += kEnd;
  return text;
}

Result<void> export_run(const EventStore& store, const RunId& run,
                        const std::function<Result<void>(std::string_view line)>& write) {
  HILLSTAR_TRY(const auto summary, store.summary(run));
  Hash previous{};
  std::uint64_t next = 1;
  while (next <= summary.version) {
    HILLSTAR_TRY(const auto page, store.read_records(run, next, kPageRecords));
    if (page.empty()) return record_error(Errc::chain_broken, "the record is missing.", run, next);
    for (const auto& record : page) {
      // A run may grow meanwhile; the export is of the run as it was at the start.
      if (record.seq > summary.version) return {};
      if (link(previous, record.line) != record.hash)
        return record_error(Errc::chain_broken, "the record changed while it was read.", run, record.seq);
      HILLSTAR_CHECK(write(export_line(record, previous)));
      previous = record.hash;
    }
    next += page.size();
  }
  return {};
}

Result<void> ExportCheck::line(std::string_view text) {
  ++lines_;
  const std::string where = "line " + std::to_string(lines_);
  const auto bad = [&](Errc code, std::string message) { return Error(code, std::move(message), where); };
  const auto parts = split(text);
  if (!parts) return bad(Errc::record_corrupt, R"(the line is not {"event":...,"hash":"...","prev":"..."}.)");
  const std::uint64_t seq = count() + 1;
  if (!walk_) {
    run_ = RunId(run_of(parts->event));
    if (run_.str().size() != kRunIdBytes) return bad(Errc::record_corrupt, "the record names no run.");
    walk_.emplace(run_);
  }
  const auto recorded = decode(parts->event, run_);
  if (!recorded) return bad(recorded.error().code, recorded.error().message);
  if (recorded->seq != seq)
    return bad(Errc::chain_broken,
               "record " + std::to_string(seq) + " is missing; this is " + std::to_string(recorded->seq) + ".");
  if (parts->previous != walk_->hash()) return bad(Errc::chain_broken, "the record is not linked to the one before.");
  if (auto linked = walk_->step(seq, parts->hash, parts->event); !linked)
    return bad(linked.error().code, linked.error().message);
  return {};
}

Result<std::uint64_t> check_export(std::string_view text) {
  ExportCheck check;
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos)
      return Error(Errc::record_corrupt, "the last line has no end: the export was cut.",
                   "line " + std::to_string(check.count() + 1));
    HILLSTAR_CHECK(check.line(text.substr(0, end)));
    text.remove_prefix(end + 1);
  }
  return check.count();
}

}  // namespace hillstar::persistence
