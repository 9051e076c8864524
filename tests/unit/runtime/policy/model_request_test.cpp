// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/model_request.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>

using namespace hillstar;
using policy::Asked;
using policy::Backend;
using policy::make_request;

namespace {

Json json_of(std::string_view text) {
  auto value = json::parse(text);
  REQUIRE_MESSAGE(value.has_value(), text);
  return Json::of(*value);
}

Backend backend_of(const char* adapter, const char* model = "m") {
  Backend backend;
  backend.adapter = adapter;
  backend.model = model;
  return backend;
}

ModelRequest request_of(const char* parameters, const char* adapter = "openai_compatible") {
  auto request = make_request(json_of(parameters), Json(), "x", backend_of(adapter));
  REQUIRE_MESSAGE(request.has_value(), (request ? "" : to_string(request.error())));
  return std::move(request).value();
}

Error refused(const char* parameters, const char* adapter = "openai_compatible") {
  const auto request = make_request(json_of(parameters), Json(), "x", backend_of(adapter));
  REQUIRE_FALSE_MESSAGE(request.has_value(), parameters);
  CHECK(request.error().code == Errc::tool_parameters);
  return request.error();
}

/// A conversation as the author wrote it and as it was filled.
Result<ModelRequest> talk(const char* shape, const char* filled, const char* parameters = "{}") {
  const auto input = json_of(shape);
  Asked asked;
  asked.shape = &input;
  asked.text = json_of(filled).text();
  asked.load_image = [](const std::string& path) -> Result<ModelImage> {
    if (path == "no.png") return Error{Errc::not_found, "there is no 'no.png'"};
    return ModelImage{"image/png", path, {}};
  };
  return make_request(json_of(parameters), Json(), asked, backend_of("openai_compatible"));
}
Result<ModelRequest> talk(const char* text) { return talk(text, text); }

}  // namespace

TEST_CASE("model request: every parameter has its place") {
  const auto request = request_of(R"({"max_tokens":9,"temperature":0.5,"top_p":0.9,"top_k":40,"seed":7,"stop":"END",
      "presence_penalty":0.1,"frequency_penalty":-0.2,"reasoning_effort":"high","thinking":true,"verbosity":"low",
      "system":"s","system_role":"developer","system_cache":"1h","parallel_tool_calls":false,"tool_choice":"required",
      "tools":[{"name":"look","description":"d","parameters":{"type":"object"},"strict":true}],
      "extra":{"grammar":"g"},"chat_template_kwargs":{"k":1}})");
  CHECK(request.max_tokens == 9);
  CHECK(request.temperature.text() == "0.5");
  CHECK(request.top_p.text() == "0.9");
  CHECK(request.top_k.text() == "40");
  CHECK(request.seed.text() == "7");
  CHECK(request.stop == std::vector<std::string>{"END"});
  CHECK(request.presence_penalty.text() == "0.1");
  CHECK(request.frequency_penalty.text() == "-0.2");
  CHECK(request.effort == "high");
  CHECK(request.thinking.text() == "true");
  CHECK(request.verbosity == "low");
  CHECK(request.system_role == ModelRole::developer);
  CHECK(request.system_cache == "1h");
  CHECK(request.parallel_tool_calls == false);
  CHECK(request.tool_choice == ToolChoiceKind::required);
  REQUIRE(request.tools.size() == 1);
  CHECK(request.tools[0].name == "look");
  CHECK(request.tools[0].description == "d");
  CHECK(request.tools[0].strict == true);
  CHECK(request.extra.text() == R"({"chat_template_kwargs":{"k":1},"grammar":"g"})");
  CHECK(request_of(R"({"system_cache":true})").system_cache == "");
  CHECK_FALSE(request_of(R"({"system_cache":false})").system_cache.has_value());
  CHECK(request_of(R"({"reasoning_effort":"low"})", "openai").effort == "low");
}

