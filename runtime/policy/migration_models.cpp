// SPDX-License-Identifier: Apache-2.0
// Rules of migration about model calls: who is asked, with what, at what cost.
#include <algorithm>
#include <array>

#include "runtime/policy/migration_notes.hpp"
#include "runtime/workflow/fields.hpp"

namespace hillstar::policy::migration {
namespace {

namespace bj = boost::json;
using enum MigrationLevel;

struct Pair {
  std::string_view provider;
  std::string_view model;
};
/// What Hillstar asks of a provider if the node names no model. Source: specification section 1.6.
constexpr std::array<Pair, 8> kOldModels{{{"anthropic", "claude-haiku-4-5-20251001"},
                                          {"openai", "gpt-5-mini-2025-08-07"},
                                          {"ollama", "minimax-m2.5:cloud"},
                                          {"devstral", "devstral"},
                                          {"jan_code", "jan-code"},
                                          {"jan_code_local", "jan-code"},
                                          {"local", "local"},
                                          {"anthropic_mcp", "claude-sonnet-4-6"}}};
/// Parameters that Hillstar hands on.
constexpr std::array<std::string_view, 6> kOldParameters{"max_tokens",       "temperature", "system",
                                                         "reasoning_effort", "thinking",    "chat_template_kwargs"};

bool has(const std::vector<std::string_view>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

class Models {
 public:
  Models(const OldWorkflow& old, const MigrationWorld& world, Notes& notes)
      : old_(old), world_(world), notes_(notes), mode_(text("mode")) {
    for (const auto& node : old.nodes)
      if (node.tool == "model_call") calls_.push_back(&node);
  }

  void check(const workflow::Plan* plan) {
    check_keys();
    if (calls_.empty()) return;
    check_fallback();
    check_lists();
    check_sampling();
    check_budget();
    check_explainability();
    for (const auto* node : calls_) check_parameters(*node);
    for (const auto* node : calls_)
      if (failed_before(node->text("provider")))
        notes_.add(differs, "provider-works", node->pointer + "/provider",
                   {"'" + node->text("provider") + "' is asked", "had no client for it: the node failed", ""});
    if (plan != nullptr)
      for (const auto& node : plan->nodes)
        if (node.tool == "model_call") check_choice(*plan, node);
    check_waits();
    notes_.keep("Model calls: " + std::to_string(calls_.size()) +
                "; seats, custom_providers and HILLSTAR_ROUTER_URL are read as before.");
  }

 private:
  [[nodiscard]] const bj::value* find(std::string_view key) const {
    const auto* value = old_.models == nullptr ? nullptr : old_.models->if_contains(key);
    return value == nullptr || value->is_null() ? nullptr : value;
  }
  [[nodiscard]] std::string text(std::string_view key) const {
    const auto* value = find(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
  }
  [[nodiscard]] bool is_custom(const std::string& provider) const {
    const auto* custom = find("custom_providers");
    return custom != nullptr && json::member(*custom, provider) != nullptr;
  }

  /// Providers that its `validate` let pass and its runs could not ask. Source: specification section 5.
  [[nodiscard]] bool failed_before(const std::string& provider) const {
    constexpr std::array<std::string_view, 5> kUnusable{"mistral", "google", "google_ai_studio", "codex_mcp",
                                                        "codex_messages"};
    return !is_custom(provider) && std::find(kUnusable.begin(), kUnusable.end(), provider) != kUnusable.end();
  }
  /// Neither known here nor declared: `validate` refuses it, and there is no more to say.
  [[nodiscard]] bool is_unknown(const std::string& provider) const {
    return !provider.empty() && provider != "router" && !is_custom(provider) &&
           world_.registry.find(provider) == nullptr;
  }

  /// `validate` only warns of keys in a file; who relied on them is without one.
  void check_keys() {
    if (old_.models == nullptr) return;
    for (const auto& [key, value] : *old_.models) {
      const std::string provider(key);
      const auto* literal = json::member(value, "api_key");
      if (literal == nullptr || !literal->is_string() || literal->get_string().starts_with("${")) continue;
      notes_.add(change, "literal-key", "/model_config/" + json::pointer_token(provider) + "/api_key",
                 {"the key is not used, and is not stored with the run", "used it before all other keys",
                  "take it out; keep it with `hillstar-actors secrets set " + provider + "`"});
    }
  }

  void check_fallback() {
    if (mode_ == "explicit" || mode_ == "preset") return;
    std::vector<std::string> ids;
    const OldNode* first = nullptr;
    for (const auto* node : calls_) {
      const auto provider = node->text("provider");
      if (provider.empty() || provider == "router" || is_unknown(provider) || failed_before(provider)) continue;
      if (first == nullptr) first = node;
      ids.push_back(node->id);
    }
    if (first == nullptr) return;
    if (mode_.empty())
      notes_.add(
          differs, "mode-default", old_.models == nullptr ? first->pointer : "/model_config",
          {"without `mode`, the provider that a node names is asked, and no other: " + named(ids),
           "took `auto`: if that failed, anthropic, openai and ollama were asked, with the same model's name", ""});
    else
      notes_.add(
          differs, "fallback", "/model_config/mode",
          {"after its retries a call goes on to the providers that `hillstar-actors plan` shows behind the first, "
           "with models of their own of the same tier",
           "asked anthropic, openai and ollama next, with the same model's name, if words of the error said so",
           "\"mode\": \"explicit\" asks nobody else"});
  }

  void check_lists() {
    if (const auto* preferences = find("provider_preferences"); preferences != nullptr && preferences->is_object())
      for (const char* list : {"allowlist", "blocklist"})
        if (json::member(*preferences, list) != nullptr)
          notes_.add(differs, "lists-hold", "/model_config/provider_preferences/" + std::string(list),
                     {"it holds for every call", "compared it with names in `validate`, and asked whom it would", ""});
    if (text("preset") == "local_only")
      notes_.add(differs, "local-only", "/model_config/preset",
                 {"nothing leaves this machine and its network: models elsewhere are refused, scripts have no network",
                  "asked providers in the cloud all the same", ""});
  }

  void check_sampling() {
    const auto* sampling = find("sampling_params");
    if (sampling == nullptr) return;
    for (const char* key : {"max_tokens", "top_p"}) {
      if (json::member(*sampling, key) == nullptr) continue;
      std::vector<std::string> ids;
      for (const auto* node : calls_)
        if (node->parameter(key) == nullptr) ids.push_back(node->id);
      if (!ids.empty())
        notes_.add(differs, "sampling-counts", "/model_config/sampling_params/" + std::string(key),
                   {"it holds for " + named(ids),
                    std::string("ignored it") + (key[0] == 'm' ? ": replies had up to 4096 tokens" : ""), ""});
    }
  }

  void check_budget() {
    const auto* budget = find("budget");
    if (budget == nullptr || !budget->is_object()) return;
    const bool holds = std::any_of(budget->get_object().begin(), budget->get_object().end(), [](const auto& member) {
      return member.value().is_number() && member.value() != 0;
    });
    if (holds)
      notes_.add(differs, "budget-counts", "/model_config/budget",
                 {"every attempt counts, and what was spent before a resume; an exhausted one ends with exit code 7",
                  "forgot failed attempts and what came before a resume, and counted tokens half and half",
                  "`hillstar-actors plan` shows what a run may cost"});
  }

  void check_explainability() {
    const auto* explain = find("explainability");
    if (explain == nullptr || !explain->is_object()) return;
    for (const auto& [key, value] : explain->get_object())
      if (value.is_bool() && value.get_bool())
        return notes_.add(
            differs, "explainability", "/model_config/explainability",
            {"the costs stand in the trace's last line, as its `budget_summary`; what calls tell stands with them",
             "wrote an event of its own behind all others", ""});
  }

  void check_parameters(const OldNode& node) {
    const auto* parameters = node.find("parameters");
    if (parameters == nullptr || !parameters->is_object()) return;
    const auto& known = workflow::fields_of(workflow::Section::model_parameters);
    std::vector<std::string> sent;
    for (const auto& [key, value] : parameters->get_object())
      if (has(known, key) && std::find(kOldParameters.begin(), kOldParameters.end(), key) == kOldParameters.end())
        sent.emplace_back(key);
    if (!sent.empty())
      notes_.add(differs, "parameter-counts", node.pointer + "/parameters/" + json::pointer_token(sent.front()),
                 {named(sent) + (sent.size() == 1 ? " counts" : " count") + " for the call of '" + node.id + "'",
                  "dropped it", ""});
  }

  /// What Hillstar asked first, as far as the file says it.
  [[nodiscard]] Pair asked_before(const std::string& provider, const std::string& model) const {
    Pair asked{provider.empty() ? std::string_view("anthropic") : std::string_view(provider), model};
    if (!model.empty()) return asked;
    const auto* found = std::find_if(kOldModels.begin(), kOldModels.end(),
                                     [&](const Pair& pair) { return pair.provider == asked.provider; });
    if (found != kOldModels.end()) asked.model = found->model;
    return asked;
  }

  void check_choice(const workflow::Plan& plan, const workflow::PlanNode& node) {
    const bool is_repeated = node.loop && node.loop->attempt > 1;
    if (is_repeated || is_seat(node.model) || is_custom(node.provider) || failed_before(node.provider)) return;
    const auto pointer = "/graph/nodes/" + json::pointer_token(node.id.str());
    const auto choice =
        choose(node, plan.model_config, World{world_.registry, world_.environment, false, &plan.provider_config});
    const bool has_preference = node.provider.empty() && find("provider_preference") != nullptr;
    const auto before = asked_before(node.provider, node.model);
    const auto hillstar = has_preference
                              ? std::string("asked the first of `provider_preference` that was there")
                              : "asked " + std::string(before.provider) + " for " +
                                    (before.model.empty() ? "a model without a name" : std::string(before.model));
    if (!choice) {
      const auto& error = choice.error();
      const bool needs_mode = node.provider.empty() && (mode_.empty() || mode_ == "explicit");
      notes_.add(change, "nobody-to-ask", pointer,
                 {error.message, hillstar,
                  needs_mode ? "add \"provider\" and \"model\" to '" + node.id.str() +
                                   "', or \"mode\": \"auto\" to model_config"
                             : error.hint});
      return;
    }
    const auto& first = choice->candidates.front();
    if (!has_preference && first.provider == before.provider && first.model == before.model) return;
    if (!node.provider.empty() && !node.model.empty()) return;
    notes_.add(differs, "model-choice", pointer,
               {first.provider + " is asked for " + first.model + ": " + first.reason, hillstar,
                "name `provider` and `model` to have it your way; `hillstar-actors plan` shows all candidates"});
  }

  void check_waits() {
    const auto plain =
        std::find_if(calls_.begin(), calls_.end(), [](const OldNode* node) { return node->find("retry") == nullptr; });
    if (plain != calls_.end())
      notes_.add(differs, "model-retries", (*plain)->pointer,
                 {"a server that does not answer is tried 4 times, with waits of up to 30, 60 and 120 s, as any other "
                  "passing failure",
                  "decided by words and digits in the error's text: a refused connection failed at once",
                  "\"retry\": 1 at the node fails at once"});
  }

  const OldWorkflow& old_;
  const MigrationWorld& world_;
  Notes& notes_;
  std::string mode_;
  std::vector<const OldNode*> calls_;
};

}  // namespace

void check_models(const OldWorkflow& old, const workflow::Plan* plan, const MigrationWorld& world, Notes& notes) {
  Models(old, world, notes).check(plan);
}

}  // namespace hillstar::policy::migration
