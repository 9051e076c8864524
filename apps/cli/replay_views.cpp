// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/replay_views.hpp"

#include <boost/json.hpp>
#include <set>

#include "apps/cli/live_run.hpp"
#include "apps/cli/report.hpp"
#include "messages/json_codec.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

class Views {
 public:
  Views(const workflow::Plan& plan, const ReadBlob& read) : read_(read) {
    for (const auto& node : plan.nodes)
      if (node.tool == "model_call") asked_.emplace(node.id, node.map.has_value());
  }

  Result<void> see(const Event& event) {
    const auto* node = node_of(event);
    if (node == nullptr || !asked_.contains(*node)) return {};
    if (const auto* scheduled = std::get_if<NodeScheduled>(&event)) {
      // The list of a map asks no model.
      if (auto* view = at(*scheduled)) view->attempts = scheduled->attempt, view->status = "no end";
    } else if (const auto* completed = std::get_if<NodeCompleted>(&event)) {
      if (auto* view = at(*completed)) {
        view->status = "completed";
        add(*view, completed->usage);
        return take(*view, *completed);
      }
    } else if (const auto* attempt = std::get_if<NodeAttemptFailed>(&event)) {
      if (auto* view = at(*attempt)) {
        add(*view, attempt->usage);
        return take(*view, *attempt);
      }
    } else if (const auto* failed = std::get_if<NodeFailed>(&event)) {
      if (auto* view = at(*failed)) view->status = "failed: " + std::string(json::enum_name(failed->failure.kind));
    } else if (const auto* skipped = std::get_if<NodeSkipped>(&event)) {
      views_[skipped->node.str()].status = "skipped";
    }
    return {};
  }
  std::map<std::string, UnitView> take_all() { return std::move(views_); }

 private:
  template <class T>
  UnitView* at(const T& event) {
    if (asked_.at(event.node) && !event.item) return nullptr;
    return &views_[to_string(Unit{event.node, event.item})];
  }
  static void add(UnitView& view, const std::optional<Usage>& usage) {
    if (!usage) return;
    view.tokens += usage->input_tokens + usage->output_tokens;
    view.cost += usage->cost;
  }
  template <class T>
  Result<void> take(UnitView& view, const T& event) {
    HILLSTAR_TRY(view.text, result_text(event.result, read_));
    const auto detail = event.detail ? event.detail->value() : bj::value();
    const auto text = [&](const char* name) {
      const auto* value = json::member(detail, name);
      return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
    };
    view.model = text("model").empty() ? text("model_asked") : text("model");
    view.finish = text("finish_reason");
    return {};
  }

  const ReadBlob& read_;
  std::map<NodeId, bool> asked_;  ///< Nodes that ask models; true: maps.
  std::map<std::string, UnitView> views_;
};

}  // namespace

Result<std::map<std::string, UnitView>> model_views(const workflow::Plan& plan, const std::vector<Recorded>& history,
                                                    const ReadBlob& read) {
  Views views(plan, read);
  for (const auto& recorded : history) HILLSTAR_CHECK(views.see(recorded.event));
  return views.take_all();
}

std::vector<UnitChange> changes_between(const std::map<std::string, UnitView>& before,
                                        const std::map<std::string, UnitView>& now) {
  auto all = before;
  all.insert(now.begin(), now.end());
  std::vector<UnitChange> changes;
  changes.reserve(all.size());
  const auto view = [](const std::map<std::string, UnitView>& views, const std::string& unit) {
    const auto found = views.find(unit);
    return found == views.end() ? UnitView{} : found->second;
  };
  for (const auto& [unit, any] : all) changes.push_back({unit, view(before, unit), view(now, unit)});
  return changes;
}

bj::object view_object(const UnitView& view) {
  return {{"status", view.status},    {"model", view.model},
          {"finish", view.finish},    {"text", bj::string(json::to_utf8(view.text))},
          {"tokens", view.tokens},    {"cost", view.cost.count},
          {"attempts", view.attempts}};
}

}  // namespace hillstar::cli
