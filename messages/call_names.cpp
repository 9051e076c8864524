// SPDX-License-Identifier: Apache-2.0
#include "messages/call_names.hpp"

#include <boost/json.hpp>

namespace hillstar {
namespace {

constexpr const char* kRequestName = "request_sha256";
constexpr const char* kReplyName = "reply_sha256";

std::string text_of(const boost::json::value& detail, const char* name) {
  const auto* value = json::member(detail, name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

}  // namespace

CallNames names_in(const std::optional<Json>& detail) {
  // Most details are of no call, and need not be read for that.
  if (!detail || detail->text().find("_sha256\":\"") == std::string::npos) return {};
  const auto tree = detail->value();
  return {text_of(tree, kRequestName), text_of(tree, kReplyName)};
}

Json with_names(const std::optional<Json>& detail, const CallNames& names) {
  auto tree = detail ? detail->value() : boost::json::value(boost::json::object{});
  auto* object = tree.if_object();
  if (object == nullptr) return *detail;
  (*object)[kRequestName] = names.request;
  (*object)[kReplyName] = names.reply;
  return Json::of(tree);
}

}  // namespace hillstar
