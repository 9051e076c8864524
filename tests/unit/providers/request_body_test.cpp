// SPDX-License-Identifier: Apache-2.0
#include "providers/request_body.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>

using namespace hillstar;
using namespace hillstar::providers;
namespace bj = boost::json;

namespace {

Json json_of(std::string_view text) { return Json::of(*json::parse(text)); }

}  // namespace

TEST_CASE("request body: fields come in the order in which they were set, and numbers keep their spelling") {
  RequestBody body;
  CHECK(body.text() == "{}");
  body.set_text("model", "m\xFF");
  body.set("messages", bj::array{bj::object{{"role", "user"}, {"content", "c"}}, bj::object{}, bj::array{}});
  body.set("temperature", Json::from_canonical("7.3e-07"));
  body.set("none", Json());
  body.set("tiny", bj::value(1e-7));
  CHECK(body.text() ==
        R"({"model":"m�","messages":[{"role":"user","content":"c"},{},[]],"temperature":7.3e-07,"tiny":1e-7})");
  body.set_text("model", "n");
  CHECK(body.text().starts_with(R"({"model":"n",)"));
  CHECK(body.has("tiny"));
  CHECK_FALSE(body.has("none"));
}

TEST_CASE("request body: further fields are merged deeply, and what was set stays") {
  RequestBody body;
  body.set_text("model", "m");
  body.set("reasoning", bj::object{{"effort", "low"}});
  body.set("stop", bj::array{"a"});
  REQUIRE(body.merge(json_of(R"({"model":"x","reasoning":{"effort":"high","summary":"auto","deep":{"a":1}},
                                 "stop":["b"],"stream":true,"seed":7})"),
                     {"stream"}));
  CHECK(body.text() ==
        R"({"model":"m","reasoning":{"effort":"low","deep":{"a":1},"summary":"auto"},"stop":["a"],"seed":7})");
  REQUIRE(body.merge(json_of(R"({"reasoning":5,"model":{}})")));
  REQUIRE(body.merge(Json()));
  CHECK(body.text().find("\"model\":\"m\"") != std::string::npos);
  for (const char* wrong : {"[]", "\"x\"", "5", "true"}) {
    const auto refused = body.merge(json_of(wrong));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::tool_parameters);
  }
}
