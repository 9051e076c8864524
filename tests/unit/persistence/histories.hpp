// SPDX-License-Identifier: Apache-2.0
// Builders for the tests of the store: temporary folders, runs, histories.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "persistence/event_store.hpp"

namespace hillstar::persistence::testing {

/// A new folder that goes away with the object.
class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hillstar-store-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = pattern;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string store() const { return path_ + "/store"; }

 private:
  std::string path_;
};

/// The n-th run id; later ones sort later.
inline RunId run_id(std::uint64_t n) {
  char text[27];
  std::snprintf(text, sizeof text, "01JD%022llu", static_cast<unsigned long long>(n));
  return RunId(text);
}

inline UtcTime at(std::uint64_t n) { return {1'700'000'000'000'000 + static_cast<std::int64_t>(n)}; }

/// A short event that depends on n.
inline Event event(std::uint64_t n) {
  if (n % 2 == 0) {
    NodeScheduled scheduled;
    scheduled.node = NodeId("node_" + std::to_string(n));
    return scheduled;
  }
  NodeCompleted completed;
  completed.node = NodeId("node_" + std::to_string(n));
  completed.result.json = Json::string("result " + std::to_string(n));
  return completed;
}

/// Writes one history: keeps its version and last hash.
class Writer {
 public:
  explicit Writer(RunId run) : run_(std::move(run)) {}

  /// The append of these events behind all former ones.
  Append append(const std::vector<Event>& events) {
    Append append;
    append.run = run_;
    append.expected_version = version_;
    for (const auto& e : events) {
      ++version_;
      append.records.push_back(encode(run_, version_, at(version_), e, hash_));
      hash_ = append.records.back().hash;
    }
    append.summary.run = run_;
    append.summary.workflow = WorkflowId("workflow");
    append.summary.status = "running";
    append.summary.version = version_;
    return append;
  }
  Append append(std::size_t count) {
    std::vector<Event> events;
    for (std::size_t i = 0; i < count; ++i) events.push_back(event(version_ + i));
    return append(events);
  }
  [[nodiscard]] const RunId& run() const { return run_; }
  [[nodiscard]] std::uint64_t version() const { return version_; }
  [[nodiscard]] const Hash& hash() const { return hash_; }

 private:
  RunId run_;
  std::uint64_t version_ = 0;
  Hash hash_{};
};

/// Commits one append and says whether it was accepted.
inline bool commit(EventStore& store, Append append) {
  std::vector<Append> appends;
  appends.push_back(std::move(append));
  const auto refused = store.commit(appends);
  return refused && refused->empty();
}

template <class T>
std::string problem(const Result<T>& result) {
  return result ? std::string() : to_string(result.error());
}
template <class T>
Errc code(const Result<T>& result) {
  return result ? Errc{} : result.error().code;
}

}  // namespace hillstar::persistence::testing