TEST_CASE("model request: tools and the choice of one, also as OpenAI writes them") {
  const auto request = request_of(R"({"tools":[{"type":"function","function":{"name":"a","strict":false,
      "parameters":{"type":"object","properties":{"x":{"type":"string"}}}}},{"name":"b"}],
      "tool_choice":{"type":"function","function":{"name":"a"}}})");
  REQUIRE(request.tools.size() == 2);
  CHECK(request.tools[0].name == "a");
  CHECK(request.tools[0].strict == false);
  CHECK(request.tools[1].parameters.is_null());
  CHECK(request.tool_choice == ToolChoiceKind::named);
  CHECK(request.tool_choice_name == "a");
  CHECK(request_of(R"({"tools":[{"name":"b"}],"tool_choice":{"name":"b"}})").tool_choice_name == "b");
  CHECK(request_of(R"({"tool_choice":"none"})").tool_choice == ToolChoiceKind::none);
}

TEST_CASE("model request: formats, and the short form of a schema") {
  CHECK(request_of(R"({"response_format":{"type":"text"}})").format == ReplyFormat::text);
  CHECK(request_of(R"({"response_format":{"type":"json_object"}})").format == ReplyFormat::json_object);
  const auto bare = request_of(R"({"response_format":{"type":"json_object","schema":{"type":"object"}}})");
  CHECK(bare.format == ReplyFormat::json_schema);
  const auto loose = request_of(R"({"schema":{"type":"object"}})", "google");
  CHECK(loose.format == ReplyFormat::json_schema);
  CHECK(loose.schema_name == "reply");
  CHECK_FALSE(loose.schema_strict.has_value());
  CHECK(request_of(R"({"schema":{"type":"object","additionalProperties":false}})", "openai").schema_strict == true);
  const auto own = request_of(R"({"response_format":{"type":"regex","value":"a+"}})");
  CHECK(own.format == ReplyFormat::text);
  CHECK(own.extra.text() == R"({"response_format":{"type":"regex","value":"a+"}})");
  CHECK(refused(R"({"response_format":{"type":"regex"}})", "openai").where == "/parameters/response_format/type");
}

