// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <boost/json.hpp>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "messages/json.hpp"

using namespace hillstar;

namespace {

/// `HS101 2:3`, or `ok`.
std::string verdict(std::string_view text, const json::Limits& limits = {}) {
  const auto result = json::parse(text, limits);
  return result ? "ok" : number(result.error().code) + " " + result.error().where;
}

std::string repeat(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

/// A random document of any shape, `depth` levels deep at most.
boost::json::value random_value(std::mt19937_64& random, int depth) {
  switch (random() % (depth > 0 ? 8 : 6)) {
    case 0:
      return nullptr;
    case 1:
      return random() % 2 == 0;
    case 2:
      return static_cast<std::int64_t>(random());
    case 3: {
      const double real = std::bit_cast<double>(random());
      return std::isfinite(real) ? boost::json::value(real) : boost::json::value(0.5);
    }
    case 4:
      return static_cast<std::uint64_t>(random());
    case 5: {
      static constexpr std::string_view kPieces[] = {"a",      "\"",     "\\",         "\n", "\x01",
                                                     "\u00e9", "\u20ac", "\U0001F600", "/"};
      std::string text;
      for (auto n = random() % 8; n > 0; --n) text += kPieces[random() % std::size(kPieces)];
      return boost::json::value(text);
    }
    case 6: {
      boost::json::array array;
      for (auto n = random() % 5; n > 0; --n) array.push_back(random_value(random, depth - 1));
      return array;
    }
    default: {
      boost::json::object object;
      for (auto n = random() % 5; n > 0; --n)
        object["k" + std::to_string(random() % 100)] = random_value(random, depth - 1);
      return object;
    }
  }
}

}  // namespace

TEST_CASE("json parse: values of every kind") {
  const auto value =
      json::parse(R"( { "a" : [ 1 , -2 , 18446744073709551615 , 0.5 , -1e3 , true , false , null ] , "b" : "x" } )");
  REQUIRE(value);
  const auto& array = value->at("a").as_array();
  CHECK(array[0].as_int64() == 1);
  CHECK(array[1].as_int64() == -2);
  CHECK(array[2].as_uint64() == std::numeric_limits<std::uint64_t>::max());
  CHECK(array[3].as_double() == 0.5);
  CHECK(array[4].as_double() == -1000);
  CHECK(array[5].as_bool());
  CHECK_FALSE(array[6].as_bool());
  CHECK(array[7].is_null());
  CHECK(value->at("b").as_string() == "x");
  for (const auto* scalar : {"0", "-0", "\"\"", "null", "true", "[]", "{}", " \t\r\n1\n"})
    CHECK(verdict(scalar) == "ok");
}

TEST_CASE("json parse: members keep the order of the text") {
  const auto value = json::parse(R"({"z":1,"a":2,"m":3})");
  REQUIRE(value);
  std::string keys;
  for (const auto& [key, element] : value->as_object()) keys += key;
  CHECK(keys == "zam");
}

TEST_CASE("json parse: escapes and surrogate pairs become UTF-8") {
  const auto value = json::parse(R"("\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00\u0000 end")");
  REQUIRE(value);
  const std::string expected = std::string("\"\\/\b\f\n\r\tA\u00e9\u20ac\U0001F600") + '\0' + " end";
  CHECK(std::string(value->as_string()) == expected);
}

TEST_CASE("json parse: an error names line and column, in bytes") {
  CHECK(verdict("") == "HS100 1:1");
  CHECK(verdict("  \n ") == "HS100 2:2");
  CHECK(verdict("{\n  \"a\": x\n}") == "HS100 2:8");
  CHECK(verdict("[1,2") == "HS100 1:5");
  CHECK(verdict("{\"\u00e9\": x}") == "HS100 1:8");
  for (const auto* bad : {"{,}",       "[,]",   "[1,]",    "{\"a\":1,}", "{\"a\"}",     "{\"a\" 1}", "{a:1}",
                          "{'a':1}",   "1 2",   "nul",     "tru",        "+1",          ".5",        "1.",
                          "1e",        "1e+",   "-",       "01",         "0x10",        "NaN",       "Infinity",
                          "-Infinity", "\"a",   "\"\\x\"", "\"\\u12\"",  "\"\\u12g4\"", "\"a\nb\"",  "// c\n1",
                          "/* c */ 1", "[1 2]", "]",       "}",          "\"\\",        "\"\\u"}) {
    CAPTURE(bad);
    CHECK(verdict(bad).starts_with("HS100"));
  }
}

TEST_CASE("json parse: a byte order mark is refused") { CHECK(verdict("\xEF\xBB\xBF{}") == "HS100 1:1"); }

TEST_CASE("json parse: a duplicate key is refused with both places") {
  const auto result = json::parse("{\"a\": 1,\n \"b\": {\"a\": 2},\n \"a\": 3}");
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Errc::json_duplicate_key);
  CHECK(result.error().where == "3:2");
  CHECK(result.error().message.find("first at 1:2") != std::string::npos);
  CHECK(verdict(R"({"a":1,"\u0061":2})") == "HS101 1:8");
  CHECK(verdict(R"([{"a":1},{"a":1}])") == "ok");
  CHECK(verdict(R"({"":1,"":1})") == "HS101 1:7");
}

