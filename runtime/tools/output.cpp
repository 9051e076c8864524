// SPDX-License-Identifier: Apache-2.0
#include "runtime/tools/output.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "messages/json.hpp"
#include "runtime/platform/file_access.hpp"
#include "runtime/platform/signal_block.hpp"

namespace hillstar::tools {
namespace {

constexpr std::size_t kCopyBytes = 64 * 1024;

/// Bytes that a sequence with this first byte has; 1 for what cannot start one.
std::size_t sequence_length(unsigned char first) {
  if (first >= 0xF0 && first <= 0xF4) return 4;
  if (first >= 0xE0 && first <= 0xEF) return 3;
  if (first >= 0xC2 && first <= 0xDF) return 2;
  return 1;
}

Descriptor unlinked_file() {
  for (const char* folder : {"/var/tmp", "/tmp"}) {
    Descriptor file(open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (file.is_open()) return file;
    std::string name = std::string(folder) + "/hillstar-XXXXXX";
    file = Descriptor(mkostemp(name.data(), O_CLOEXEC));
    if (!file.is_open()) continue;
    unlink(name.c_str());
    return file;
  }
  return Descriptor();
}

}  // namespace

std::size_t whole_utf8(std::string_view bytes) {
  for (std::size_t back = 1; back <= 3 && back <= bytes.size(); ++back) {
    const auto byte = static_cast<unsigned char>(bytes[bytes.size() - back]);
    if ((byte & 0xC0U) == 0x80U) continue;
    return sequence_length(byte) > back ? bytes.size() - back : bytes.size();
  }
  return bytes.size();
}

void Utf8Check::append(std::string_view bytes) {
  if (!is_text_) return;
  std::string joined;
  if (!rest_.empty()) {
    // Only the few bytes at the seam are copied.
    const std::size_t seam = std::min<std::size_t>(bytes.size(), 4);
    joined = rest_ + std::string(bytes.substr(0, seam));
    const std::size_t need = sequence_length(static_cast<unsigned char>(rest_.front()));
    if (joined.size() < need) {
      rest_ = joined;
      return;
    }
    is_text_ = json::is_utf8(std::string_view(joined).substr(0, need));
    bytes.remove_prefix(need - rest_.size());
    rest_.clear();
  }
  const std::size_t whole = whole_utf8(bytes);
  is_text_ = is_text_ && json::is_utf8(bytes.substr(0, whole));
  rest_.assign(bytes.substr(whole));
}

std::string translate_newlines(std::string_view text, bool& after_cr) {
  std::string result;
  result.reserve(text.size());
  for (const char c : text) {
    if (!(c == '\n' && after_cr)) result += c == '\r' ? '\n' : c;
    after_cr = c == '\r';
  }
  return result;
}

Result<void> OutputCollector::append(std::string_view bytes) {
  return redacts_ ? take(redactor_.feed(bytes)) : take(bytes);
}

Result<void> OutputCollector::take(std::string_view bytes) {
  check_.append(bytes);
  if (spool_.is_open()) {
    HILLSTAR_CHECK(spool(bytes));
    return check_.is_text() ? Result<void>() : unspool(false);
  }
  pending_ += bytes;
  return pending_.size() > kInlineBytesMax ? spill() : Result<void>();
}

Result<void> OutputCollector::spill() {
  const auto cr = check_.is_text() ? pending_.find('\r') : std::string::npos;
  if (cr == std::string::npos) return flush_raw();
  HILLSTAR_CHECK(to_blob(std::string_view(pending_).substr(0, cr)));
  spool_ = unlinked_file();
  if (!spool_.is_open()) return io_error(errno, "create a temporary file in", "/var/tmp");
  HILLSTAR_CHECK(spool(std::string_view(pending_).substr(cr)));
  pending_.clear();
  return {};
}

Result<void> OutputCollector::flush_raw() {
  HILLSTAR_CHECK(to_blob(pending_));
  pending_.clear();
  return {};
}

Result<void> OutputCollector::to_blob(std::string_view bytes) {
  if (!blob_) blob_ = new_blob_();
  blob_bytes_ += bytes.size();
  return blob_->append(bytes);
}

Result<void> OutputCollector::spool(std::string_view bytes) {
  const SignalBlock no_sigxfsz(SIGXFSZ);
  while (!bytes.empty()) {
    const ssize_t written = write(spool_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return io_error(errno, "write to a temporary file in", "/var/tmp");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> OutputCollector::unspool(bool translate) {
  const Descriptor file = std::move(spool_);
  std::string piece;
  bool after_cr = false;
  for (off_t at = 0;;) {
    piece.resize(kCopyBytes);
    const ssize_t got = pread(file.get(), piece.data(), piece.size(), at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io_error(errno, "read a temporary file in", "/var/tmp");
    if (got == 0) return {};
    at += got;
    piece.resize(static_cast<std::size_t>(got));
    HILLSTAR_CHECK(to_blob(translate ? translate_newlines(piece, after_cr) : piece));
  }
}

Result<Gathered> OutputCollector::finish() {
  if (redacts_) HILLSTAR_CHECK(take(redactor_.finish()));
  const bool is_text = check_.is_whole_text();
  if (is_text && !blob_) {
    bool after_cr = false;
    return Gathered{translate_newlines(pending_, after_cr), {}};
  }
  if (spool_.is_open()) HILLSTAR_CHECK(unspool(is_text));
  if (is_text) {
    bool after_cr = false;
    HILLSTAR_CHECK(to_blob(translate_newlines(pending_, after_cr)));
  } else {
    HILLSTAR_CHECK(to_blob(pending_));
  }
  HILLSTAR_TRY(std::string sha256, blob_->finish());
  return Gathered{{}, BlobRef{{}, blob_bytes_, !is_text, std::move(sha256)}};
}

void OutputTail::append(std::string_view bytes) {
  kept_ += bytes;
  // Cut at twice the size: the cost of moving is spread over as many bytes.
  if (kept_.size() <= 2 * kErrorBytesMax) return;
  left_out_ += kept_.size() - kErrorBytesMax;
  kept_.erase(0, kept_.size() - kErrorBytesMax);
}

std::string OutputTail::text() const {
  std::string_view end = kept_;
  std::uint64_t left_out = left_out_;
  if (end.size() > kErrorBytesMax) {
    left_out += end.size() - kErrorBytesMax;
    end.remove_prefix(end.size() - kErrorBytesMax);
  }
  bool after_cr = false;
  std::string text = translate_newlines(json::to_utf8(end), after_cr);
  const auto first = text.find_first_not_of(" \t\n\v\f");
  if (first == std::string::npos) return {};
  text = text.substr(first, text.find_last_not_of(" \t\n\v\f") + 1 - first);
  if (left_out > 0) text = "[the first " + std::to_string(left_out) + " bytes are left out]\n" + text;
  return text;
}

}  // namespace hillstar::tools
