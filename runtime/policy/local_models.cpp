// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/local_models.hpp"

#include <algorithm>
#include <array>

#include "runtime/policy/registry.hpp"

namespace hillstar::policy {
namespace {

constexpr std::string_view kEmbeddingSeat = "router-embedding";
constexpr std::array<std::string_view, 6> kChat{"jan-code", "qwen", "deepseek", "glm", "minimax", "kimi"};
constexpr std::array<std::string_view, 4> kEmbedding{"bge", "embed", "nomic", "minilm"};

bool contains(std::string_view name, std::string_view part) {
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b; };
  return std::search(name.begin(), name.end(), part.begin(), part.end(), same) != name.end();
}

bool embeds(const std::string& model) {
  return std::any_of(kEmbedding.begin(), kEmbedding.end(), [&](auto part) { return contains(model, part); });
}

}  // namespace

std::optional<std::string> model_for_seat(std::string_view seat, const std::vector<std::string>& installed) {
  const bool wants_embedding = seat == kEmbeddingSeat;
  std::vector<std::string> fit;
  for (const auto& model : installed)
    if (!model.empty() && !is_cloud_model_name(model) && embeds(model) == wants_embedding) fit.push_back(model);
  const auto first_with = [&](std::string_view part) {
    return std::find_if(fit.begin(), fit.end(), [&](const std::string& model) { return contains(model, part); });
  };
  if (wants_embedding) {
    for (const auto part : kEmbedding)
      if (const auto found = first_with(part); found != fit.end()) return *found;
  } else {
    for (const auto part : kChat)
      if (const auto found = first_with(part); found != fit.end()) return *found;
  }
  if (fit.empty()) return std::nullopt;
  return fit.front();
}

}  // namespace hillstar::policy
