// SPDX-License-Identifier: Apache-2.0
// Gathers what a program or file gives, in bounded memory: short text inline, long text and bytes as blobs.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "messages/value.hpp"
#include "runtime/platform/descriptor.hpp"
#include "runtime/policy/redaction.hpp"

namespace hillstar::tools {

/// Tells text from bytes while they arrive.
class Utf8Check {
 public:
  void append(std::string_view bytes);
  /// False once a malformed sequence was seen.
  [[nodiscard]] bool is_text() const { return is_text_; }
  /// The verdict on all of it: a sequence cut off at the end is malformed too.
  [[nodiscard]] bool is_whole_text() const { return is_text_ && rest_.empty(); }

 private:
  std::string rest_;  ///< The start of a sequence that is not complete yet; at most 3 bytes.
  bool is_text_ = true;
};

/// Length of `bytes` without a sequence that is cut off at the end.
std::size_t whole_utf8(std::string_view bytes);

/// What was gathered: text, or a blob. Text has its line ends translated (CR LF and CR become LF); bytes are as they
/// were.
struct Gathered {
  std::string text;
  std::optional<BlobRef> blob;  ///< Its `at` is empty.
};

/// One stream. Up to kInlineBytesMax bytes stay in memory; more goes on to a blob while it arrives. Whether CRs are to
/// be translated is known at the end only, so from the first CR on a long stream waits in an unlinked temporary file.
class OutputCollector {
 public:
  /// What `redactor` finds never reaches a blob or a result.
  explicit OutputCollector(std::function<std::unique_ptr<BlobSink>()> new_blob, policy::Redactor redactor = {})
      : new_blob_(std::move(new_blob)), redacts_(!redactor.empty()), redactor_(std::move(redactor)) {}
  Result<void> append(std::string_view bytes);
  /// Call once, at the end.
  Result<Gathered> finish();

 private:
  Result<void> take(std::string_view bytes);
  Result<void> spill();
  Result<void> flush_raw();
  Result<void> spool(std::string_view bytes);
  Result<void> unspool(bool translate);
  Result<void> to_blob(std::string_view bytes);

  std::function<std::unique_ptr<BlobSink>()> new_blob_;
  bool redacts_;
  policy::StreamRedactor redactor_;
  std::unique_ptr<BlobSink> blob_;
  std::uint64_t blob_bytes_ = 0;
  Utf8Check check_;
  std::string pending_;  ///< Not in the blob yet, and not in the spool.
  Descriptor spool_;
};

/// Keeps the end of a stream for an error message.
class OutputTail {
 public:
  void append(std::string_view bytes);
  /// Trimmed text; malformed bytes as U+FFFD; says so if the beginning is missing.
  [[nodiscard]] std::string text() const;

 private:
  std::string kept_;
  std::uint64_t left_out_ = 0;
};
/// Bytes of stderr that an error message keeps.
inline constexpr std::size_t kErrorBytesMax = 16 * 1024;

/// Line ends as Python's text mode reads them. `after_cr` carries over the piece boundaries of a stream; start with
/// false.
std::string translate_newlines(std::string_view text, bool& after_cr);

}  // namespace hillstar::tools
