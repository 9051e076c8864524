// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/model_choice.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <limits>
#include <set>
#include <tuple>
#include <utility>

#include "runtime/policy/backend_resolver.hpp"

namespace hillstar::policy {
namespace {

namespace bj = boost::json;
using workflow::PlanNode;

constexpr std::string_view kSeatPrefix = "router-";
/// Without a grade of its own a node counts as this. Source: Hillstar specification 4.3.
constexpr std::string_view kComplexityDefault = "moderate";
constexpr std::string_view kPresetDefault = "balanced";
/// Names for a model that researches by itself, at a price of its own: only by name.
constexpr std::string_view kResearchOnly = "research";

/// A model of which no largest reply is known is not chosen for more than this.
constexpr std::uint32_t kReplyOfUnknown = 8'192;

/// Which tiers a preset takes for a complexity. Nothing above `most` is ever chosen; what is below `least` comes last.
struct Window {
  Tier least = Tier::free;
  Tier most = Tier::premium;
  bool cheapest_first = false;
};

struct WindowRow {
  std::string_view preset;
  std::string_view complexity;
  Window window;
};
constexpr std::array kWindows{
    WindowRow{"minimize_cost", "simple", {Tier::free, Tier::affordable, true}},
    WindowRow{"minimize_cost", "moderate", {Tier::free, Tier::affordable, true}},
    WindowRow{"minimize_cost", "complex", {Tier::affordable, Tier::standard, true}},
    WindowRow{"minimize_cost", "critical", {Tier::standard, Tier::expensive, true}},
    WindowRow{"balanced", "simple", {Tier::free, Tier::affordable, false}},
    WindowRow{"balanced", "moderate", {Tier::affordable, Tier::standard, false}},
    WindowRow{"balanced", "complex", {Tier::standard, Tier::expensive, false}},
    WindowRow{"balanced", "critical", {Tier::expensive, Tier::premium, false}},
    WindowRow{"maximize_quality", "simple", {Tier::standard, Tier::standard, false}},
    WindowRow{"maximize_quality", "moderate", {Tier::standard, Tier::expensive, false}},
    WindowRow{"maximize_quality", "complex", {Tier::expensive, Tier::premium, false}},
    WindowRow{"maximize_quality", "critical", {Tier::expensive, Tier::premium, false}},
};

Window window_of(std::string_view preset, std::string_view complexity) {
  for (const auto& row : kWindows)
    if (row.preset == preset && row.complexity == complexity) return row.window;
  return {};
}

std::uint64_t price_of(const ModelEntry& model) {
  return model.prices ? model.prices->input + model.prices->output : std::numeric_limits<std::uint64_t>::max();
}

/// Smaller is better.
using Rank = std::tuple<bool, int, std::uint64_t>;

Rank rank_of(const ModelEntry& model, const Window& window) {
  const int tier = static_cast<int>(model.tier.value_or(Tier::premium));
  const bool below = tier < static_cast<int>(window.least);
  return {below, window.cheapest_first && !below ? 0 : -tier, price_of(model)};
}

class Chooser {
 public:
  Chooser(const PlanNode& node, const bj::object& config, const World& world, std::uint64_t asked)
      : node_(node), rules_(config), world_(world), resolver_(node, rules_, world), asked_(asked) {
    preset_ = rules_.preset().empty() ? kPresetDefault : std::string_view(rules_.preset());
    if (node.complexity) complexity_ = *node.complexity;
  }

  Result<Choice> choose() {
    if (is_seat(node_.model)) {
      add(node_.provider, node_.model, "the seat that the node names");
    } else if (rules_.mode() == ChoiceRules::Mode::explicit_) {
      choose_named();
    } else {
      HILLSTAR_CHECK(choose_by_rule());
    }
    if (!choice_.candidates.empty()) return std::move(choice_);
    if (choice_.left_out.size() == 1 || (!node_.provider.empty() && !choice_.left_out.empty()))
      return choice_.left_out.front().error;
    std::string reasons;
    for (const auto& [provider, error] : choice_.left_out) reasons += " " + provider + ": " + error.message;
    return Error{Errc::provider_config, "The node names no provider, and none is usable." + reasons, node_.id.str(),
                 "Add \"provider\" to the node, or export the key of one of these."};
  }

 private:
  bool add(const std::string& provider, const std::string& model, std::string reason) {
    auto backend = resolver_.resolve(provider, model);
    if (!backend) {
      choice_.left_out.push_back({provider, std::move(backend).error()});
      return false;
    }
    auto found = is_seat(model) ? model : backend->model;
    choice_.candidates.push_back({provider, std::move(found), std::move(backend).value(), std::move(reason)});
    return true;
  }

