// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/reply_schema.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>

using namespace hillstar;
using policy::read_json_reply;

namespace {

ModelReply reply_of(std::string text) {
  ModelReply reply;
  reply.text = std::move(text);
  return reply;
}

ModelRequest asks_for(ReplyFormat format, std::string schema = "null") {
  ModelRequest request;
  request.format = format;
  request.schema = Json::from_canonical(std::move(schema));
  return request;
}

}  // namespace

TEST_CASE("reply schema: what fits is read, also from a fenced block") {
  const auto any = asks_for(ReplyFormat::json_object);
  for (const char* text : {"{\"a\":1}", " \n{ \"a\" : 1.0 }\n", "```json\n{\"a\":1}\n```", "```\n{\"a\":1}\n```\n"}) {
    CAPTURE(text);
    const auto read = read_json_reply(any, reply_of(text));
    CHECK(read.problem.empty());
    CHECK(read.json.text() == R"({"a":1})");
  }
}

TEST_CASE("reply schema: what does not fit says where and why") {
  const auto any = asks_for(ReplyFormat::json_object);
  CHECK(read_json_reply(any, reply_of("[1]")).problem == "The reply is JSON, but no object.");
  for (const char* text : {"", "Here it is: {\"a\":1}", "{\"a\":1} {\"a\":2}", "{\"a\":1,\"a\":2}",
                           "{\"a\":", "```json\n{\"a\":1}\n```\nand ```\n{}\n```", "```", "``````", "```{}```"}) {
    CAPTURE(text);
    const auto read = read_json_reply(any, reply_of(text));
    CHECK(read.problem.starts_with("The reply is not JSON: "));
    CHECK(read.json.is_null());
  }
  const std::string name(100'000, 'n');
  CHECK(read_json_reply(any, reply_of("{\"" + name + "\":1,\"" + name + "\":2}")).problem.size() < 600);
  auto cut = reply_of("{\"a\":");
  cut.finish = FinishKind::length;
  CHECK(read_json_reply(any, cut).problem.find("cut off where max_tokens") != std::string::npos);
  const auto schema = asks_for(ReplyFormat::json_schema,
                               R"({"properties":{"n":{"type":"integer"}},"required":["n","m"],"type":"object"})");
  CHECK(read_json_reply(schema, reply_of(R"({"n":"1"})")).problem ==
        "The reply does not fit its schema: the whole: 'm' is missing; /n: expected integer, found \"1\".");
  CHECK(read_json_reply(schema, reply_of(R"({"n":1,"m":null})")).problem.empty());
}

TEST_CASE("reply schema: a reply that calls tools is not the JSON yet") {
  auto reply = reply_of("");
  CHECK(policy::must_be_json(asks_for(ReplyFormat::json_object), reply));
  CHECK_FALSE(policy::must_be_json(asks_for(ReplyFormat::text), reply));
  reply.tool_calls.push_back({"1", "look", {}});
  CHECK_FALSE(policy::must_be_json(asks_for(ReplyFormat::json_object), reply));
}
