// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/redaction.hpp"

#include <boost/json.hpp>
#include <utility>

#include "runtime/policy/known_secrets.hpp"

namespace hillstar::policy {
namespace {

namespace bj = boost::json;

bj::string_view in_json(std::string_view text) { return {text.data(), text.size()}; }

void redact_tree(const Redactor& redactor, const SecretRules* rules, bj::value& value) {
  if (const auto* string = value.if_string()) {
    const auto clean = redactor.redact({string->data(), string->size()});
    if (in_json(clean) != *string) value = in_json(clean);
  } else if (auto* array = value.if_array()) {
    for (auto& item : *array) redact_tree(redactor, rules, item);
  } else if (auto* object = value.if_object()) {
    bj::object out(object->storage());
    out.reserve(object->size());
    for (auto& [name, item] : *object) {
      const std::string_view key(name.data(), name.size());
      const auto* text = item.if_string();
      const auto* rule =
          rules != nullptr && text != nullptr ? rules->of_value(key, {text->data(), text->size()}) : nullptr;
      redact_tree(redactor, rules, item);
      // A value that the process holds has been named by that.
      if (rule != nullptr && item.get_string().find("[REDACTED:") == bj::string::npos) item = in_json(marker_of(*rule));
      out[in_json(redactor.redact(key))] = std::move(item);
    }
    *object = std::move(out);
  }
}

}  // namespace

Redactor::Redactor(const std::vector<std::string>& secrets, std::shared_ptr<const SecretRules> rules)
    : rules_(std::move(rules)) {
  std::vector<std::string> forms;
  for (const auto& secret : secrets) add_forms(secret, forms);
  if (!forms.empty()) patterns_ = std::make_shared<const MultiMatch>(forms);
}

Redactor redactor_of(const std::vector<std::string>& environment, const RuleChoice& choice) {
  std::vector<std::string> values;
  for (auto& secret : secrets_of(environment)) values.push_back(std::move(secret.value));
  return {values, std::make_shared<const SecretRules>(choice)};
}

bool Redactor::holds(std::string_view text) const {
  if (patterns_ == nullptr) return false;
  MultiMatch::State state = 0;
  for (const char c : text) {
    state = patterns_->next(state, static_cast<unsigned char>(c));
    if (patterns_->matched(state) > 0) return true;
  }
  return false;
}

bool Redactor::finds(std::string_view text) const { return holds(text) || (rules_ != nullptr && rules_->finds(text)); }

std::string Redactor::redact(std::string_view text) const {
  if (!finds(text)) return std::string(text);
  StreamRedactor stream(*this);
  std::string out = stream.feed(text);
  return out += stream.finish();
}

Json Redactor::redact(const Json& json) const {
  // Escapes are one of the forms: what a string hides is also seen in the text.
  if (!holds(json.text()) && (rules_ == nullptr || !rules_->may_find(json.text()))) return json;
  auto tree = json.value();
  redact_tree(*this, rules_.get(), tree);
  return Json::of(tree);
}

std::string StreamRedactor::feed(std::string_view bytes) {
  return redactor_.patterns_ == nullptr ? rules_.feed(bytes) : rules_.feed(without_values(bytes));
}

std::string StreamRedactor::without_values(std::string_view bytes) {
  const auto& patterns = *redactor_.patterns_;
  std::string out;
  for (std::size_t i = 0; i < bytes.size();) {
    if (state_ == 0) {
      // Most text is no beginning of anything: it passes in one piece.
      std::size_t end = i;
      while (end < bytes.size() && !patterns.starts(static_cast<unsigned char>(bytes[end]))) ++end;
      if (end > i) {
        release(pending_.size(), out);
        out.append(bytes.substr(i, end - i));
        inside_ = false;
        i = end;
        continue;
      }
    }
    state_ = patterns.next(state_, static_cast<unsigned char>(bytes[i]));
    pending_ += bytes[i++];
    secret_.push_back(false);
    for (std::size_t back = 1; back <= patterns.matched(state_); ++back) secret_[secret_.size() - back] = true;
    release(pending_.size() - patterns.depth(state_), out);
  }
  return out;
}

std::string StreamRedactor::finish() {
  std::string rest;
  release(pending_.size(), rest);
  state_ = 0;
  inside_ = false;
  std::string out = rules_.feed(rest);
  return out += rules_.finish();
}

void StreamRedactor::release(std::size_t count, std::string& out) {
  if (count == 0) return;
  for (std::size_t i = 0; i < count; ++i) {
    if (!secret_[i])
      out += pending_[i];
    else if (!inside_)
      out += kRedacted;
    inside_ = secret_[i];
  }
  pending_.erase(0, count);
  secret_.erase(secret_.begin(), secret_.begin() + static_cast<std::ptrdiff_t>(count));
}

}  // namespace hillstar::policy
