// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/measure.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <map>
#include <random>

#include "runtime/workflow/references.hpp"

using namespace hillstar;
using namespace hillstar::workflow;

namespace {

Json document(const std::string& text) { return Json::of(*json::parse(text)); }

}  // namespace

TEST_CASE("measure: text is measured exactly, without reading blobs that nothing names") {
  ExecuteNode command;
  command.inputs = document(R"({"topic":"rust"})");
  command.bindings.push_back(
      {"a", Value{{{"/raw", 9'000'000, false, "ff"}}, document(R"({"output":"four","raw":null})")}});
  CHECK(most_bytes(Json(), command, 0) == 0);
  const auto text = document(R"("{{ a.output }} on {{ inputs.topic }}")");
  CHECK(most_bytes(text, command, 0) >= 12);
  CHECK(most_bytes(text, command, 0) < 80);
  CHECK(most_bytes(document(R"("{{ a.raw }}")"), command, 0) >= 9'000'000);
  CHECK(most_bytes(document(R"("{{ item }}")"), command, 500) >= 500);
}

TEST_CASE("measure: never less than what is filled in") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 dice(seed);
  const auto roll = [&](std::size_t bound) { return dice() % bound; };
  const auto random_text = [&](std::size_t most) {
    static const std::string kSigns = "ab \"\\\n\t{}";
    std::string text;
    for (auto left = roll(most); left > 0; --left) text += kSigns[roll(kSigns.size())];
    return text;
  };
  for (int round = 0; round < 2'000; ++round) {
    std::map<std::string, std::string> blobs;
    ExecuteNode command;
    command.inputs = Json::of(boost::json::value{{"x", random_text(30)}, {"list", {1, random_text(5), nullptr}}});
    for (const char* id : {"a", "b"}) {
      Value result;
      boost::json::object object{{"output", random_text(40)}, {"json", {{"k", random_text(10)}, {"n", 7}}}};
      if (roll(3) == 0) {
        object["output"] = nullptr;
        const auto bytes = random_text(300);
        result.blobs.push_back({"/output", bytes.size(), false, id});
        blobs[id] = bytes;
      }
      result.json = Json::of(object);
      command.bindings.push_back({id, std::move(result)});
    }
    std::uint64_t item_bytes = 0;
    if (roll(2) == 0) {
      command.ref.item = 3;
      const boost::json::value item{{"q", random_text(20)}, {"z", 1}};
      command.item.json = Json::of(item);
      item_bytes = command.item.json.text().size();
    }
    static const std::vector<std::string> kTokens = {
        "{{ a.output }}", "{{b.output}}", "{{ inputs.x }}", "{{ inputs.list }}", "{{ a.json }}",  "{{ a.json.k }}",
        "{{ item }}",     "{{ item.q }}", "{{ index }}",    "{{ inputs.none }}", "{{ b.json.n }}"};
    const auto text = [&] {
      std::string out = random_text(10);
      for (auto left = roll(4); left > 0; --left) out += kTokens[roll(kTokens.size())] + random_text(4);
      return out;
    };
    boost::json::value input(text());
    if (roll(2) == 0) input = boost::json::value{{"p", text()}, {"more", {text(), 1, text()}}};
    const auto filled = render(Json::of(input), command,
                               [&](const std::string& sha256) -> Result<std::string> { return blobs.at(sha256); });
    REQUIRE(filled.has_value());
    CHECK(most_bytes(Json::of(input), command, item_bytes) >= filled->text.size());
  }
}
