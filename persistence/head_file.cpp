// SPDX-License-Identifier: Apache-2.0
#include "persistence/head_file.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "persistence/files.hpp"
#include "persistence/keys.hpp"

namespace hillstar::persistence {
namespace {

constexpr std::string_view kName = "head";
constexpr std::string_view kFirstLine = "hillstar-head 1\ncount ";
constexpr std::string_view kChainWord = "\nchain ";
constexpr std::size_t kHeadFileBytesMax = 256;
constexpr const char* kRepairHint =
    "If a backup was put back or a file is missing, restore all of the store's folder; else copy it and run "
    "`hillstar-actors repair`, which says what is lost.";

}  // namespace

std::string head_text(const LogHead& head) {
  return std::string(kFirstLine) + std::to_string(head.count) + std::string(kChainWord) + to_hex(head.chain) + "\n";
}

std::optional<LogHead> parse_head(std::string_view text) {
  if (text.substr(0, kFirstLine.size()) != kFirstLine) return std::nullopt;
  LogHead head;
  const char* const end = text.data() + text.size();
  const auto [after, error] = std::from_chars(text.data() + kFirstLine.size(), end, head.count);
  if (error != std::errc()) return std::nullopt;
  const auto rest = text.substr(static_cast<std::size_t>(after - text.data()));
  if (rest.size() != kChainWord.size() + 64 + 1 || rest.substr(0, kChainWord.size()) != kChainWord) return std::nullopt;
  const auto chain = hash_from_hex(rest.substr(kChainWord.size(), 64));
  if (!chain) return std::nullopt;
  head.chain = *chain;
  // Also refuses a leading zero and a missing last newline.
  if (head_text(head) != text) return std::nullopt;
  return head;
}

Result<std::optional<LogHead>> read_head_file(rocksdb::Env& env, const std::string& folder) {
  const std::string path = folder + "/" + std::string(kName);
  if (env.FileExists(path).IsNotFound()) return std::optional<LogHead>();
  HILLSTAR_TRY(const auto text, read_file(env, path, kHeadFileBytesMax));
  const auto head = parse_head(text);
  if (!head) return Error(Errc::store_open, "the head file is malformed.", path, kRepairHint);
  return std::optional<LogHead>(*head);
}

Result<void> write_head_file(rocksdb::Env& env, const std::string& folder, const LogHead& head) {
  return write_file(env, folder, std::string(kName), head_text(head));
}

Result<void> check_head(const Database& database, const LogHead& log, const std::optional<LogHead>& file) {
  const std::string& folder = database.folder();
  if (!file) {
    if (log.count == 0) return {};
    return Error(Errc::store_truncated, "the head file is missing, though the log has records.", folder, kRepairHint);
  }
  if (log.count < file->count)
    return Error(Errc::store_truncated,
                 "the log has " + std::to_string(log.count) + " records, but it had " + std::to_string(file->count) +
                     " before: acknowledged records are gone.",
                 folder, kRepairHint);
  Hash chain = log.chain;
  if (log.count > file->count && file->count > 0) {
    HILLSTAR_TRY(const auto row, database.meta_row(keys::mark(file->count)));
    if (!row || row->size() != chain.size())
      return Error(
          Errc::chain_broken,
          "the log does not know the head that the head file names (count " + std::to_string(file->count) + ").",
          folder, kRepairHint);
    std::copy(row->begin(), row->end(), chain.begin());
  }
  if (file->count > 0 && chain != file->chain)
    return Error(Errc::chain_broken, "the log is not the one that the head file was written for.", folder, kRepairHint);
  return {};
}

HeadKeeper::HeadKeeper(rocksdb::Env& env, std::string folder, const LogHead& log, const LogHead& file,
                       HeadPolicy policy)
    : env_(env),
      folder_(std::move(folder)),
      policy_(policy),
      head_(log),
      published_(file),
      marked_(log != file || file.count == 0),
      worker_([this] { work(); }) {}

HeadKeeper::~HeadKeeper() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  worker_.join();
}

Result<std::optional<LogHead>> HeadKeeper::begin_commit() {
  const std::lock_guard lock(mutex_);
  if (failure_) return *failure_;
  committing_ = true;
  if (marked_) return std::optional<LogHead>();
  return std::optional<LogHead>(published_);
}

void HeadKeeper::end_commit(const LogHead& head) {
  bool news = false;
  {
    const std::lock_guard lock(mutex_);
    committing_ = false;
    marked_ = true;
    // While a head waits for its interval, another one is no news: waking the worker for it would cost every commit.
    news = due_ || pending_ || stop_ || head_ == published_;
    head_ = head;
    if (due_ || head_.count - published_.count >= policy_.records_max) {
      publish();
      news = true;
    }
  }
  if (news) wake_.notify_all();
}

LogHead HeadKeeper::head() const {
  const std::lock_guard lock(mutex_);
  return head_;
}

/// Chooses the head that the file shall hold next. Never while another one is on its way to the disk: the file then
/// holds either the last published head or the one before, and both have marks.
void HeadKeeper::publish() {
  due_ = false;
  if (pending_ || failure_ || head_ == published_) return;
  published_ = head_;
  marked_ = false;
  pending_ = true;
}

void HeadKeeper::work() {
  std::unique_lock lock(mutex_);
  const auto has_news = [&] { return head_ != published_ && !failure_; };
  for (;;) {
    wake_.wait(lock, [&] { return stop_ || pending_ || has_news(); });
    if (!pending_ && !stop_) wake_.wait_for(lock, policy_.interval, [&] { return stop_ || pending_; });
    if (!pending_) {
      if (committing_ && !stop_) {
        due_ = true;
        wake_.wait(lock, [&] { return stop_ || pending_ || !committing_; });
      }
      // After a failed commit the end of the log is unknown, so the last word stays with the file as it is.
      if (!committing_) publish();
    }
    if (pending_ && !failure_) {
      const LogHead head = published_;
      lock.unlock();
      auto written = write_head_file(env_, folder_, head);
      lock.lock();
      if (!written) failure_ = written.error();
      pending_ = false;
    }
    if (stop_ && (failure_ || committing_ || head_ == published_)) return;
  }
}

}  // namespace hillstar::persistence
