// SPDX-License-Identifier: Apache-2.0
// Numbers as OpenTelemetry means them, and the histograms of model calls. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "messages/units.hpp"
#include "runtime/telemetry/span.hpp"

namespace hillstar::telemetry {

struct NumberPoint {
  Attributes attributes;
  UtcTime start;
  UtcTime at;
  double value = 0;
};

struct HistogramPoint {
  Attributes attributes;
  UtcTime start;
  UtcTime at;
  std::uint64_t count = 0;
  double sum = 0;
  std::optional<double> min;
  std::optional<double> max;
  std::vector<std::uint64_t> buckets;  ///< One more than bounds.
};

struct Gauge {
  std::vector<NumberPoint> points;
};
/// Cumulative, as everything here.
struct Sum {
  std::vector<NumberPoint> points;
};
struct Histogram {
  std::vector<double> bounds;
  std::vector<HistogramPoint> points;
};

struct Metric {
  std::string name;
  std::string description;
  std::string unit;
  std::variant<Gauge, Sum, Histogram> data;
};

/// Combinations of attributes that are counted apart; what comes beyond them is counted together.
inline constexpr std::size_t kSeriesMax = 1'000;

/// gen_ai.client.operation.duration and gen_ai.client.token.usage since `start`. Not thread-safe.
class CallMetrics {
 public:
  explicit CallMetrics(UtcTime start) : start_(start) {}
  void add(const CallFacts& call);
  /// Empty if nothing was counted.
  [[nodiscard]] std::vector<Metric> collect(UtcTime now) const;

 private:
  struct Series {
    Attributes attributes;
    std::uint64_t count = 0;
    double sum = 0;
    double min = 0;
    double max = 0;
    std::vector<std::uint64_t> buckets;
  };
  using Table = std::map<std::string, Series>;
  static void count(Table& table, Attributes attributes, const std::vector<double>& bounds, double value);
  [[nodiscard]] Metric metric(const Table& table, const std::vector<double>& bounds, UtcTime now) const;

  UtcTime start_;
  Table durations_;
  Table tokens_;
};

}  // namespace hillstar::telemetry
