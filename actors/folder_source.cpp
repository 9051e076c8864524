// SPDX-License-Identifier: Apache-2.0
#include "actors/folder_source.hpp"

#include <poll.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>

namespace hillstar::actors {
namespace {

/// Between two looks at one folder, however much happens in it.
constexpr Millis kLookMin{100};
constexpr Millis kRetry{2'000};
constexpr Millis kSettleDefault{2'000};
constexpr Millis kForEver{3'600'000};

bool is_readable(int descriptor) {
  pollfd asked{descriptor, POLLIN, 0};
  return descriptor >= 0 && ::poll(&asked, 1, 0) == 1;
}

Json document_of(const SettledFile& file) {
  boost::json::object said;
  said["path"] = file.path;
  said["name"] = file.name;
  said["bytes"] = file.bytes;
  said["modified"] = to_rfc3339(file.modified);
  said["sha256"] = file.sha256;
  boost::json::object document;
  document["file"] = std::move(said);
  return Json::of(boost::json::value(std::move(document)));
}

}  // namespace

void FolderSource::on_streams(const std::vector<StreamStatus>& streams) {
  auto old = std::exchange(lines_, {});
  for (const auto& status : streams) {
    const auto& declared = status.declared;
    const auto& trigger = declared.entry.file;
    if (status.removed || !trigger) continue;
    if (const auto known = old.find(declared.stream); known != old.end() && known->second.trigger == *trigger) {
      known->second.has_key = declared.entry.dedupe.has_value();
      lines_.emplace(declared.stream, std::move(known->second));
      continue;
    }
    const auto folder = (std::filesystem::path(declared.workspace) / trigger->folder).lexically_normal().string();
    Line line;
    line.trigger = *trigger;
    line.watch = std::make_unique<FolderWatch>(
        FolderRules{folder, trigger->pattern.value_or(""), trigger->settle.value_or(kSettleDefault)}, parts().clock);
    line.has_key = declared.entry.dedupe.has_value();
    lines_.emplace(declared.stream, std::move(line));
  }
}

Millis FolderSource::step() {
  auto wait = kForEver;
  for (auto& [name, line] : lines_) {
    if (is_over()) return Millis(0);
    if (line.in_flight > 0) continue;
    const auto now = parts().clock.steady_now();
    if (is_readable(line.watch->descriptor())) line.next = std::min(line.next, line.looked + kLookMin);
    if (line.next <= now) look(name, line);
    // Its descriptor ends no wait before then.
    const auto again = line.looked + kLookMin;
    if (again > now) wait = std::min(wait, std::chrono::ceil<Millis>(again - now));
    if (line.in_flight == 0)
      wait = std::min(wait, std::max(Millis(0), std::chrono::ceil<Millis>(line.next - parts().clock.steady_now())));
  }
  return wait;
}

std::vector<int> FolderSource::descriptors() const {
  std::vector<int> all;
  const auto now = parts().clock.steady_now();
  // One that may not be looked at yet would end the wait again and again.
  for (const auto& [name, line] : lines_)
    if (line.in_flight == 0 && line.watch->descriptor() >= 0 && line.looked + kLookMin <= now)
      all.push_back(line.watch->descriptor());
  return all;
}

void FolderSource::look(const std::string& name, Line& line) {
  const auto look = line.watch->look([this] { return is_over(); });
  line.looked = parts().clock.steady_now();
  line.next = line.looked + std::max(look.wait, kLookMin);
  for (const auto& problem : look.problems)
    parts().log("warning: " + to_string(problem) + " The stream '" + name + "' watches it.");
  for (const auto& file : look.files) offer(name, line, file);
}

void FolderSource::offer(const std::string& name, Line& line, const SettledFile& file) {
  TriggerRun request;
  request.stream = name;
  request.kind = TriggerKind::file;
  request.event = document_of(file);
  if (!line.has_key) request.key = "file:" + file.sha256;
  request.started_by = "file";
  ++line.in_flight;
  trigger(std::move(request),
          [this, name, file = file.name](const Result<Accepted>& answer) { on_answer(name, file, answer); });
}

void FolderSource::on_answer(const std::string& stream, const std::string& file, const Result<Accepted>& answer) {
  const auto found = lines_.find(stream);
  if (found == lines_.end()) return;
  auto& line = found->second;
  if (line.in_flight > 0) --line.in_flight;
  if (answer) return;
  if (is_passing(answer.error().code)) {
    line.watch->again(file);
    line.next = parts().clock.steady_now() + std::max(kRetry, wait_after(answer.error().code));
    return;
  }
  parts().log("warning: The stream '" + stream + "' starts no run for the file '" + file +
              "': " + answer.error().message);
}

}  // namespace hillstar::actors
