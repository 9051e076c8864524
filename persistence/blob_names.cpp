// SPDX-License-Identifier: Apache-2.0
#include "persistence/blob_names.hpp"

#include "messages/call_names.hpp"

namespace hillstar::persistence {
namespace {

void add(std::vector<std::string>& names, const Value& value) {
  for (const auto& blob : value.blobs) names.push_back(blob.sha256);
}
void add(std::vector<std::string>& names, const CallNames& call) {
  if (!call.request.empty()) names.push_back(call.request);
  if (!call.reply.empty()) names.push_back(call.reply);
}

}  // namespace

std::vector<std::string> blobs_named_by(const Event& event) {
  std::vector<std::string> names;
  if (const auto* started = std::get_if<RunStarted>(&event)) {
    names = {started->workflow_sha256, started->plan_sha256};
    if (started->routes_sha256) names.push_back(*started->routes_sha256);
    if (started->rules_sha256) names.push_back(*started->rules_sha256);
  }
  if (const auto* declared = std::get_if<StreamDeclared>(&event))
    names = {declared->workflow_sha256, declared->plan_sha256};
  std::visit(
      [&](const auto& what) {
        if constexpr (requires { what.result; }) add(names, what.result);
        if constexpr (requires { what.items; }) add(names, what.items);
        if constexpr (requires { what.detail; }) add(names, names_in(what.detail));
      },
      event);
  return names;
}

}  // namespace hillstar::persistence
