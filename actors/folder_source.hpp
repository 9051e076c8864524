// SPDX-License-Identifier: Apache-2.0
// All watched folders of an engine's streams on one thread.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "actors/trigger_source.hpp"
#include "runtime/platform/folder_watch.hpp"

namespace hillstar::actors {

class FolderSource final : public TriggerSource {
 public:
  using TriggerSource::TriggerSource;
  ~FolderSource() override { stop(); }

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Line {
    FileTrigger trigger;
    std::unique_ptr<FolderWatch> watch;
    bool has_key = false;       ///< The entry point makes one.
    std::size_t in_flight = 0;  ///< Files that the stream has not answered for; none are looked for meanwhile.
    Time looked;
    Time next;
  };

  void on_streams(const std::vector<StreamStatus>& streams) override;
  Millis step() override;
  [[nodiscard]] std::vector<int> descriptors() const override;
  void look(const std::string& name, Line& line);
  void offer(const std::string& name, Line& line, const SettledFile& file);
  void on_answer(const std::string& stream, const std::string& file, const Result<Accepted>& answer);

  std::map<std::string, Line> lines_;
};

}  // namespace hillstar::actors
