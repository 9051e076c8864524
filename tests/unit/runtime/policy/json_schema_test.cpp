// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/json_schema.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>

using namespace hillstar;
using policy::check_schema;
using policy::mismatches;

namespace {

Json json_of(std::string_view text) {
  auto value = json::parse(text);
  REQUIRE_MESSAGE(value.has_value(), text);
  return Json::of(*value);
}

/// `pointer: message` of each mismatch, one a line.
std::string told(std::string_view schema, std::string_view value) {
  std::string out;
  for (const auto& mismatch : mismatches(json_of(schema), json_of(value).value()))
    out += mismatch.pointer + ": " + mismatch.message + "\n";
  return out;
}

bool fits(std::string_view schema, std::string_view value) { return told(schema, value).empty(); }

std::string remarks(std::string_view schema) {
  std::string out;
  for (const auto& remark : check_schema(json_of(schema)))
    out += std::string(remark.is_error ? "error " : "warning ") + remark.pointer + ": " + remark.message +
           (remark.hint.empty() ? "" : " (" + remark.hint + ")") + "\n";
  return out;
}

}  // namespace

TEST_CASE("json schema: types, values and numbers") {
  CHECK(fits("true", "1"));
  CHECK_FALSE(fits("false", "1"));
  CHECK(fits("{}", "null"));
  CHECK(fits(R"({"type":"integer"})", "1.0"));
  CHECK(told(R"({"type":"integer"})", "1.5") == ": expected integer, found 1.5\n");
  CHECK(fits(R"({"type":["string","null"]})", "null"));
  CHECK(told(R"({"type":["string","null"]})", "[]") == ": expected string or null, found a list of 0\n");
  CHECK(fits(R"({"enum":[1,"a",{"k":[]}]})", R"({"k":[]})"));
  CHECK(told(R"({"enum":["low","high"]})", R"("mid")") == ": expected one of \"low\", \"high\", found \"mid\"\n");
  CHECK(fits(R"({"const":1})", "1.0"));
  CHECK_FALSE(fits(R"({"const":1})", "true"));
  CHECK_FALSE(fits(R"({"const":null})", "0"));
  CHECK(fits(R"({"minimum":1,"maximum":2})", "2"));
  CHECK(told(R"({"exclusiveMinimum":1})", "1") == ": expected more than 1, found 1\n");
  // Whole numbers are compared as such: these two are one as floating point.
  CHECK_FALSE(fits(R"({"maximum":9007199254740992})", "9007199254740993"));
  CHECK(fits(R"({"exclusiveMinimum":9007199254740992})", "9007199254740993"));
  CHECK_FALSE(fits(R"({"maximum":18446744073709551614})", "18446744073709551615"));
  CHECK(fits(R"({"maximum":18446744073709551615,"minimum":-1})", "5"));
  CHECK_FALSE(fits(R"({"maximum":9223372036854775807})", "9223372036854775808"));
  CHECK_FALSE(fits(R"({"minimum":9223372036854775808})", "9223372036854775807"));
  CHECK(fits(R"({"multipleOf":0.1})", "0.3"));
  CHECK_FALSE(fits(R"({"multipleOf":0.1})", "0.35"));
  CHECK_FALSE(fits(R"({"multipleOf":3})", "10"));
  CHECK(fits(R"({"minimum":5})", R"("text")"));
}

