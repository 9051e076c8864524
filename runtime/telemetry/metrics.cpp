// SPDX-License-Identifier: Apache-2.0
#include "runtime/telemetry/metrics.hpp"

#include <algorithm>

#include "runtime/telemetry/names.hpp"

namespace hillstar::telemetry {
namespace {

/// The buckets that the conventions ask for: 14 steps of a factor.
std::vector<double> steps(double first, double factor) {
  constexpr std::size_t kSteps = 14;
  std::vector<double> bounds;
  for (std::size_t i = 0; i < kSteps; ++i, first *= factor) bounds.push_back(first);
  return bounds;
}

/// Hundredths doubled are not what is written there, so they are counted as whole numbers first.
const std::vector<double>& second_bounds() {
  static const auto bounds = [] {
    auto all = steps(1, 2);
    for (auto& bound : all) bound /= 100;
    return all;
  }();
  return bounds;
}

const std::vector<double>& token_bounds() {
  static const auto bounds = steps(1, 4);
  return bounds;
}

std::string key_of(const Attributes& attributes) {
  std::string key;
  for (const auto& [name, value] : attributes) {
    key += name;
    key += '\x1f';
    if (const auto* text = std::get_if<std::string>(&value)) key += *text;
    if (const auto* number = std::get_if<std::int64_t>(&value)) key += std::to_string(*number);
    key += '\x1e';
  }
  return key;
}

}  // namespace

void CallMetrics::count(Table& table, Attributes attributes, const std::vector<double>& bounds, double value) {
  auto key = key_of(attributes);
  if (table.size() >= kSeriesMax && !table.contains(key)) {
    attributes = {{"otel.metric.overflow", true}};
    key = "overflow";
  }
  auto& series = table[key];
  if (series.count == 0) {
    series.attributes = std::move(attributes);
    series.buckets.resize(bounds.size() + 1);
    series.min = series.max = value;
  }
  ++series.count;
  series.sum += value;
  series.min = std::min(series.min, value);
  series.max = std::max(series.max, value);
  // A bound belongs to the bucket below it.
  const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), value) - bounds.begin();
  ++series.buckets[static_cast<std::size_t>(bucket)];
}

void CallMetrics::add(const CallFacts& call) {
  count(durations_, call.attributes, second_bounds(), call.seconds);
  for (const auto& [type, tokens] : {std::pair{"input", call.input_tokens}, std::pair{"output", call.output_tokens}}) {
    if (!tokens) continue;
    Attributes attributes{{names::kTokenType, std::string(type)}};
    for (const auto& [name, value] : call.attributes)
      if (name != names::kErrorType) attributes.emplace_back(name, value);
    count(tokens_, std::move(attributes), token_bounds(), static_cast<double>(*tokens));
  }
}

Metric CallMetrics::metric(const Table& table, const std::vector<double>& bounds, UtcTime now) const {
  Histogram histogram{bounds, {}};
  for (const auto& [key, series] : table)
    histogram.points.push_back(
        {series.attributes, start_, now, series.count, series.sum, series.min, series.max, series.buckets});
  Metric metric;
  metric.data = std::move(histogram);
  return metric;
}

std::vector<Metric> CallMetrics::collect(UtcTime now) const {
  std::vector<Metric> metrics;
  if (!durations_.empty()) {
    auto& made = metrics.emplace_back(metric(durations_, second_bounds(), now));
    made.name = names::kOperationDuration;
    made.description = "Duration of a model call, from when it may be made to its end.";
    made.unit = "s";
  }
  if (!tokens_.empty()) {
    auto& made = metrics.emplace_back(metric(tokens_, token_bounds(), now));
    made.name = names::kTokenUsage;
    made.description = "Tokens of a model call.";
    made.unit = "{token}";
  }
  return metrics;
}

}  // namespace hillstar::telemetry
