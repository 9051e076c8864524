// SPDX-License-Identifier: Apache-2.0
#include "apps/telemetry/settings.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "apps/cli/environment.hpp"
#include "messages/json.hpp"

namespace hillstar::telemetry {
namespace {

using Environment = std::vector<std::string>;
using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kDefaultEndpoint = "http://localhost:4318";
constexpr std::size_t kPairsMax = 128;
constexpr std::size_t kQueueMost = 1'000'000;

Error wrong(const std::string& variable, const std::string& expected) {
  return {Errc::usage, variable + " is not understood: expected " + expected + ".", variable,
          "Change or unset it; nothing is exported until then."};
}

/// Empty counts as not set, as the specification says.
std::string value_of(const Environment& environment, const std::string& name) {
  return cli::variable(environment, name).value_or("");
}

/// The variable of one kind of data, or else the one of all.
std::string either(const Environment& environment, const std::string& kind, const std::string& rest,
                   std::string* named = nullptr) {
  const auto own = "OTEL_EXPORTER_OTLP_" + kind + "_" + rest;
  auto value = value_of(environment, own);
  const auto general = "OTEL_EXPORTER_OTLP_" + rest;
  if (named != nullptr) *named = value.empty() ? general : own;
  return value.empty() ? value_of(environment, general) : value;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned byte = 0;
    if (i + 2 >= text.size()) return std::nullopt;
    const auto [rest, code] = std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
    if (code != std::errc() || rest != text.data() + i + 3) return std::nullopt;
    out += static_cast<char>(byte);
    i += 2;
  }
  return out;
}

/// `name=value,name=value`.
Result<Pairs> pairs_of(const std::string& variable, std::string_view text) {
  Pairs pairs;
  while (!text.empty()) {
    const auto piece = trimmed(text.substr(0, text.find(',')));
    text.remove_prefix(
        std::min(text.size(), text.find(',') == std::string_view::npos ? text.size() : text.find(',') + 1));
    if (piece.empty()) continue;
    const auto equals = piece.find('=');
    auto value = equals == std::string_view::npos ? std::nullopt : percent_decoded(trimmed(piece.substr(equals + 1)));
    const auto name = trimmed(piece.substr(0, equals));
    if (!value || name.empty() || pairs.size() >= kPairsMax || !json::is_utf8(*value))
      return wrong(variable, "name=value pairs with commas between, values percent-encoded");
    pairs.emplace_back(std::string(name), *std::move(value));
  }
  return pairs;
}

bool is_token(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

Result<Pairs> headers_of(const Environment& environment, const std::string& kind) {
  std::string variable;
  const auto text = either(environment, kind, "HEADERS", &variable);
  HILLSTAR_TRY(auto pairs, pairs_of(variable, text));
  for (auto& [name, value] : pairs) {
    const bool plain = std::none_of(value.begin(), value.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
    if (!is_token(name) || !plain) return wrong(variable, "names and values that a header may have");
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : static_cast<char>(c);
    });
  }
  std::erase_if(pairs, [](const auto& pair) {
    return pair.first == "content-type" || pair.first == "content-length" || pair.first == "host";
  });
  return pairs;
}

Result<std::uint64_t> number_of(const Environment& environment, const std::string& variable, std::uint64_t otherwise,
                                std::uint64_t most) {
  const auto text = value_of(environment, variable);
  if (text.empty()) return otherwise;
  std::uint64_t number = 0;
  const auto [rest, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || rest != text.data() + text.size() || number == 0 || number > most)
    return wrong(variable, "a number from 1 to " + std::to_string(most));
  return number;
}

Result<Millis> millis_of(const Environment& environment, const std::string& variable, Millis otherwise) {
  constexpr std::uint64_t kDay = 86'400'000;
  HILLSTAR_TRY(const auto number,
               number_of(environment, variable, static_cast<std::uint64_t>(otherwise.count()), kDay));
  return Millis(static_cast<std::int64_t>(number));
}

bool is_http(const std::string& url) {
  return (url.starts_with("http://") || url.starts_with("https://")) && !url.ends_with("://") &&
         url.find_first_of(" \t\r\n") == std::string::npos;
}

/// `kind`: TRACES or METRICS. `path`: below the endpoint of all.
Result<Target> target_of(const Environment& environment, const std::string& kind, const std::string& path) {
  Target target;
  const auto exporter = value_of(environment, "OTEL_" + kind + "_EXPORTER");
  if (exporter == "none") return target;
  if (!exporter.empty() && exporter != "otlp") return wrong("OTEL_" + kind + "_EXPORTER", "otlp or none");
  const auto own = value_of(environment, "OTEL_EXPORTER_OTLP_" + kind + "_ENDPOINT");
  auto base = value_of(environment, "OTEL_EXPORTER_OTLP_ENDPOINT");
  if (own.empty() && base.empty() && exporter.empty()) return target;
  if (base.empty()) base = kDefaultEndpoint;
  while (base.ends_with('/')) base.pop_back();
  const auto url = own.empty() ? base + path : own;
  const auto variable =
      own.empty() ? std::string("OTEL_EXPORTER_OTLP_ENDPOINT") : "OTEL_EXPORTER_OTLP_" + kind + "_ENDPOINT";
  if (!is_http(url)) return wrong(variable, "an http:// or https:// address");
  std::string named;
  const auto protocol = either(environment, kind, "PROTOCOL", &named);
  // Whoever takes OTLP over HTTP takes JSON as well.
  if (!protocol.empty() && protocol != "http/json" && protocol != "http/protobuf")
    return wrong(named, "http/json, which is what this program speaks");
  HILLSTAR_TRY(target.headers, headers_of(environment, kind));
  HILLSTAR_TRY(target.timeout, millis_of(environment, "OTEL_EXPORTER_OTLP_TIMEOUT", target.timeout));
  HILLSTAR_TRY(target.timeout, millis_of(environment, "OTEL_EXPORTER_OTLP_" + kind + "_TIMEOUT", target.timeout));
  target.url = url;
  return target;
}

Result<Sampler> sampler_of(const Environment& environment) {
  Sampler sampler;
  auto name = value_of(environment, "OTEL_TRACES_SAMPLER");
  if (name.empty()) return sampler;
  sampler.parent_based = name.starts_with("parentbased_");
  if (sampler.parent_based) name.erase(0, std::string_view("parentbased_").size());
  if (name == "always_on") return sampler;
  if (name == "always_off") {
    sampler.ratio = 0;
    return sampler;
  }
  if (name != "traceidratio")
    return wrong("OTEL_TRACES_SAMPLER", "always_on, always_off or traceidratio, with or without parentbased_");
  const auto text = value_of(environment, "OTEL_TRACES_SAMPLER_ARG");
  if (text.empty()) return sampler;
  const auto [rest, code] = std::from_chars(text.data(), text.data() + text.size(), sampler.ratio);
  if (code != std::errc() || rest != text.data() + text.size() || !(sampler.ratio >= 0 && sampler.ratio <= 1))
    return wrong("OTEL_TRACES_SAMPLER_ARG", "a number from 0 to 1");
  return sampler;
}

bool says_yes(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : static_cast<char>(c);
  });
  return text == "true" || text == "1" || text == "span_only" || text == "span_and_event";
}

}  // namespace