TEST_CASE("json parse: a duplicate among many keys is found") {
  std::string text = "{";
  for (int i = 0; i < 5000; ++i) text += "\"k" + std::to_string(i) + "\":{\"x\":1},";
  CHECK(verdict(text + "\"last\":0}") == "ok");
  const auto result = json::parse(text + "\"k17\":0}");
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Errc::json_duplicate_key);
}

TEST_CASE("json parse: numbers that would change are refused") {
  CHECK(verdict("9223372036854775807") == "ok");
  CHECK(verdict("-9223372036854775808") == "ok");
  CHECK(verdict("-9223372036854775809") == "HS102 1:1");
  CHECK(verdict("18446744073709551616") == "HS102 1:1");
  CHECK(verdict(repeat("9", 400)) == "HS102 1:1");
  CHECK(verdict("1e400") == "HS102 1:1");
  CHECK(verdict("-1e400") == "HS102 1:1");
  CHECK(verdict("1e999999999999999999999") == "HS102 1:1");
  CHECK(verdict(repeat("9", 400) + ".5") == "HS102 1:1");
  CHECK(verdict("1.7976931348623157e308") == "ok");
}

TEST_CASE("json parse: a double that canonical text writes without a fraction reads back as that double") {
  CHECK(json::canonical(boost::json::value(1e20)) == "100000000000000000000");
  const auto value = json::parse("100000000000000000000");
  REQUIRE(value);
  CHECK(value->as_double() == 1e20);
  CHECK(verdict("100000000000000000001") == "HS102 1:1");
}

TEST_CASE("json parse: a number too small for a double is zero") {
  for (const std::string& text :
       {std::string("1e-400"), std::string("0.0001e-999999999999999999999"), "0." + repeat("0", 400) + "1",
        std::string("0e999999"), repeat("1", 10) + ".5e-400"}) {
    const auto value = json::parse(text);
    REQUIRE(value);
    CHECK(value->as_double() == 0);
  }
}

TEST_CASE("json parse: invalid UTF-8 and lone surrogates are refused") {
  for (const std::string bad :
       {"\"\x80\"", "\"\xC0\xAF\"", "\"\xE2\x82\"", "\"\xED\xA0\x80\"", "\"\xF4\x90\x80\x80\"", "\"\xFF\"",
        "\"\xE2\x82\xAC\xE2\"", "\"\xF0\x8F\xBF\xBF\"", "\"\xC3", "\xFF", "[\xC3\x28]"}) {
    CAPTURE(bad);
    CHECK(verdict(bad).starts_with("HS104"));
  }
  CHECK(verdict(R"("\ud800")") == "HS104 1:2");
  CHECK(verdict(R"("\udc00")") == "HS104 1:2");
  CHECK(verdict(R"("\ud800x")") == "HS104 1:2");
  CHECK(verdict(R"("\ud800\ud800")") == "HS104 1:2");
  CHECK(verdict(R"("\ud800\u0041")") == "HS104 1:2");
  CHECK(verdict("\"\xF4\x8F\xBF\xBF \xEE\x80\x80 \xE0\xA0\x80\"") == "ok");
}