  /// Mode explicit: one place, and no other.
  void choose_named() {
    if (!node_.provider.empty()) {
      add(node_.provider, node_.model,
          node_.model.empty() ? "the node names the provider; this is its default model" : "the node names it");
      return;
    }
    for (const auto& preferred : rules_.preferences())
      if (add(preferred, node_.model, "the first usable one of the workflow's preferences")) return;
  }

  /// Modes auto and preset: what the node names, then others.
  Result<void> choose_by_rule() {
    bool keeps_near = rules_.local_only();
    auto window = window_of(preset_, complexity_);
    if (!node_.provider.empty()) {
      // What the author wrote must be possible: only what is missing here and now may be replaced.
      if (!name_one() && choice_.left_out.front().error.code != Errc::provider_config)
        return choice_.left_out.front().error;
      const auto* entry = registered(node_.provider);
      const auto* known = entry != nullptr ? entry->find_model(node_.model) : nullptr;
      keeps_near = keeps_near || entry == nullptr || entry->kind != ProviderKind::cloud;
      if (known != nullptr && known->tier)
        window = {*known->tier, *known->tier, false};
      else if (!node_.model.empty())
        return {};  // Nobody knows which other model is like it.
    }
    for (const auto& place : places(window, keeps_near)) {
      // A provider of the workflow's own is asked for the node's model, but never for another provider's.
      const auto model = place.model != nullptr   ? place.model->id
                         : node_.provider.empty() ? node_.model
                                                  : std::string();
      add(place.provider, model, reason_of(place, window));
    }
    return {};
  }

  const ProviderEntry* registered(std::string_view provider) const {
    return rules_.custom(provider) == nullptr ? world_.registry.find(provider) : nullptr;
  }

  bool name_one() {
    if (!node_.model.empty()) return add(node_.provider, node_.model, "the node names it");
    const auto* entry = registered(node_.provider);
    const auto* best = entry != nullptr ? best_of(*entry, window_of(preset_, complexity_)) : nullptr;
    if (best == nullptr) return add(node_.provider, "", "the node names the provider; this is its default model");
    return add(node_.provider, best->id,
               "the node names the provider; " + std::string(preset_) + " for " + std::string(complexity_) + " work");
  }

  struct Place {
    std::string provider;
    const ModelEntry* model = nullptr;  ///< nullptr: of a custom provider.
    std::size_t preference = 0;
    std::size_t order = 0;
    Rank rank;
  };

  std::vector<Place> places(const Window& window, bool keeps_near) const {
    std::vector<Place> found;
    std::set<std::string> seen{node_.provider};
    const auto consider = [&](const std::string& provider, std::size_t preference, bool named) {
      if (!seen.insert(provider).second) return;
      if (rules_.custom(provider) != nullptr) {
        if (named) found.push_back({provider, nullptr, preference, found.size(), {}});
        return;
      }
      const auto* entry = world_.registry.find(provider);
      if (entry == nullptr || entry->adapter.empty()) return;
      if (!named && !is_open(*entry, keeps_near)) return;
      const auto* best = best_of(*entry, window);
      if (best != nullptr) found.push_back({provider, best, preference, found.size(), rank_of(*best, window)});
    };
    for (std::size_t i = 0; i < rules_.preferences().size(); ++i) consider(rules_.preferences()[i], i, true);
    for (const auto& provider : world_.registry.selection_order) consider(provider, rules_.preferences().size(), false);
    std::stable_sort(found.begin(), found.end(), [](const Place& a, const Place& b) {
      return std::tie(a.preference, a.rank, a.order) < std::tie(b.preference, b.rank, b.order);
    });
    return found;
  }

  /// May a provider be taken that nobody named? A local server only where local ones are asked for, since nobody knows
  /// whether it runs; a cloud never for text that was meant to stay here.
  bool is_open(const ProviderEntry& entry, bool keeps_near) const {
    return keeps_near ? entry.kind != ProviderKind::cloud && rules_.local_only() : entry.kind == ProviderKind::cloud;
  }

  /// The best of its models that fit the window and the node, or nullptr.
  const ModelEntry* best_of(const ProviderEntry& entry, const Window& window) const {
    const ModelEntry* best = nullptr;
    for (const auto& model : entry.models) {
      if (!fits(model, window)) continue;
      if (best == nullptr || rank_of(model, window) < rank_of(*best, window) ||
          (model.id == entry.default_model && rank_of(model, window) == rank_of(*best, window)))
        best = &model;
    }
    return best;
  }