TEST_CASE("model request: a wrong value is refused at its place") {
  const std::pair<const char*, const char*> wrong[] = {
      {R"({"top_p":"1"})", "/parameters/top_p"},
      {R"({"top_k":1.5})", "/parameters/top_k"},
      {R"({"seed":true})", "/parameters/seed"},
      {R"({"presence_penalty":[]})", "/parameters/presence_penalty"},
      {R"({"stop":["a",7]})", "/parameters/stop/1"},
      {R"({"reasoning_effort":3})", "/parameters/reasoning_effort"},
      {R"({"verbosity":3})", "/parameters/verbosity"},
      {R"({"thinking":[]})", "/parameters/thinking"},
      {R"({"system_role":"user"})", "/parameters/system_role"},
      {R"({"system_cache":"2h"})", "/parameters/system_cache"},
      {R"({"tools":{}})", "/parameters/tools"},
      {R"({"tools":["look"]})", "/parameters/tools/0"},
      {R"({"tools":[{"name":""}]})", "/parameters/tools/0/name"},
      {R"({"tools":[{"name":"a"},{"name":"a"}]})", "/parameters/tools/1/name"},
      {R"({"tools":[{"name":"a","description":1}]})", "/parameters/tools/0/description"},
      {R"({"tools":[{"name":"a","parameters":"x"}]})", "/parameters/tools/0/parameters"},
      {R"({"tools":[{"name":"a","parameters":{"type":"objct"}}]})", "/parameters/tools/0/parameters/type"},
      {R"({"tools":[{"type":"function","function":{"name":"a","strict":1}}]})", "/parameters/tools/0/function/strict"},
      {R"({"tool_choice":"always"})", "/parameters/tool_choice"},
      {R"({"tool_choice":5})", "/parameters/tool_choice"},
      {R"({"parallel_tool_calls":"no"})", "/parameters/parallel_tool_calls"},
      {R"({"response_format":"json"})", "/parameters/response_format"},
      {R"({"response_format":{"type":"json_schema"}})", "/parameters/response_format"},
      {R"({"response_format":{"type":"json_schema","json_schema":{"schema":{"required":1}}}})",
       "/parameters/response_format/json_schema/schema/required"},
      {R"({"schema":"s.json"})", "/parameters/schema"},
      {R"({"schema":{"$ref":"http://h/s.json"}})", "/parameters/schema/$ref"},
      {R"({"schema":{},"response_format":{"type":"json_object"}})", "/parameters/schema"},
      {R"({"extra":[]})", "/parameters/extra"},
      {R"({"chat_template_kwargs":1})", "/parameters/chat_template_kwargs"},
      {R"({"images":"a.png"})", "/parameters/images"},
      {R"({"images":[{}]})", "/parameters/images/0"},
      {R"({"images":["a.png",{"path":"b.png","detail":"best"}]})", "/parameters/images/1/detail"},
      {R"({"images":[""]})", "/parameters/images/0"}};
  for (const auto& [parameters, where] : wrong) {
    CAPTURE(parameters);
    CHECK(refused(parameters).where == where);
  }
  std::string many = R"({"images":["a")";
  for (std::size_t i = 0; i < policy::kImagesMax; ++i) many += ",\"a\"";
  CHECK(refused((many + "]}").c_str()).where == "/parameters/images/" + std::to_string(policy::kImagesMax));
}

TEST_CASE("model request: images go with the prompt") {
  const auto request = talk(R"("Look")", R"("ignored")", R"({"images":["a.png",{"path":"b.jpg","detail":"high"}]})");
  REQUIRE(request.has_value());
  REQUIRE(request->images.size() == 2);
  CHECK(request->images[0].base64 == "a.png");
  CHECK(request->images[1].detail == "high");
  // The limit is one of the request, wherever its images stand.
  std::string many = R"({"images":["a")";
  for (std::size_t i = 1; i < policy::kImagesMax; ++i) many += ",\"a\"";
  const char* const kOne = R"({"messages":[{"role":"user","content":[{"type":"image","path":"b"}]}]})";
  CHECK(talk(R"("x")", R"("x")", (many + "]}").c_str()).has_value());
  CHECK_FALSE(talk(kOne, kOne, (many + "]}").c_str()).has_value());
  const auto missing = talk(R"("Look")", R"("x")", R"({"images":["no.png"]})");
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().code == Errc::not_found);
}

TEST_CASE("model conversation: turns, parts and a prompt") {
  const char* const kTalk = R"({"messages":[{"role":"developer","content":"d"},
      {"role":"user","content":["a",{"type":"text","text":"b"},{"type":"image","path":"p.png","detail":"low"}]},
      {"role":"assistant","tool_calls":[{"id":"1","name":"look","arguments":{"x":1}},
                                        {"id":"2","type":"function","function":{"name":"f","arguments":"{\"y\":2}"}}]},
      {"role":"tool","tool_call_id":"1","name":"look","content":{"found":3},"is_error":true}],
      "prompt":"Go on"})";
  const auto request = talk(kTalk, kTalk, R"({"images":["q.png"]})");
  REQUIRE_MESSAGE(request.has_value(), (request ? "" : to_string(request.error())));
  REQUIRE(request->messages.size() == 4);
  const auto& turns = request->messages;
  CHECK(turns[0].role == ModelRole::developer);
  CHECK(turns[1].text == "a\n\nb");
  REQUIRE(turns[1].images.size() == 1);
  CHECK(turns[1].images[0].base64 == "p.png");
  CHECK(turns[1].images[0].detail == "low");
  REQUIRE(turns[2].tool_calls.size() == 2);
  CHECK(turns[2].tool_calls[0].arguments.text() == R"({"x":1})");
  CHECK(turns[2].tool_calls[1].arguments.text() == R"({"y":2})");
  CHECK(turns[3].text == R"({"found":3})");
  CHECK(turns[3].tool_call_id == "1");
  CHECK(turns[3].tool_name == "look");
  CHECK(turns[3].is_error);
  CHECK(request->prompt == "Go on");
  CHECK(request->images.size() == 1);
}

