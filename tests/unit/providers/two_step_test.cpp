// SPDX-License-Identifier: Apache-2.0
#include "providers/two_step.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace hillstar;
using namespace hillstar::providers;

namespace {

/// Ends requests when the test says so, or at once.
class Held final : public Transport {
 public:
  struct Request final : Cancellation {
    void cancel() override { end(Failure{FailureClass::network, "cancelled", {}}); }
    void end(HttpOutcome outcome) {
      if (const auto done = std::exchange(callbacks.done, nullptr)) done(std::move(outcome));
    }
    std::string url;
    HttpCallbacks callbacks;
  };
  std::shared_ptr<Cancellation> send(HttpRequest request, HttpCallbacks callbacks) override {
    auto made = std::make_shared<Request>();
    made->url = std::move(request.url);
    made->callbacks = std::move(callbacks);
    requests.push_back(made);
    if (at_once) made->end(reply());
    return made;
  }
  static HttpReply reply() {
    HttpReply made;
    made.status = 200;
    return made;
  }
  bool at_once = false;
  std::vector<std::shared_ptr<Request>> requests;
};

struct Asked {
  Held transport;
  std::vector<HttpOutcome> ends;
  std::shared_ptr<Cancellation> handle;

  void ask(bool at_once = false, bool fails = false) {
    transport.at_once = at_once;
    HttpRequest first;
    first.url = "first";
    handle = send_two(transport, first,
                      [fails](const HttpOutcome&) -> std::variant<HttpRequest, Failure> {
                        if (fails) return Failure{FailureClass::auth, "no", {}};
                        HttpRequest second;
                        second.url = "second";
                        return second;
                      },
                      {nullptr, [this](HttpOutcome outcome) { ends.push_back(std::move(outcome)); }});
  }
};

}  // namespace

TEST_CASE("two step: the second request is made of the first one's answer, and its end is the end") {
  for (const bool at_once : {false, true}) {
    Asked asked;
    asked.ask(at_once);
    if (!at_once) {
      asked.transport.requests.at(0)->end(Held::reply());
      CHECK(asked.ends.empty());
      asked.transport.requests.at(1)->end(Held::reply());
    }
    REQUIRE(asked.transport.requests.size() == 2);
    CHECK(asked.transport.requests[1]->url == "second");
    REQUIRE(asked.ends.size() == 1);
    CHECK(std::holds_alternative<HttpReply>(asked.ends[0]));
    asked.handle->cancel();  // too late
    CHECK(asked.ends.size() == 1);
  }
}

TEST_CASE("two step: without a second request the reason is the end") {
  Asked asked;
  asked.ask(false, true);
  asked.transport.requests.at(0)->end(Held::reply());
  CHECK(asked.transport.requests.size() == 1);
  REQUIRE(asked.ends.size() == 1);
  CHECK(std::get<Failure>(asked.ends[0]).kind == FailureClass::auth);
}

TEST_CASE("two step: a cancel reaches whichever request is in flight, and sends nothing more") {
  Asked early;
  early.ask();
  early.handle->cancel();
  CHECK(early.transport.requests.size() == 1);
  REQUIRE(early.ends.size() == 1);
  CHECK(std::holds_alternative<Failure>(early.ends[0]));

  Asked late;
  late.ask();
  late.transport.requests.at(0)->end(Held::reply());
  late.handle->cancel();
  REQUIRE(late.ends.size() == 1);
  CHECK(std::get<Failure>(late.ends[0]).message == "cancelled");
}
