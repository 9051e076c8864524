// SPDX-License-Identifier: Apache-2.0
#include "providers/body_reader.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "providers/fields.hpp"

using namespace hillstar;
using namespace hillstar::providers;

namespace {

/// Text of `t`, complete at `done`.
class Plain final : public BodyReader {
 public:
  explicit Plain(Framing framing) : BodyReader(Secret("canary-key"), framing) {}

 private:
  void on_value(std::string_view, const boost::json::value& value, bool, ModelChunk& chunk) override {
    if (const auto* error = member(&value, "error")) return fail(*error);
    add_text(text_member(&value, "t"), chunk);
    add_reasoning(text_member(&value, "r"), chunk);
    done_ = done_ || member(&value, "done") != nullptr;
  }
  [[nodiscard]] bool is_complete() const override { return done_; }
  std::variant<ModelReply, Failure> result(const HttpReply& http) override {
    ModelReply reply;
    reply.text = text();
    reply.request_id = http.header("x-request-id");
    return reply;
  }
  bool done_ = false;
};

HttpReply ok() {
  HttpReply reply;
  reply.status = 200;
  reply.headers = {{"x-request-id", "req_1"}};
  return reply;
}

/// What becomes of a body that arrives in pieces of `size` bytes.
std::variant<ModelReply, Failure> read(std::string_view body, std::size_t size,
                                       BodyReader::Framing framing = BodyReader::Framing::lines) {
  Plain reader(framing);
  for (std::size_t at = 0; at < body.size(); at += size) reader.feed(body.substr(at, size));
  return reader.finish(ok());
}

const std::vector<std::size_t> kSizes{1, 2, 3, 7, 64, 100'000};

void check_text(std::string_view body, std::string_view expected) {
  for (const auto size : kSizes) {
    CAPTURE(size);
    CAPTURE(body);
    const auto outcome = read(body, size);
    if (const auto* failure = std::get_if<Failure>(&outcome)) FAIL_CHECK(failure->message);
    if (const auto* reply = std::get_if<ModelReply>(&outcome)) CHECK(reply->text == expected);
  }
}

void check_failure(std::string_view body, FailureClass kind) {
  for (const auto size : kSizes) {
    CAPTURE(size);
    CAPTURE(body);
    const auto outcome = read(body, size);
    REQUIRE(std::holds_alternative<Failure>(outcome));
    CHECK(std::get<Failure>(outcome).kind == kind);
  }
}

}  // namespace

TEST_CASE("body reader: JSON values one after the other are one reply, however they are cut") {
  check_text("{\"t\":\"a\"}\n{\"t\":\"b\"}\n{\"done\":true}\n", "ab");
  check_text("{\"t\":\"a\"}\r\n\r\n{\"t\":\"b\",\"done\":true}", "ab");
  check_text("{\"t\":\"a\"}{\"t\":\"b\"} {\"done\":true}", "ab");
  check_text("\xEF\xBB\xBF\n {\"t\":\"a\",\"done\":1}", "a");
  check_text("{\n  \"t\": \"a\",\n  \"x\": [{\"y\": {}}],\n  \"done\": true\n}\n", "a");
  check_text(R"({"t":"br}ck\"]{et\\"})"
             "\n"
             R"({"t":"\u007d\n","done":true})",
             "br}ck\"]{et\\}\n");
}

TEST_CASE("body reader: values that are cut, broken or no objects are failures") {
  check_failure("", FailureClass::malformed_reply);
  check_failure("{\"t\":\"a\"}\n", FailureClass::network);
  check_failure("{\"t\":\"a\"}\n{\"t\":", FailureClass::network);
  check_failure("{\"t\":\"a\"", FailureClass::network);
  check_failure("{\"t\":\"a\"}\nno JSON\n{\"done\":true}\n", FailureClass::malformed_reply);
  check_failure("{\"t\":\"a\"}]\n", FailureClass::malformed_reply);
  check_failure("[1,2]\n{\"done\":true}\n", FailureClass::malformed_reply);
  check_failure("{\"t\":\"a]\n", FailureClass::network);
  check_failure("<html>busy</html>", FailureClass::malformed_reply);
  check_failure("{\"t\":\"a\"}\n{\"error\":\"the model died\"}\n{\"done\":true}\n", FailureClass::server);
  check_failure(std::string(100, '{') + std::string(100, '}'), FailureClass::malformed_reply);
}

TEST_CASE("body reader: a connection that breaks after the last value has lost nothing") {
  const Failure cut{FailureClass::network, "reset", std::nullopt};
  Plain whole(BodyReader::Framing::lines);
  whole.feed("{\"t\":\"a\",\"done\":true}\n");
  CHECK(std::holds_alternative<ModelReply>(whole.finish(cut)));
  Plain part(BodyReader::Framing::lines);
  part.feed("{\"t\":\"a\"}\n");
  CHECK(std::get<Failure>(part.finish(cut)).message == "reset");
  CHECK(part.partial() == "a");
}

TEST_CASE("body reader: chunks carry text and reasoning as they arrive, and failures the name of the request") {
  Plain reader(BodyReader::Framing::lines);
  CHECK(reader.feed("{\"t\":\"a\",\"r\":").text.empty());
  const auto chunk = reader.feed("\"b\"}\n{\"t\":\"c\"}");
  CHECK(chunk.text == "ac");
  CHECK(chunk.reasoning == "b");
  CHECK(std::get<Failure>(reader.finish(ok())).message == "The stream was cut before its end. (request req_1)");
}

TEST_CASE("body reader: a body of events behind a byte order mark, and one whole value") {
  for (const auto size : kSizes) {
    const auto events = read(
        "\xEF\xBB\xBF"
        "data: {\"t\":\"a\"}\n\ndata: {\"done\":1}\n\n",
        size, BodyReader::Framing::events);
    REQUIRE(std::holds_alternative<ModelReply>(events));
    CHECK(std::get<ModelReply>(events).text == "a");
    const auto whole = read("\xEF\xBB\xBF\n{\"t\":\n\"a\"}\n", size, BodyReader::Framing::events);
    REQUIRE(std::holds_alternative<ModelReply>(whole));
    CHECK(std::get<ModelReply>(whole).text == "a");
  }
}