TEST_CASE("model conversation: a reference may stand for a turn, for several, or for none") {
  const auto request = talk(
      R"({"messages":["{{ a.message }}","{{ b.output }}","{{ prev.c.message }}",
          {"role":"user","content":"{{ d.json }}"}]})",
      R"({"messages":[{"role":"assistant","content":"x","verbatim":{"adapter":"google","content":[]},
                 "tool_calls":[{"id":"1","name":"f","arguments":{}}]},
               "[{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":[{\"type\":\"text\",\"text\":\"r\"}]}]","",
               {"role":"user","content":[{"type":"image","path":"/etc/passwd"}]}]})");
  REQUIRE_MESSAGE(request.has_value(), (request ? "" : to_string(request.error())));
  REQUIRE(request->messages.size() == 3);
  CHECK(request->messages[0].verbatim.text() == R"({"adapter":"google","content":[]})");
  CHECK(request->messages[0].tool_calls.size() == 1);
  CHECK(request->messages[1].role == ModelRole::tool);
  CHECK(request->messages[1].text == "r");
  // Text that was filled in stays text: it names no file.
  CHECK(request->messages[2].images.empty());
  CHECK(request->messages[2].text == R"([{"path":"/etc/passwd","type":"image"}])");
  const auto all = talk(R"({"messages":"{{ inputs.turns }}"})", R"({"messages":[{"role":"user","content":"hi"}]})");
  REQUIRE(all.has_value());
  CHECK(all->messages.size() == 1);
}

TEST_CASE("model conversation: what a loop's first attempt has no attempt before for is no turn") {
  // References to the attempt before are gone from the input of the first.
  const auto first = talk(R"({"messages":[{"role":"user","content":"q"},"",{"role":"user","content":"r"}," "]})");
  REQUIRE_MESSAGE(first.has_value(), (first ? "" : to_string(first.error())));
  CHECK(first->messages.size() == 2);
  const auto begins = talk(R"({"messages":"","prompt":"q"})");
  REQUIRE_MESSAGE(begins.has_value(), (begins ? "" : to_string(begins.error())));
  CHECK(begins->messages.empty());
  CHECK(begins->prompt == "q");
  CHECK(talk(R"({"messages":[""]})").error().where == "/input/messages");
  CHECK(talk(R"({"messages":""})").error().where == "/input/messages");
}

TEST_CASE("model conversation: what is none is refused at its place") {
  const std::pair<const char*, const char*> wrong[] = {
      {R"({"messages":[]})", "/input/messages"},
      {R"({"messages":["hello"]})", "/input/messages/0"},
      {R"({"messages":[5]})", "/input/messages/0"},
      {R"({"messages":[{"content":"x"}]})", "/input/messages/0/role"},
      {R"({"messages":[{"role":"robot","content":"x"}]})", "/input/messages/0/role"},
      {R"({"messages":[{"role":"user","content":[{"type":"video"}]}]})", "/input/messages/0/content/0"},
      {R"({"messages":[{"role":"user","content":[{"type":"image"}]}]})", "/input/messages/0/content/0"},
      {R"({"messages":[{"role":"assistant","tool_calls":"x"}]})", "/input/messages/0/tool_calls"},
      {R"({"messages":[{"role":"assistant","tool_calls":[{"name":"a"}]}]})", "/input/messages/0/tool_calls/0"},
      {R"({"messages":[{"role":"tool","tool_call_id":5}]})", "/input/messages/0/tool_call_id"},
      {R"({"messages":[{"role":"tool","is_error":"maybe"}]})", "/input/messages/0/is_error"}};
  for (const auto& [text, where] : wrong) {
    CAPTURE(text);
    const auto request = talk(text);
    REQUIRE_FALSE(request.has_value());
    CHECK(request.error().where == where);
  }
  const auto image = talk(R"({"messages":["{{ a.json }}"]})",
                          R"({"messages":[{"role":"user","content":[{"type":"image","path":"a.png"}]}]})");
  REQUIRE_FALSE(image.has_value());
  CHECK(image.error().message.find("only the workflow itself names images") != std::string::npos);
  CHECK_FALSE(talk(R"({"messages":["{{ a.json }}"]})", R"({"messages":["no JSON"]})").has_value());
  std::string many = R"({"messages":[{"role":"user","content":"x"})";
  for (std::size_t i = 0; i < policy::kTurnsMax; ++i) many += R"(,{"role":"user","content":"x"})";
  CHECK_FALSE(talk((many + "]}").c_str()).has_value());
}

