// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/call_list.hpp"

#include <boost/json.hpp>

#include "apps/cli/live_run.hpp"
#include "messages/json_codec.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

template <class T>
void add_call(const T& event, const Recorded& recorded, std::vector<ListedCall>& calls) {
  if constexpr (requires { event.detail; }) {
    auto names = names_in(event.detail);
    if (names.request.empty()) return;
    calls.push_back(
        {recorded.seq, recorded.at, to_string(Unit{event.node, event.item}), event.attempt, std::move(names)});
  }
}

template <class T>
void add_facts(const T& event, bj::object& object) {
  const auto put = [&object](const char* name, const auto& value) {
    auto shown = Json::from_canonical(json::to_text(value)).value();
    if (!shown.is_null()) object[name] = std::move(shown);
  };
  if constexpr (requires { event.usage; }) put("usage", event.usage);
  if constexpr (requires { event.failure; }) put("failure", event.failure);
}

}  // namespace

std::vector<ListedCall> calls_in(const std::vector<Recorded>& history) {
  std::vector<ListedCall> calls;
  for (const auto& recorded : history)
    std::visit([&](const auto& event) { add_call(event, recorded, calls); }, recorded.event);
  return calls;
}

Json calls_document(const std::vector<Recorded>& history) {
  bj::array all;
  for (const auto& call : calls_in(history)) {
    bj::object object{{"seq", call.seq},
                      {"at", to_rfc3339(call.at)},
                      {"node", call.unit},
                      {"attempt", call.attempt},
                      {"request", call.names.request}};
    if (!call.names.reply.empty()) object["reply"] = call.names.reply;
    // A history is numbered from 1 without a gap.
    const auto& event = history[call.seq - 1].event;
    object["event"] = type_name(event);
    std::visit([&](const auto& fact) { add_facts(fact, object); }, event);
    all.push_back(std::move(object));
  }
  return Json::of(all);
}

}  // namespace hillstar::cli
