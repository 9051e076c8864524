// SPDX-License-Identifier: Apache-2.0
#include "apps/http/remote_feed.hpp"

#include <boost/json.hpp>
#include <utility>

#include "apps/cli/protocol.hpp"
#include "apps/http/remote.hpp"
#include "messages/json_codec.hpp"
#include "persistence/event_codec.hpp"

namespace hillstar::http {

void RemoteFeed::take(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  if (over_) return;
  text_ += bytes;
  for (auto end = text_.find("\n\n"); end != std::string::npos && !over_; end = text_.find("\n\n")) {
    on_block(std::string_view(text_).substr(0, end + 1));
    text_.erase(0, end + 2);
  }
}

void RemoteFeed::ended() {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(over_, true)) callback_(FeedCut{run_});
}

void RemoteFeed::stop() {
  const std::lock_guard lock(mutex_);
  over_ = true;
}

void RemoteFeed::on_block(std::string_view block) {
  std::string type;
  std::string data;
  const auto value_of = [](std::string_view line, std::size_t name) {
    line.remove_prefix(name + 1);
    if (line.starts_with(' ')) line.remove_prefix(1);
    return line;
  };
  while (!block.empty()) {
    auto line = block.substr(0, block.find('\n'));
    block.remove_prefix(line.size() + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("event:")) type = value_of(line, 5);
    if (!line.starts_with("data:")) continue;
    if (!data.empty()) data += '\n';
    data += value_of(line, 4);
  }
  if (!data.empty()) on_event(type, data);
}

void RemoteFeed::on_event(const std::string& type, const std::string& data) {
  if (type == "parked") return park(error_in(data, run_.str()));
  if (type == "piece") {
    const auto parsed = json::parse(data);
    auto piece = parsed ? json::read<cli::WireProgress>(*parsed) : Result<cli::WireProgress>(parsed.error());
    // It is for the eye alone: what cannot be read is left out.
    if (piece)
      callback_(Progress{run_, piece->node, piece->item, piece->attempt, piece->text, piece->offset, piece->end});
    return;
  }
  auto recorded = persistence::decode(data, run_);
  if (!recorded) return park(recorded.error());
  const auto kind = type_name(recorded->event);
  over_ = kind == "run_completed" || kind == "run_failed" || kind == "run_cancelled" || kind == "run_timed_out";
  callback_(FeedEvent{run_, std::move(recorded).value()});
}

void RemoteFeed::park(Error error) {
  over_ = true;
  callback_(RunParked{run_, std::move(error)});
}

}  // namespace hillstar::http