TEST_CASE("model conversation: other objects are prompts as JSON") {
  for (const char* text : {R"({"k":1})", R"({"messages":5})", R"({"messages":"hello"})", R"([{"messages":[]}])"}) {
    CAPTURE(text);
    const auto request = talk(text);
    REQUIRE(request.has_value());
    CHECK(request->prompt == json_of(text).text());
    CHECK(request->messages.empty());
  }
}

TEST_CASE("model conversation: before a run, what references stand for is taken to be right") {
  const auto input = json_of(R"({"messages":["{{ a.message }}",{"role":"{{ inputs.role }}","content":"{{ b.output }}"},
      {"role":"tool","tool_call_id":"{{ a.tool_calls.0.id }}","content":"x","is_error":"{{ b.failed }}"},
      {"role":"assistant","tool_calls":"{{ a.tool_calls }}"},
      {"role":"user","content":[{"type":"image","path":"{{ item }}"}]}]})");
  Asked asked;
  asked.shape = &input;
  asked.looks_ahead = true;
  const auto request = make_request(Json(), Json(), asked, Backend{});
  REQUIRE_MESSAGE(request.has_value(), (request ? "" : to_string(request.error())));
  CHECK(request->messages.size() == 5);
}

TEST_CASE("model conversation: a rejected reply is shown to the model with what is wrong with it") {
  const auto input = json_of(R"("List three")");
  Asked asked;
  asked.text = "List three";
  asked.shape = &input;
  asked.rejected = policy::Rejected{"one, two", "The reply is not JSON."};
  auto request = make_request(json_of(R"({"schema":{"type":"array"},"images":["a.png"]})"), Json(), asked, Backend{});
  REQUIRE(request.has_value());
  REQUIRE(request->messages.size() == 2);
  CHECK(request->messages[0].text == "List three");
  CHECK(request->messages[0].images.size() == 1);
  CHECK(request->images.empty());
  CHECK(request->messages[1].role == ModelRole::assistant);
  CHECK(request->messages[1].text == "one, two");
  CHECK(request->prompt.find("The reply is not JSON.") != std::string::npos);
  // An empty reply makes no turn, and a long one is cut between two characters.
  asked.rejected->output.clear();
  CHECK(make_request(Json(), Json(), asked, Backend{})->messages.size() == 1);
  asked.rejected->output = "a";
  while (asked.rejected->output.size() < 2 * policy::kRejectedBytesMax) asked.rejected->output += "ä";
  const auto cut = make_request(Json(), Json(), asked, Backend{})->messages[1].text;
  CHECK(cut.size() < policy::kRejectedBytesMax + 8);
  CHECK(json::is_utf8(cut));
}

TEST_CASE("model conversation: who may show images is known without reading any") {
  const auto shows = [](const char* parameters, const char* input) {
    return policy::names_images(json_of(parameters), json_of(input));
  };
  CHECK(shows(R"({"images":["a.png"]})", "null"));
  CHECK(shows("{}", R"({"messages":[{"role":"user","content":[{"type":"image","path":"a.png"}]}]})"));
  CHECK_FALSE(shows("{}", R"({"messages":[{"role":"user","content":"x"}]})"));
  CHECK_FALSE(shows("{}", R"({"images":["a.png"]})"));
}