TEST_CASE("json schema: texts are counted in characters, patterns match anywhere") {
  CHECK(fits(R"({"maxLength":2})", "\"äö\""));
  CHECK(told(R"({"minLength":3})", "\"äö\"") == ": expected at least 3 characters, found 2\n");
  CHECK(fits(R"({"pattern":"b+"})", R"("abbc")"));
  CHECK_FALSE(fits(R"({"pattern":"^b"})", R"("abbc")"));
  // What this engine cannot match is not held against the text; the schema's author is told.
  CHECK(fits(R"({"pattern":"(?=x)y"})", R"("z")"));
  // A pattern that backtracking engines take for ever on, and die of on a long text.
  CHECK(fits(R"({"pattern":"^(a|a)*$"})", "\"" + std::string(300'000, 'a') + "\""));
  CHECK_FALSE(fits(R"({"pattern":"^(a|a)*$"})", "\"" + std::string(300'000, 'a') + "b\""));
}

TEST_CASE("json schema: lists") {
  CHECK(told(R"({"items":{"type":"number"}})", R"([1,"2",3,"4"])") ==
        "/1: expected number, found \"2\"\n/3: expected number, found \"4\"\n");
  CHECK(fits(R"({"prefixItems":[{"type":"string"}],"items":{"type":"number"}})", R"(["a",1,2])"));
  CHECK(fits(R"({"items":[{"type":"string"}],"additionalItems":{"type":"number"}})", R"(["a",1,2])"));
  CHECK(told(R"({"items":[{"type":"string"}],"additionalItems":false})", R"(["a",1])") ==
        "/1: nothing is allowed here\n");
  CHECK(fits(R"({"minItems":1,"maxItems":2})", "[1,2]"));
  CHECK(told(R"({"maxItems":1})", "[1,2]") == ": expected at most 1 items, found 2\n");
  CHECK(fits(R"({"uniqueItems":true})", "[1,[1],true]"));
  CHECK_FALSE(fits(R"({"uniqueItems":true})", R"([{"a":1},{"a":1.0}])"));
  CHECK(fits(R"({"contains":{"const":2}})", "[1,2]"));
  CHECK_FALSE(fits(R"({"contains":{"const":2}})", "[]"));
}

TEST_CASE("json schema: objects") {
  const char* const kSchema = R"({"type":"object","properties":{"a/b":{"type":"integer"}},"required":["a/b","c"],
      "additionalProperties":false,"patternProperties":{"^x":{"type":"boolean"}}})";
  CHECK(
      told(kSchema, R"({"a/b":"1","xy":1,"z":0})") ==
      ": 'c' is missing\n/a~1b: expected integer, found \"1\"\n/xy: expected boolean, found 1\n: 'z' is not allowed\n");
  CHECK(fits(R"({"additionalProperties":{"type":"number"}})", R"({"a":1})"));
  CHECK_FALSE(fits(R"({"additionalProperties":{"type":"number"}})", R"({"a":""})"));
  CHECK_FALSE(fits(R"({"propertyNames":{"maxLength":2}})", R"({"abc":1})"));
  CHECK_FALSE(fits(R"({"minProperties":1})", "{}"));
  CHECK(told(R"({"dependencies":{"a":["b"],"c":{"required":["d"]}}})", R"({"a":1,"c":1})") ==
        ": 'b' is missing beside 'a'\n: 'd' is missing\n");
  CHECK_FALSE(fits(R"({"dependentRequired":{"a":["b"]}})", R"({"a":1})"));
}

TEST_CASE("json schema: combinations, and the choice that was meant says what it misses") {
  CHECK_FALSE(fits(R"({"allOf":[{"minimum":1},{"maximum":2}]})", "3"));
  CHECK(fits(R"({"anyOf":[{"type":"string"},{"type":"null"}]})", "null"));
  CHECK(told(R"({"anyOf":[{"type":"object","required":["id"]},{"type":"null"}]})", "{}") == ": 'id' is missing\n");
  CHECK(told(R"({"anyOf":[{"type":"string"},{"type":"null"}]})", "1") == ": fits no choice of 'anyOf': found 1\n");
  CHECK(fits(R"({"oneOf":[{"minimum":5},{"maximum":2}]})", "1"));
  CHECK_FALSE(fits(R"({"oneOf":[{"minimum":1},{"maximum":2}]})", "1"));
  CHECK_FALSE(fits(R"({"not":{"type":"string"}})", R"("")"));
  const char* const kIf = R"({"if":{"required":["a"]},"then":{"required":["b"]},"else":{"required":["c"]}})";
  CHECK(fits(kIf, R"({"a":1,"b":1})"));
  CHECK_FALSE(fits(kIf, R"({"a":1})"));
  CHECK_FALSE(fits(kIf, R"({"b":1})"));
}

TEST_CASE("json schema: references stay within the schema, and end") {
  const char* const kTree =
      R"({"$ref":"#/$defs/node","$defs":{"node":{"type":"object","required":["n"],"properties":{
         "n":{"type":"integer"},"next":{"$ref":"#/$defs/node"}}}}})";
  CHECK(fits(kTree, R"({"n":1,"next":{"n":2}})"));
  CHECK(told(kTree, R"({"n":1,"next":{"n":2,"next":{}}})") == "/next/next: 'n' is missing\n");
  CHECK(fits(R"({"$ref":"#/definitions/a%20b","definitions":{"a b":{"type":"null"}}})", "null"));
  // Beside a reference other keywords hold, but in the old drafts.
  CHECK_FALSE(fits(R"({"$ref":"#/$defs/x","minimum":5,"$defs":{"x":true}})", "1"));
  CHECK(fits(
      R"({"$schema":"http://json-schema.org/draft-07/schema#","$ref":"#/definitions/x","minimum":5,
          "definitions":{"x":true}})",
      "1"));
  CHECK(told(R"({"$ref":"#"})", "1") == ": this is too much to be checked against the schema\n");
  CHECK_FALSE(fits(R"({"$ref":"#/nothing"})", "1"));
}

TEST_CASE("json schema: a check ends, whatever schema and value are") {
  std::string list = "[1";
  for (int i = 0; i < 1'000; ++i) list += ",1";
  list += "]";
  // Each level doubles the work.
  const auto found = told(
      R"({"$defs":{"x":{"anyOf":[{"items":{"$ref":"#/$defs/y"}},{"items":{"$ref":"#/$defs/y"}}]},
          "y":{"allOf":[{"$ref":"#/$defs/z"},{"$ref":"#/$defs/z"}]},
          "z":{"allOf":[{"$ref":"#/$defs/y"},{"$ref":"#/$defs/y"}]}},
          "$ref":"#/$defs/x"})",
      list);
  CHECK(found.find("too much") != std::string::npos);
  CHECK(mismatches(json_of(R"({"items":{"type":"string"}})"), json_of(list).value()).size() == policy::kMismatchesMax);
}

TEST_CASE("json schema: what is told is short, however long the reply's names and texts are") {
  const std::string name(100'000, 'n');
  const auto found = mismatches(json_of(R"({"additionalProperties":{"additionalProperties":false}})"),
                                json_of("{\"" + name + "\":{\"" + name + "\":1}}").value());
  REQUIRE(found.size() == 1);
  CHECK(found[0].pointer.size() < 250);
  CHECK(found[0].message.size() < 450);
  std::string umlauts = "\"a";
  for (int i = 0; i < 200; ++i) umlauts += "ä";
  CHECK(json::is_utf8(told(R"({"type":"number"})", umlauts + "\"")));
}

TEST_CASE("json schema: what is no schema is an error at its place, what is not checked a warning") {
  CHECK(remarks(R"({"type":"object","properties":{"a":{"type":"string","format":"date","description":"x"}},
                    "x-mine":1,"required":["a"]})")
            .empty());
  CHECK(remarks(R"({"properties":{"a":{"type":"sting"}}})") ==
        "error /properties/a/type: a schema has no such type (did you mean 'string'?)\n");
  CHECK(remarks(R"({"requird":["a"]})") ==
        "warning /requird: unknown keyword 'requird', it is not checked (did you mean 'required'?)\n");
  CHECK(remarks(R"({"$ref":"https://example.com/s.json"})").starts_with("error /$ref: the reference leads out"));
  CHECK(remarks(R"({"$ref":"#/$defs/x"})").starts_with("error /$ref: the schema has nothing at"));
  CHECK(remarks(R"({"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}})").find("leads to itself") !=
        std::string::npos);
  CHECK(remarks(R"({"unevaluatedProperties":false})").starts_with("warning /unevaluatedProperties"));
  CHECK(remarks(R"({"pattern":"(?=a)b"})").starts_with("warning /pattern: this pattern is not checked"));
  CHECK(remarks(R"({"patternProperties":{"(?=a)b":true}})").starts_with("warning /patternProperties"));
  for (const char* wrong : {R"({"required":"a"})",
                            R"({"required":[1]})",
                            R"({"minLength":-1})",
                            R"({"minLength":1.5})",
                            R"({"minimum":"1"})",
                            R"({"multipleOf":0})",
                            R"({"enum":[]})",
                            R"({"type":[]})",
                            R"({"type":5})",
                            R"({"anyOf":[]})",
                            R"({"anyOf":{}})",
                            R"({"items":5})",
                            R"({"properties":[]})",
                            R"({"uniqueItems":"yes"})",
                            R"({"not":[]})",
                            R"({"dependencies":{"a":[1]}})",
                            R"({"$ref":1})",
                            R"({"pattern":1})",
                            "[]",
                            "5"}) {
    CAPTURE(wrong);
    CHECK(remarks(wrong).starts_with("error"));
  }
  std::string many = R"({"a0":1)";
  for (int i = 1; i < 100; ++i) many += ",\"a" + std::to_string(i) + "\":1";
  CHECK(check_schema(json_of(many + "}")).size() == policy::kRemarksMax);
}

TEST_CASE("json schema: strict ones name all members and allow no others") {
  const auto strict = [](std::string_view text) { return policy::is_strict_schema(json_of(text)); };
  CHECK(strict(R"({"type":"object","properties":{"a":{"type":"array","items":{"type":"object","properties":{},
                   "additionalProperties":false}}},"required":["a"],"additionalProperties":false})"));
  CHECK_FALSE(strict(R"({"type":"object","properties":{"a":{}},"required":["a"]})"));
  CHECK_FALSE(strict(R"({"type":"object","properties":{"a":{}},"required":[],"additionalProperties":false})"));
  CHECK_FALSE(
      strict(R"({"type":"object","properties":{"a":{"pattern":"x"}},"required":["a"],"additionalProperties":false})"));
  CHECK_FALSE(strict(R"({"type":"object","properties":{"a":{},"b":{}},"required":["a","a"],
                         "additionalProperties":false})"));
  CHECK_FALSE(strict(R"({"type":"string"})"));
}

TEST_CASE("json schema: what a mismatch deep in a recursive choice is, is found and told") {
  const std::string tree = R"({"anyOf":[{"type":"null"},{"$ref":"#/$defs/node"}],
    "$defs":{"node":{"type":"object","required":["value"],"properties":{"value":{"type":"integer"},
      "next":{"anyOf":[{"type":"null"},{"type":"object","allOf":[{"$ref":"#/$defs/node"}]}]}}}}})";
  std::string value = R"({"value":"x"})";
  std::string place;
  for (int depth = 0; depth < 30; ++depth) value = R"({"value":1,"next":)" + value + "}";
  CHECK(told(tree, value) == ": fits no choice of 'anyOf': found an object\n");
  const auto node = R"({"$ref":"#/$defs/node",)" + tree.substr(tree.find(R"("$defs")"));
  for (int depth = 0; depth < 30; ++depth) place += "/next";
  CHECK(told(node, value) == place + "/value: expected integer, found \"x\"\n");
}

