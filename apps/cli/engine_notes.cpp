// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/engine_notes.hpp"

#include <cstdio>
#include <utility>

namespace hillstar::cli {

void EngineNotes::add(const std::string& line) {
  const std::lock_guard lock(mutex_);
  if (!wake_) {
    const auto text = (form_ ? form_(line) : line) + "\n";
    std::fwrite(text.data(), 1, text.size(), stderr);
    return;
  }
  if (lines_.size() >= kNotesMax) {
    ++dropped_;
    return;
  }
  lines_.push_back(line);
  wake_();
}

void EngineNotes::write_as(std::function<std::string(const std::string&)> form) {
  const std::lock_guard lock(mutex_);
  form_ = std::move(form);
}

void EngineNotes::listen(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
}

std::vector<std::string> EngineNotes::take() {
  const std::lock_guard lock(mutex_);
  auto lines = std::exchange(lines_, {});
  if (dropped_ > 0)
    lines.push_back("warning: " + std::to_string(std::exchange(dropped_, 0)) + " more lines like these");
  return lines;
}

}  // namespace hillstar::cli
