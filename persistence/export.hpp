// SPDX-License-Identifier: Apache-2.0
// One run as JSON lines that prove themselves, and the check of such lines without a store.
//
//   {"event":<the record's line>,"hash":"<64 hex>","prev":"<64 hex>"}
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "messages/error.hpp"
#include "persistence/chain.hpp"
#include "persistence/event_store.hpp"

namespace hillstar::persistence {

/// One line of an export, without the newline.
std::string export_line(const Record& record, const Hash& previous);

/// Hands every line of the run to `write`, verified, in bounded memory. Errors of the store and of `write` end it.
Result<void> export_run(const EventStore& store, const RunId& run,
                        const std::function<Result<void>(std::string_view line)>& write);

/// Checks an export line by line.
class ExportCheck {
 public:
  /// The next line, without its newline. record_corrupt or chain_broken name the line: `line 7`.
  Result<void> line(std::string_view text);
  /// Records so far, all good.
  [[nodiscard]] std::uint64_t count() const { return walk_ ? walk_->seq() : 0; }
  /// The run that the export is of; empty before the first line.
  [[nodiscard]] const RunId& run() const { return run_; }
  /// Hash of the last record: two exports of one run with the same count have the same.
  [[nodiscard]] Hash last() const { return walk_ ? walk_->hash() : Hash{}; }

 private:
  std::uint64_t lines_ = 0;
  RunId run_;
  std::optional<ChainWalk> walk_;
};

/// The same for a whole text. Returns the number of records.
Result<std::uint64_t> check_export(std::string_view text);

}  // namespace hillstar::persistence