  bool fits(const ModelEntry& model, const Window& window) const {
    if (!node_.model.empty() && node_.provider.empty())  // Only those who know it.
      return model.id == node_.model || std::count(model.aliases.begin(), model.aliases.end(), node_.model) > 0;
    if (rules_.local_only() && model.runs_elsewhere) return false;
    if (!model.tier || *model.tier > window.most) return false;
    if (model.capabilities.size() == 1 && model.capabilities.front() == kResearchOnly) return false;
    if (asked_ > model.max_output_tokens.value_or(kReplyOfUnknown)) return false;
    return asked_ <= model.context_tokens.value_or(std::numeric_limits<std::uint64_t>::max());
  }

  std::string reason_of(const Place& place, const Window& window) const {
    std::string reason;
    if (!node_.provider.empty()) reason = "if the one before fails: ";
    if (place.preference < rules_.preferences().size()) reason += "preferred by the workflow; ";
    if (place.model == nullptr) return reason + "a provider of the workflow's own";
    if (!node_.model.empty() && node_.provider.empty()) return reason + "it has the model that the node names";
    const auto tier = place.model->tier ? std::string(tier_name(*place.model->tier)) : std::string("unknown");
    if (!node_.provider.empty() && !node_.model.empty())
      return reason + "its " + tier + " model, for one of tier " + std::string(tier_name(window.most));
    return reason + std::string(preset_) + " for " + std::string(complexity_) + " work: tier " + tier +
           (window.cheapest_first ? ", cheapest first" : ", best first");
  }

  const PlanNode& node_;
  ChoiceRules rules_;
  const World& world_;
  BackendResolver resolver_;
  std::uint64_t asked_;
  std::string_view preset_;
  std::string_view complexity_ = kComplexityDefault;
  Choice choice_;
};

}  // namespace

LookUp look_up_in(const std::vector<std::string>& environment) {
  return [&environment](const std::string& name) -> std::optional<std::string> {
    for (const auto& entry : environment)
      if (entry.size() > name.size() && entry.compare(0, name.size(), name) == 0 && entry[name.size()] == '=')
        return entry.substr(name.size() + 1);
    return std::nullopt;
  };
}

bool is_local_only(const Json& model_config) {
  if (model_config.text().find("local_only") == std::string::npos) return false;
  const auto config = model_config.value();
  const auto* object = config.if_object();
  return object != nullptr && ChoiceRules(*object).local_only();
}

bool is_seat(std::string_view model) { return model.starts_with(kSeatPrefix); }

std::uint64_t tokens_asked(const PlanNode& node, const Json& model_config) {
  const auto count_in = [](const bj::value* object) -> std::uint64_t {
    const auto* value = object == nullptr ? nullptr : json::member(*object, "max_tokens");
    boost::system::error_code code;
    const auto count = value != nullptr && value->is_number() ? value->to_number<std::int64_t>(code) : std::int64_t{0};
    return !code && count > 0 ? static_cast<std::uint64_t>(count) : 0;
  };
  const auto parameters = node.parameters.value();
  if (const auto asked = count_in(&parameters); asked > 0) return asked;
  const auto config = model_config.value();
  return count_in(json::member(config, "sampling_params"));
}

Result<Choice> choose(const PlanNode& node, const Json& model_config, const World& world) {
  const auto config = model_config.value();
  static const bj::object kNothing;
  const auto asked = tokens_asked(node, model_config);
  return Chooser(node, config.is_object() ? config.get_object() : kNothing, world, asked).choose();
}

Result<Backend> find_backend(const PlanNode& node, const Json& model_config, const World& world,
                             const std::string& provider, const std::string& model) {
  const auto config = model_config.value();
  static const bj::object kNothing;
  const ChoiceRules rules(config.is_object() ? config.get_object() : kNothing);
  return BackendResolver(node, rules, world).resolve(provider, model);
}

Result<Backend> choose_backend(const PlanNode& node, const Json& model_config, const World& world) {
  HILLSTAR_TRY(auto choice, choose(node, model_config, world));
  return std::move(choice.candidates.front().backend);
}

Result<Backend> choose_backend(const PlanNode& node, const Json& model_config, const LookUp& environment) {
  return choose_backend(node, model_config, World{shipped_registry(), environment});
}

}  // namespace hillstar::policy
