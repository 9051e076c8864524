// SPDX-License-Identifier: Apache-2.0
#include "providers/request_body.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace hillstar::providers {
namespace {

namespace bj = boost::json;

void append(std::string& out, const bj::value& value) {
  if (const auto* text = value.if_string()) return json::append_string(out, json::to_utf8(*text));
  char separator = '{';
  if (const auto* object = value.if_object()) {
    for (const auto& [key, member] : *object) {
      out += std::exchange(separator, ',');
      json::append_string(out, json::to_utf8(key));
      out += ':';
      append(out, member);
    }
    out += object->empty() ? "{}" : "}";
  } else if (const auto* array = value.if_array()) {
    separator = '[';
    for (const auto& element : *array) {
      out += std::exchange(separator, ',');
      append(out, element);
    }
    out += array->empty() ? "[]" : "]";
  } else {
    json::append_canonical(out, value);
  }
}

/// True if something was added.
bool merge_into(bj::object& mine, const bj::object& more) {
  bool changed = false;
  for (const auto& [key, value] : more) {
    auto* const own = mine.if_contains(key);
    if (own == nullptr) {
      mine.emplace(key, value);
      changed = true;
    } else if (own->is_object() && value.is_object()) {
      changed = merge_into(own->get_object(), value.get_object()) || changed;
    }
  }
  return changed;
}

}  // namespace

void RequestBody::put(std::string_view name, std::string json) {
  for (auto& [key, text] : fields_)
    if (key == name) return void(text = std::move(json));
  fields_.emplace_back(name, std::move(json));
}

void RequestBody::set(std::string_view name, const bj::value& value) {
  std::string text;
  append(text, value);
  put(name, std::move(text));
}

void RequestBody::set(std::string_view name, const Json& value) {
  if (!value.is_null()) put(name, value.text());
}

void RequestBody::set_text(std::string_view name, std::string_view text) { set(name, bj::value(text)); }

bool RequestBody::has(std::string_view name) const {
  return std::any_of(fields_.begin(), fields_.end(), [&](const auto& field) { return field.first == name; });
}

Result<void> RequestBody::merge(const Json& extra, std::initializer_list<std::string_view> owned) {
  const auto value = extra.value();
  if (value.is_null()) return {};
  const auto* more = value.if_object();
  if (more == nullptr)
    return Error{Errc::tool_parameters, "Further request fields must be an object.", "/extra",
                 "Give an object of fields."};
  for (const auto& [key, wanted] : *more) {
    const std::string_view name = key;
    if (std::find(owned.begin(), owned.end(), name) != owned.end()) continue;
    const auto field = std::find_if(fields_.begin(), fields_.end(), [&](const auto& f) { return f.first == name; });
    if (field == fields_.end()) {
      fields_.emplace_back(name, json::canonical(wanted));
      continue;
    }
    if (!wanted.is_object() || !field->second.starts_with('{')) continue;
    auto mine = json::parse(field->second);
    if (mine && mine->is_object() && merge_into(mine->get_object(), wanted.get_object())) {
      field->second.clear();
      append(field->second, *mine);
    }
  }
  return {};
}

std::string RequestBody::text() const {
  std::string text;
  char separator = '{';
  for (const auto& [name, json] : fields_) {
    text += std::exchange(separator, ',');
    json::append_string(text, name);
    text += ':';
    text += json;
  }
  return text + (fields_.empty() ? "{}" : "}");
}

}  // namespace hillstar::providers
