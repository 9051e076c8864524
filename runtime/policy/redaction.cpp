// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/redaction.hpp"

#include <boost/json.hpp>
#include <utility>

#include "runtime/policy/known_secrets.hpp"

namespace hillstar::policy {
namespace {

namespace bj = boost::json;

bj::value redacted(const Redactor& redactor, const bj::value& value) {
  if (const auto* text = value.if_string()) return bj::value(redactor.redact({text->data(), text->size()}));
  if (const auto* array = value.if_array()) {
    bj::array out;
    out.reserve(array->size());
    for (const auto& item : *array) out.push_back(redacted(redactor, item));
    return out;
  }
  if (const auto* object = value.if_object()) {
    bj::object out;
    for (const auto& [name, item] : *object)
      out[redactor.redact({name.data(), name.size()})] = redacted(redactor, item);
    return out;
  }
  return value;
}

}  // namespace

Redactor::Redactor(const std::vector<std::string>& secrets) {
  std::vector<std::string> forms;
  for (const auto& secret : secrets) add_forms(secret, forms);
  if (!forms.empty()) patterns_ = std::make_shared<const MultiMatch>(forms);
}

bool Redactor::finds(std::string_view text) const {
  if (empty()) return false;
  MultiMatch::State state = 0;
  for (const char c : text) {
    state = patterns_->next(state, static_cast<unsigned char>(c));
    if (patterns_->matched(state) > 0) return true;
  }
  return false;
}

std::string Redactor::redact(std::string_view text) const {
  if (!finds(text)) return std::string(text);
  StreamRedactor stream(*this);
  std::string out = stream.feed(text);
  return out += stream.finish();
}

Json Redactor::redact(const Json& json) const {
  // Escapes are one of the forms: what a string hides is also seen in the text.
  if (!finds(json.text())) return json;
  return Json::of(redacted(*this, json.value()));
}

std::string StreamRedactor::feed(std::string_view bytes) {
  if (redactor_.empty()) return std::string(bytes);
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
  std::string out;
  release(pending_.size(), out);
  state_ = 0;
  inside_ = false;
  return out;
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
