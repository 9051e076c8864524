// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/provider_fixtures.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <set>
#include <sstream>

#include "messages/json.hpp"

namespace hillstar::conformance {
namespace {

namespace bj = boost::json;
namespace fs = std::filesystem;

constexpr std::array<std::string_view, 5> kHeaders{"authorization", "x-api-key", "x-goog-api-key", "anthropic-version",
                                                   "content-type"};
constexpr std::array<std::string_view, 4> kBodyEndings{".json", ".sse", ".ndjson", ".txt"};

fs::path root() {
  const char* named = std::getenv("HILLSTAR_FIXTURES");
  const fs::path recordings =
      named != nullptr ? fs::path(named) : fs::path(HILLSTAR_SOURCE_DIR).parent_path() / "shared/fixtures/hillstar";
  return recordings.parent_path() / "providers";
}

std::optional<std::string> text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

bj::value value_of(const fs::path& path) {
  const auto text = text_of(path);
  REQUIRE_MESSAGE(text.has_value(), path.string());
  auto value = json::parse(*text);
  REQUIRE_MESSAGE(value.has_value(), path.string());
  return *std::move(value);
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return result;
}

/// Without parameters, so that a charset makes no difference.
std::string media_type(const std::string& text) { return text.substr(0, text.find(';')); }

std::string recorded_header(const bj::value& request, std::string_view name) {
  const auto* headers = request.as_object().if_contains("headers");
  if (headers == nullptr || !headers->is_object()) return {};
  for (const auto& [key, value] : headers->get_object())
    if (lower(key) == name && value.is_string()) return std::string(value.get_string());
  return {};
}

std::string sent_header(const providers::HttpRequest& request, std::string_view name) {
  if (name == "authorization" && request.key_header.empty() && !request.bearer.empty())
    return "Bearer " + std::string(request.bearer.reveal());
  if (name == request.key_header) return std::string(request.bearer.reveal());
  for (const auto& [key, value] : request.headers)
    if (lower(key) == name) return value;
  return {};
}

bj::object query_of(std::string_view text) {
  bj::object query;
  while (!text.empty()) {
    const auto pair = text.substr(0, text.find('&'));
    const auto equals = std::min(pair.find('='), pair.size());
    query[pair.substr(0, equals)] = pair.substr(std::min(equals + 1, pair.size()));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
  }
  return query;
}

void append(std::vector<std::string>& to, std::vector<std::string> more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

std::string shown(const bj::value* value) { return value == nullptr ? "absent" : bj::serialize(*value); }

std::vector<std::string> object_differences(const bj::object& wanted, const bj::object& actual,
                                            const std::string& place) {
  std::set<std::string> keys;
  for (const auto& [key, value] : wanted) keys.insert(std::string(key));
  for (const auto& [key, value] : actual) keys.insert(std::string(key));
  std::vector<std::string> found;
  for (const auto& key : keys) {
    const auto* left = wanted.if_contains(key);
    const auto* right = actual.if_contains(key);
    const auto here = place + "." + key;
    if (left == nullptr || right == nullptr)
      found.push_back(here + ": wanted " + shown(left) + ", sent " + shown(right));
    else
      append(found, json_differences(*left, *right, here));
  }
  return found;
}

std::vector<std::size_t> random_cuts(std::mt19937& dice, std::size_t size) {
  std::vector<std::size_t> sizes;
  for (std::size_t sum = 0; sum < size; sum += sizes.back()) sizes.push_back(1 + dice() % 97);
  return sizes;
}

Outcome read_in(const providers::Adapter& adapter, const providers::Endpoint& endpoint, const ProviderCase& wanted,
                const std::vector<std::size_t>& sizes) {
  const auto reader = adapter.reader(endpoint);
  providers::HttpReply reply = wanted.reply;
  const bool ok = reply.status >= 200 && reply.status < 300;
  if (!ok || sizes.empty()) return reader->finish(reply);
  std::string_view rest = wanted.reply.body;
  for (const auto size : sizes) {
    reader->feed(rest.substr(0, size));
    rest.remove_prefix(std::min(size, rest.size()));
  }
  reader->feed(rest);
  reply.body.clear();
  return reader->finish(reply);
}

}  // namespace

std::vector<std::string> case_names(const std::string& folder) {
  constexpr std::string_view kEnding = ".request.json";
  std::vector<std::string> names;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(root() / folder, failed)) {
    const auto name = entry.path().filename().string();
    if (name.ends_with(kEnding)) names.push_back(folder + "/" + name.substr(0, name.size() - kEnding.size()));
  }
  std::sort(names.begin(), names.end());
  if (names.empty()) MESSAGE("skipped: no recordings in " << (root() / folder).string() << "; set HILLSTAR_FIXTURES");
  return names;
}

ProviderCase load_case(const std::string& name) {
  const auto base = (root() / name).string();
  ProviderCase made;
  made.name = name;
  made.request = value_of(base + ".request.json");
  const auto meta = value_of(base + ".response.meta.json");
  made.reply.status = meta.at("status").to_number<unsigned>();
  for (const auto& [key, value] : meta.at("headers").as_object())
    made.reply.headers.emplace_back(lower(key), std::string(value.as_string()));
  for (const auto ending : kBodyEndings)
    if (const auto body = text_of(base + ".response" + std::string(ending))) made.reply.body = *body;
  REQUIRE_MESSAGE(!made.reply.body.empty(), base);
  const auto oracle = value_of(base + ".sdk.json");
  made.parsed = oracle.at("parsed");
  made.error = oracle.at("error");
  return made;
}

std::vector<bj::value> recorded_pairs(const std::string& file) {
  std::vector<bj::value> pairs;
  std::ifstream lines(root() / file, std::ios::binary);
  for (std::string line; std::getline(lines, line);) {
    const auto pair = json::parse(line);
    REQUIRE_MESSAGE(pair.has_value(), file);
    pairs.push_back(*pair);
  }
  if (pairs.empty()) MESSAGE("skipped: there is no " << (root() / file).string() << "; set HILLSTAR_FIXTURES");
  return pairs;
}

std::vector<std::string> json_differences(const bj::value& wanted, const bj::value& actual, const std::string& place) {
  if (wanted.is_object() && actual.is_object())
    return object_differences(wanted.get_object(), actual.get_object(), place);
  const auto* left = wanted.if_array();
  const auto* right = actual.if_array();
  if (left != nullptr && right != nullptr && left->size() == right->size()) {
    std::vector<std::string> found;
    for (std::size_t i = 0; i < left->size(); ++i)
      append(found, json_differences((*left)[i], (*right)[i], place + "[" + std::to_string(i) + "]"));
    return found;
  }
  if (json::canonical(wanted) == json::canonical(actual)) return {};
  return {place + ": wanted " + shown(&wanted) + ", got " + shown(&actual)};
}

std::vector<std::string> differences(const ProviderCase& wanted, const providers::HttpRequest& actual,
                                     std::string_view origin) {
  bj::object sent;
  sent["method"] = actual.method;
  REQUIRE_MESSAGE(actual.url.starts_with(origin), actual.url);
  const auto target = std::string_view(actual.url).substr(origin.size());
  const auto mark = std::min(target.find('?'), target.size());
  sent["path"] = target.substr(0, mark);
  sent["query"] = query_of(target.substr(std::min(mark + 1, target.size())));
  sent["body"] = nullptr;
  if (!actual.body.empty()) {
    const auto body = json::parse(actual.body);
    REQUIRE_MESSAGE(body.has_value(), actual.body);
    sent["body"] = *body;
  }
  std::vector<std::string> found;
  for (const char* part : {"method", "path", "query", "body"}) {
    const auto* recorded = wanted.request.as_object().if_contains(part);
    append(found, json_differences(recorded != nullptr ? *recorded : bj::value(), sent[part], part));
  }
  for (const auto name : kHeaders) {
    auto left = recorded_header(wanted.request, name);
    auto right = sent_header(actual, name);
    if (name == "content-type") {
      left = media_type(left);
      right = media_type(right);
    }
    if (left != right) found.push_back("header " + std::string(name) + ": wanted '" + left + "', sent '" + right + "'");
  }
  return found;
}

void for_each_reading(const providers::Adapter& adapter, const providers::Endpoint& endpoint,
                      const ProviderCase& wanted, const std::function<void(const Outcome&)>& check) {
  CAPTURE(wanted.name);
  check(read_in(adapter, endpoint, wanted, {}));
  check(read_in(adapter, endpoint, wanted, std::vector<std::size_t>(wanted.reply.body.size(), 1)));
  for (int round = 0; round < 5; ++round) {
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 dice(seed);
    check(read_in(adapter, endpoint, wanted, random_cuts(dice, wanted.reply.body.size())));
  }
}

Json json_of(std::string_view text) {
  const auto value = json::parse(text);
  REQUIRE_MESSAGE(value.has_value(), std::string(text));
  return Json::of(*value);
}

ModelImage red_pixel() {
  return {"image/png",
          "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", ""};
}

std::vector<ModelTool> weather_tools(bool second_strict) {
  ModelTool weather{"get_weather", "Current weather for a city", json_of(R"({"type":"object","properties":{
      "city":{"type":"string","description":"City name"},"unit":{"type":"string","enum":["celsius","fahrenheit"]}},
      "required":["city","unit"],"additionalProperties":false})"),
                    true};
  ModelTool time{"get_time", "Local time", json_of(R"({"type":"object","properties":{"tz":{"type":"string"}},
      "required":["tz"],"additionalProperties":false})"),
                 std::nullopt};
  if (second_strict) time.strict = true;
  return {std::move(weather), std::move(time)};
}

Json person_schema() {
  return json_of(R"({"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}},
      "required":["name","age"],"additionalProperties":false})");
}

}  // namespace hillstar::conformance
