// SPDX-License-Identifier: Apache-2.0
#include "runtime/state/request.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>

#include "messages/json_codec.hpp"

namespace hillstar::state {
namespace {

Json json_of(const char* text) { return Json::of(boost::json::parse(text)); }

std::string read(const char* parameters, const char* members = "null") {
  const auto request = request_of(json_of(parameters), json_of(members));
  return request ? json::to_text(request->operations)
                 : "error " + request.error().where + ": " + request.error().message;
}

std::vector<std::string> complaints(const char* parameters, const std::vector<std::string>& given) {
  std::vector<std::string> found;
  check_parameters(boost::json::parse(parameters).get_object(), &given,
                   [&](const Complaint& complaint) { found.push_back(complaint.pointer + " " + complaint.message); });
  return found;
}

}  // namespace

TEST_CASE("state request: parameters and input together say what is asked") {
  CHECK(read(R"({"op":"put","key":"a","value":{"x":1}})") == R"([{"by":null,"key":"a","op":"put","value":{"x":1}}])");
  CHECK(read(R"({"op":"cas","key":"a"})", R"({"value":"v","expected_version":"12"})") ==
        R"([{"by":null,"expected_version":12,"key":"a","op":"cas","value":"v"}])");
  CHECK(read(R"({"op":"add","key":"n"})") == R"([{"by":1,"key":"n","op":"add","value":null}])");
  CHECK(read(R"({"op":"add","key":"n"})", R"({"by":"2.5"})") == R"([{"by":2.5,"key":"n","op":"add","value":null}])");
  CHECK(read(R"({"op":"put","key":"a","json":true})", R"({"value":"[1, 2]"})") ==
        R"([{"by":null,"key":"a","op":"put","value":[1,2]}])");
  CHECK(read(R"({"op":"put","key":"a"})", R"({"value":null})") == R"([{"by":null,"key":"a","op":"put","value":null}])");
  CHECK(read(R"({"op":"list"})") == R"([{"by":null,"key":"","op":"list","value":null}])");
  CHECK(
      read(R"({"op":"batch","operations":[{"op":"add","key":"a"},{"op":"remove","key":"b","expected_version":3}]})") ==
      R"([{"by":1,"key":"a","op":"add","value":null},)"
      R"({"by":null,"expected_version":3,"key":"b","op":"remove","value":null}])");
}

TEST_CASE("state request: what is wrong is told with its place") {
  CHECK(read(R"({"op":"put","key":"a"})") == "error : 'value' is missing");
  CHECK(read(R"({"op":"get"})") == "error : 'key' is missing");
  CHECK(read(R"({"op":"cas","key":"a","value":1})", R"({"expected_version":"x"})")
            .starts_with("error /expected_version"));
  CHECK(read(R"({"op":"cas","key":"a","value":1,"expected_version":-1})").starts_with("error /expected_version"));
  CHECK(read(R"({"op":"get","key":"a"})", R"({"key":"b"})").starts_with("error /key"));
  CHECK(read(R"({"op":"get","key":"a"})", R"({"other":1})").starts_with("error /other"));
  CHECK(read(R"({"op":"add","key":"a","by":"many"})").starts_with("error /by"));
  CHECK(read(R"({"op":"add","key":"a","value":1})").starts_with("error /value"));
  CHECK(read(R"({"op":"put","key":"a","json":true})", R"({"value":"{"})").starts_with("error /value"));
  CHECK(read(R"({"op":"batch","operations":[{"op":"get","key":"a"}]})").starts_with("error /operations/0"));
  CHECK(read(R"({"op":"batch","operations":{}})").starts_with("error /operations"));
  CHECK(read(R"({"op":"batch","operations":[{"op":"put","key":"a"}]})").starts_with("error /operations/0"));
  CHECK(read(R"({"op":"batch","operations":[{"op":"put","key":"a","value":1,"who":1}]})")
            .starts_with("error /operations/0"));
}

TEST_CASE("state request: an author hears of it before anything runs") {
  CHECK(complaints(R"({"op":"add","key":"n"})", {}).empty());
  CHECK(complaints(R"({"op":"put","key":"n"})", {"value"}).empty());
  CHECK(complaints(R"({"op":"cas","key":"n"})", {"value", "expected_version"}).empty());
  CHECK(complaints("{}", {}).size() == 1);
  CHECK(complaints(R"({"op":"set","key":"n"})", {}).size() == 1);
  CHECK(complaints(R"({"op":"put","key":"n"})", {}).size() == 1);
  CHECK(complaints(R"({"op":"put","key":"n","value":1})", {"value"}).size() == 1);
  CHECK(complaints(R"({"op":"get","key":"n","scope":"world","on_conflict":"ignore","json":1})", {}).size() == 3);
  CHECK(complaints(R"({"op":"get","key":"n","by":1})", {"value"}).size() == 2);
  CHECK(complaints(R"({"op":"batch","operations":[{"op":"list"}]})", {}).size() == 1);
}

TEST_CASE("state request: numbers come as texts from templates, and nothing else does") {
  CHECK(read(R"({"op":"add","key":"n"})", R"({"by":"1e400"})").starts_with("error /by"));
  CHECK(read(R"({"op":"add","key":"n"})", R"({"by":" "})").starts_with("error /by"));
  CHECK(read(R"({"op":"remove","key":"n"})", R"({"expected_version":"1.5"})").starts_with("error"));
  CHECK(read(R"({"op":"remove","key":"n"})", R"({"expected_version":18446744073709551615})")
            .find("18446744073709551615") != std::string::npos);
}

}  // namespace hillstar::state
