// SPDX-License-Identifier: Apache-2.0
// Requests that official clients sent, replies to them, and what the clients read: the cases that adapters must match.
//
// The recordings are no part of the repository: HILLSTAR_FIXTURES names the folder `hillstar` beside their `providers`.
// Without them a test says so and passes.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "providers/adapter.hpp"

namespace hillstar::conformance {

struct ProviderCase {
  std::string name;            ///< `openai-chat/simple`, or `prev/openai-chat/simple`.
  boost::json::value request;  ///< What the client sent: method, path, query, headers, body.
  providers::HttpReply reply;  ///< With status, headers and body.
  boost::json::value parsed;   ///< What the client made of it, or null.
  boost::json::value error;    ///< The client's error, or null.
  [[nodiscard]] std::string kind() const { return name.substr(name.rfind('/') + 1); }
};

/// Names of all cases in folders such as `openai-chat` or `prev/mistral`, sorted. Empty and a visible message if there
/// are no recordings.
std::vector<std::string> case_names(const std::string& folder);
/// The test fails if the case is incomplete.
ProviderCase load_case(const std::string& name);

/// Requests with their responses, one pair a line of this file. Empty and a visible message if it is not there.
std::vector<boost::json::value> recorded_pairs(const std::string& file);

/// How `actual` differs from the recorded request: method, path, query, body as JSON, and the headers that matter
/// (credentials, version, content type). Empty: the same. `origin` is what stands before the path in the URL.
std::vector<std::string> differences(const ProviderCase& wanted, const providers::HttpRequest& actual,
                                     std::string_view origin);
/// How two JSON values differ, as lines that name the place.
std::vector<std::string> json_differences(const boost::json::value& wanted, const boost::json::value& actual,
                                          const std::string& place);

using Outcome = std::variant<ModelReply, Failure>;
/// Reads the case's reply whole, byte by byte, and cut at random (the seed is printed on failure), and hands each
/// outcome to `check`.
void for_each_reading(const providers::Adapter& adapter, const providers::Endpoint& endpoint,
                      const ProviderCase& wanted, const std::function<void(const Outcome&)>& check);

/// The parts that cases share.
Json json_of(std::string_view text);
ModelImage red_pixel();
/// get_weather and get_time as the recorded requests offer them; `second_strict`: Mistral's case leaves it open.
std::vector<ModelTool> weather_tools(bool second_strict = true);
Json person_schema();

}  // namespace hillstar::conformance