TEST_CASE("json parse: nesting is bounded, at the limit and beyond") {
  const json::Limits limits{.bytes_max = 64U << 20U, .depth_max = 8};
  CHECK(verdict(repeat("[", 8) + repeat("]", 8), limits) == "ok");
  CHECK(verdict(repeat("[", 9) + repeat("]", 9), limits) == "HS103 1:9");
  CHECK(verdict(repeat("{\"a\":", 8) + "1" + repeat("}", 8), limits) == "ok");
  CHECK(verdict(repeat("{\"a\":", 9) + "1" + repeat("}", 9), limits) == "HS103 1:41");
  CHECK(verdict(repeat("[", 10U << 20U)) == "HS103 1:65");
  const json::Limits no_limit{.bytes_max = 64U << 20U, .depth_max = std::numeric_limits<std::size_t>::max()};
  CHECK(verdict(repeat("[", 10U << 20U), no_limit).starts_with("HS103"));
}

TEST_CASE("json parse: size is bounded, at the limit and beyond") {
  CHECK(verdict("[1,2,3]", {.bytes_max = 7, .depth_max = 8}) == "ok");
  CHECK(verdict("[1,2,3]", {.bytes_max = 6, .depth_max = 8}) == "HS106 1:1");
}

TEST_CASE("json parse: canonical text of any document reads back equal") {
  const auto seed = std::random_device{}();
  MESSAGE("seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 2000; ++round) {
    const auto text = json::canonical(random_value(random, 4));
    CAPTURE(text);
    const auto back = json::parse(text);
    REQUIRE(back);
    CHECK(json::canonical(*back) == text);
  }
}

TEST_CASE("json parse: a cut or damaged text never crashes, and positions stay inside it") {
  const std::string good = R"({"a":[1,2.5e-3,"x\u00e9\ud83d\ude00",{"b":null}],"c":true,"é":"€"})";
  REQUIRE(verdict(good) == "ok");
  for (std::size_t cut = 0; cut < good.size(); ++cut) CHECK(verdict(std::string_view(good).substr(0, cut)) != "ok");
  std::mt19937_64 random(7);
  for (int round = 0; round < 20000; ++round) {
    auto text = good;
    for (auto n = random() % 3 + 1; n > 0; --n) text[random() % text.size()] = static_cast<char>(random());
    const auto result = json::parse(text);
    if (!result) CHECK(result.error().where.find(':') != std::string::npos);
  }
}

TEST_CASE("json parse: a located text knows where its values start") {
  const auto located = json::parse_located("\n{\n  \"a\": [1,\n    {\"x/y~\": 2}],\n  \"\": 3\n}");
  REQUIRE(located);
  const auto where = [&](std::string_view pointer) {
    const auto position = located->at(pointer);
    return std::to_string(position.line) + ":" + std::to_string(position.column);
  };
  CHECK(where("") == "2:1");
  CHECK(where("/a") == "3:8");
  CHECK(where("/a/0") == "3:9");
  CHECK(where("/a/1") == "4:5");
  CHECK(where("/a/1/x~1y~0") == "4:14");
  CHECK(where("/") == "5:7");
  CHECK(where("/a/1/gone/deeper") == "4:5");
  CHECK(where("/gone") == "2:1");
  CHECK(located->root->at("a").as_array()[1].at("x/y~").as_int64() == 2);
  CHECK_FALSE(json::parse_located("{\"a\":1,\"a\":2}"));
}

TEST_CASE("json parse: a file of 100,000 nodes reads with positions") {
  std::string text = "{\"nodes\":{";
  for (int i = 0; i < 100'000; ++i)
    text += (i > 0 ? ",\n" : "") + ("\"node_" + std::to_string(i)) +
            R"(":{"tool":"script_run","parameters":{"script":"echo a longer command line than most | cat"},)"
            R"("input":"{{ a.output }}"})";
  text += "}}";
  const auto located = json::parse_located(std::move(text));
  REQUIRE(located);
  CHECK(located->at("/nodes/node_99999/tool").line == 100'000);
}