Result<Resource> resource_of(const std::vector<std::string>& environment, const std::string& version) {
  Resource resource;
  resource.version = version;
  auto name = value_of(environment, "OTEL_SERVICE_NAME");
  HILLSTAR_TRY(const auto pairs,
               pairs_of("OTEL_RESOURCE_ATTRIBUTES", value_of(environment, "OTEL_RESOURCE_ATTRIBUTES")));
  for (const auto& [key, value] : pairs) {
    if (key == "service.name" && name.empty()) name = value;
    if (key != "service.name" && key != "service.version") resource.attributes.emplace_back(key, value);
  }
  resource.attributes.emplace_back("service.name", name.empty() ? std::string("hillstar-actors") : name);
  resource.attributes.emplace_back("service.version", version);
  return resource;
}

Result<Settings> settings_of(const std::vector<std::string>& environment, const std::string& version) {
  Settings settings;
  settings.content = says_yes(value_of(environment, "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"));
  // Who does not ask for the newest names, and says so, gets those before.
  const auto names = value_of(environment, "OTEL_SEMCONV_STABILITY_OPT_IN");
  settings.older_names = !names.empty() && names.find("gen_ai_latest_experimental") == std::string::npos;
  if (says_yes(value_of(environment, "OTEL_SDK_DISABLED"))) return settings;
  HILLSTAR_TRY(settings.traces, target_of(environment, "TRACES", "/v1/traces"));
  HILLSTAR_TRY(settings.metrics, target_of(environment, "METRICS", "/v1/metrics"));
  if (settings.is_off()) return settings;
  HILLSTAR_TRY(settings.resource, resource_of(environment, version));
  HILLSTAR_TRY(settings.sampler, sampler_of(environment));
  settings.ca_file = value_of(environment, "OTEL_EXPORTER_OTLP_CERTIFICATE");
  HILLSTAR_TRY(settings.queue_max, number_of(environment, "OTEL_BSP_MAX_QUEUE_SIZE", settings.queue_max, kQueueMost));
  HILLSTAR_TRY(settings.batch_max,
               number_of(environment, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", settings.batch_max, kQueueMost));
  settings.batch_max = std::min(settings.batch_max, settings.queue_max);
  HILLSTAR_TRY(settings.delay, millis_of(environment, "OTEL_BSP_SCHEDULE_DELAY", settings.delay));
  HILLSTAR_TRY(settings.metric_interval,
               millis_of(environment, "OTEL_METRIC_EXPORT_INTERVAL", settings.metric_interval));
  return settings;
}

}  // namespace hillstar::telemetry