TEST_CASE("json schema: long texts, lists of words and many patterns count as more than one step") {
  const auto over = [](std::string_view schema, std::string_view value) {
    return told(schema, value).find("too much to be checked") != std::string::npos;
  };
  const std::string text = "\"" + std::string(1'000'000, 'a') + "\"";
  const auto many = [](const std::string& one, std::size_t times) {
    std::string all = one;
    for (std::size_t i = 1; i < times; ++i) all += "," + one;
    return all;
  };
  // Two looks at a megabyte for each: its length, and whether it matches.
  CHECK_FALSE(over(R"({"allOf":[)" + many(R"({"pattern":"^a*$"})", 50) + "]}", text));
  CHECK(over(R"({"allOf":[)" + many(R"({"pattern":"^a*$"})", 100) + "]}", text));
  CHECK(over(R"({"items":{"enum":[)" + many("1.5", 20'000) + "]}}", "[" + many("2", 2'000) + "]"));
  CHECK(over(R"({"allOf":[)" + many(R"({"uniqueItems":true})", 200) + "]}", "[" + text + "]"));
  CHECK(over(R"({"allOf":[)" + many(R"({"const":["b"]})", 200) + "]}", "[" + text + "]"));
  std::string patterns = R"({"patternProperties":{)";
  for (int i = 0; i < 2'000; ++i)
    patterns += (i == 0 ? "\"" : ",\"") + std::string("x") + std::to_string(i) + R"(":{})";
  std::string members = "{";
  for (int i = 0; i < 2'000; ++i) members += (i == 0 ? "\"" : ",\"") + std::string("k") + std::to_string(i) + R"(":1)";
  CHECK(over(patterns + "}}", members + "}"));
}

TEST_CASE("json schema: references that only lead on are followed to a bound") {
  const auto chain = [](int length) {
    std::string text = R"({"$ref":"#/$defs/r0","$defs":{)";
    for (int i = 0; i < length; ++i)
      text += "\"r" + std::to_string(i) + R"(":{"$ref":"#/$defs/r)" + std::to_string(i + 1) + "\"},";
    return text + "\"r" + std::to_string(length) + R"(":{"type":"string"}}})";
  };
  CHECK(remarks(chain(63)).empty());
  CHECK(told(chain(63), "1") == ": expected string, found 1\n");
  CHECK(remarks(chain(64)).starts_with("error /$ref: the reference leads to itself"));
}

TEST_CASE("json schema: a long text is shown by its beginning, cut between characters") {
  for (std::size_t plain = 50; plain < 70; ++plain) {
    const std::string text = "\"" + std::string(plain, 'a') + "\u00e4\u20ac" + std::string(100, 'b') + "\"";
    const auto said = told(R"({"type":"null"})", text);
    CHECK(said.starts_with(": expected null, found \"aaaa"));
    CHECK(said.ends_with("...\n"));
    CHECK(json::is_utf8(said));
  }
}
