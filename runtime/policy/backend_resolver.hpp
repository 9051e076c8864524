// SPDX-License-Identifier: Apache-2.0
// One provider and one model as a backend, or why not. The inner part of model_choice.hpp.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/policy/model_choice.hpp"

namespace hillstar::policy {

/// The parts of `model_config` that choices read. Refers to the JSON it was made of.
class ChoiceRules {
 public:
  explicit ChoiceRules(const boost::json::object& config);

  enum class Mode { explicit_, automatic };

  [[nodiscard]] Mode mode() const { return mode_; }
  [[nodiscard]] const std::string& preset() const { return preset_; }
  [[nodiscard]] bool local_only() const { return preset_ == "local_only"; }
  /// `provider_preference`, then `provider_preferences.priority`.
  [[nodiscard]] const std::vector<std::string>& preferences() const { return preferences_; }
  /// The entry of custom_providers that has an endpoint, or nullptr.
  [[nodiscard]] const boost::json::object* custom(std::string_view name) const;
  [[nodiscard]] const boost::json::object& config() const { return config_; }

  /// By the lists alone. Refused providers of the project are refused here, whatever the lists say.
  [[nodiscard]] Result<void> permits(std::string_view provider, const Registry& registry,
                                     const std::string& where) const;

 private:
  const boost::json::object& config_;
  Mode mode_ = Mode::explicit_;
  std::string preset_;
  std::vector<std::string> preferences_;
};

class BackendResolver {
 public:
  BackendResolver(const workflow::PlanNode& node, const ChoiceRules& rules, const World& world)
      : node_(node), rules_(rules), world_(world) {}

  /// An empty model means the provider's default one.
  [[nodiscard]] Result<Backend> resolve(const std::string& provider, const std::string& model);

 private:
  [[nodiscard]] std::string where() const { return node_.id.str(); }
  const boost::json::object* usable_custom(std::string_view name);
  Result<Backend> seat(const std::string& provider, const std::string& name);
  Result<Backend> local_seat(const std::string& name);
  Result<Backend> custom(std::string label, const boost::json::object& entry, const std::string& model,
                         std::string source);
  Result<std::string> custom_key(const boost::json::object& entry, bool& missing);
  Result<Backend> standard(const ProviderEntry& entry, const std::string& model);
  Result<void> take_key(const ProviderEntry& entry, Backend& backend) const;
  [[nodiscard]] Error missing_key(const std::vector<std::string>& variables) const;
  [[nodiscard]] Result<void> place(Backend& backend) const;
  [[nodiscard]] Result<void> place_it(Backend& backend) const;
  [[nodiscard]] Result<void> place_program(const Backend& backend) const;
  Backend finished(Backend backend);
  [[nodiscard]] std::string default_model(const ProviderEntry& entry) const;
  [[nodiscard]] Error unknown(const std::string& provider, const std::string& model) const;

  const workflow::PlanNode& node_;
  const ChoiceRules& rules_;
  const World& world_;
  std::vector<std::string> notes_;
};

/// Text of a member without blanks around it; empty if it is none.
std::string text_at(const boost::json::object& object, std::string_view key);
const boost::json::object* object_at(const boost::json::object& object, std::string_view key);

}  // namespace hillstar::policy
