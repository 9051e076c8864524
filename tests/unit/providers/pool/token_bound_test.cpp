// SPDX-License-Identifier: Apache-2.0
#include "providers/pool/token_bound.hpp"

#include <doctest/doctest.h>

#include "runtime/policy/call_bound.hpp"

using namespace hillstar;
using namespace hillstar::providers;

TEST_CASE("token_bound: no part of a request is left out") {
  ModelRequest request;
  const auto empty = input_token_bound(request);
  request.system = std::string(10, 's');
  request.prompt = std::string(100, 'p');
  ModelTurn turn;
  turn.text = std::string(1'000, 't');
  ModelToolCall call;
  call.arguments = Json::string(std::string(10'000, 'a'));
  turn.tool_calls.push_back(call);
  request.messages.push_back(turn);
  CHECK(input_token_bound(request) >= empty + 11'110);
  const auto before = input_token_bound(request);
  // A photo of some megabytes is no longer than a stamp.
  request.images.push_back({"image/png", std::string(1'000'000, 'a'), ""});
  CHECK(input_token_bound(request) == before + policy::kImageTokens);
  request.tools.push_back({"name", std::string(500, 'd'), Json::from_canonical("{}"), std::nullopt});
  CHECK(input_token_bound(request) > before + policy::kImageTokens + 504);
}

TEST_CASE("token_bound: the reply is what was asked for, or the default") {
  ModelRequest request;
  CHECK(output_token_bound(request) == kReplyTokensDefault);
  request.max_tokens = 7;
  CHECK(output_token_bound(request) == 7);
}
