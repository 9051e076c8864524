// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/causes.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "messages/json_codec.hpp"

namespace hillstar::stream {

bool matches_type(const EventTrigger& trigger, std::string_view type) {
  return std::find(trigger.types.begin(), trigger.types.end(), type) != trigger.types.end();
}

bool matches(const EventTrigger& trigger, const Source& source, const Event& event) {
  if (!matches_type(trigger, type_name(event))) return false;
  if (trigger.workflow && *trigger.workflow != source.workflow.str()) return false;
  if (trigger.stream && trigger.stream != source.stream) return false;
  if (!trigger.node) return true;
  const auto* node = node_of(event);
  return node != nullptr && node->str() == *trigger.node;
}

Result<std::uint32_t> depth_after(const EventTrigger& trigger, const Source& source) {
  const auto most = trigger.depth.value_or(kDepthDefault);
  if (source.depth < most) return source.depth + 1;
  return Error(Errc::depth_exceeded,
               "The event would cause a run at depth " + std::to_string(source.depth + 1) + ", and " +
                   std::to_string(most) + " are allowed.",
               source.history.str(), "runs that cause themselves end here; 'depth' of the event trigger allows more");
}

Json event_document(const Source& source, const Recorded& recorded) {
  boost::json::object event;
  // What the event says comes first, so that it cannot pass itself off as another.
  auto said = json::parse(std::visit([](const auto& one) { return json::to_text(one); }, recorded.event));
  if (said && said->is_object()) event = std::move(said->get_object());
  event["run"] = source.history.str();
  event["seq"] = recorded.seq;
  event["at"] = to_rfc3339(recorded.at);
  event["type"] = std::string(type_name(recorded.event));
  event["workflow"] = source.workflow.str();
  if (source.stream)
    event["stream"] = *source.stream;
  else
    event.erase("stream");
  boost::json::object document;
  document["event"] = std::move(event);
  return Json::of(boost::json::value(std::move(document)));
}

std::string event_key(const RunId& history, std::uint64_t seq) {
  return "event:" + history.str() + ":" + std::to_string(seq);
}

}  // namespace hillstar::stream
