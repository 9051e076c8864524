// SPDX-License-Identifier: Apache-2.0
// What the handlers of the API share: the parts, one feed, and the ways to read a request and to answer it.
#pragma once

#include <boost/json.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apps/cli/client.hpp"
#include "apps/cli/report.hpp"
#include "apps/http/api.hpp"
#include "apps/http/hook_table.hpp"
#include "apps/http/idempotency.hpp"
#include "apps/http/live_feed.hpp"
#include "apps/http/piece_feed.hpp"
#include "messages/json_codec.hpp"

namespace hillstar::http {

/// Longest body of a request that carries a workflow or inputs, and of one that carries a few words.
inline constexpr std::size_t kLargeBodyMax = 16U << 20U;
inline constexpr std::size_t kSmallBodyMax = 64U << 10U;
/// Of one that carries a signal or an answer.
inline constexpr std::size_t kTalkBodyMax = 2U << 20U;

struct Api {
  explicit Api(ApiParts parts_);

  ApiParts parts;
  std::shared_ptr<LiveFeed> feed;
  std::shared_ptr<PieceFeed> pieces;
  std::unique_ptr<cli::Client> client;
  IdempotencyKeys keys;
  HookTable hooks;

  /// An error if no new work is taken now.
  [[nodiscard]] Result<void> open_for_work() const;
};
using ApiPtr = std::shared_ptr<Api>;

using RequestPtr = std::shared_ptr<const Request>;
/// A handler that answers with a response or with an error.
using Plain = std::function<Result<Response>(Api&, const Request&)>;
Handler plain(const ApiPtr& api, Plain make);

Response json_response(const Json& document, unsigned status = 200);
/// A problem with members of its own besides, or with another status than the error's; 0: the error's.
Response problem_with(const Error& error, const boost::json::object& members, unsigned status = 0);

/// The part of the path of this name; empty if the route has none.
const std::string& param(const Request& request, const std::string& name);
/// An error if the query has names besides these, or one of them twice.
Result<void> check_query(const Request& request, std::initializer_list<std::string_view> known);
/// A query value as a number of at least `least` and at most `most`; `absent` if it is not there.
struct Bounds {
  std::uint64_t least = 0;
  std::uint64_t most = 0;
  std::uint64_t absent = 0;
};
Result<std::uint64_t> number_in(const Request& request, std::string_view name, const Bounds& bounds);
Result<std::optional<UtcTime>> time_in(const Request& request, std::string_view name);
/// A time as programs write it: RFC 3339 in UTC, with up to six decimals.
std::optional<UtcTime> read_time(std::string_view text);

/// The body as JSON; an empty one is `{}`. Errors: json_*; usage if the content type is another.
Result<boost::json::value> body_json(const Request& request);
/// An error that names the pointer of a member which is not known.
Result<void> check_members(const boost::json::value& body, const std::vector<std::string_view>& known);
/// The body as a described struct: unknown members are errors that name their JSON pointer.
template <class T>
Result<T> body(const Request& request) {
  HILLSTAR_TRY(const auto value, body_json(request));
  std::vector<std::string_view> known;
  boost::mp11::mp_for_each<json::detail::Members<T>>([&known](auto member) { known.emplace_back(member.name); });
  HILLSTAR_CHECK(check_members(value, known));
  return json::read<T>(value);
}

/// The row of a run, never of a stream's history. Errors: run_not_found.
Result<run::Summary> run_row(const Api& api, const Request& request);
/// Who asks, for histories.
std::string who_of(const Request& request);
/// `text` as one part of a path.
std::string encoded(std::string_view text);
std::string run_path(const RunId& run);
bool accepts_events(const Request& request);
/// A trigger that was refused; `room_at`: when its quota has room again.
Response refused_response(const Error& error, const std::optional<UtcTime>& room_at, UtcTime now);
/// 202 for a run that is durable.
Response accepted_response(const Accepted& accepted);
/// What telling a run something led to.
Json told_document(const run::Summary& row, const std::vector<Event>& facts);

// Groups of routes.
std::vector<Route> run_routes(const ApiPtr& api);
std::vector<Route> start_routes(const ApiPtr& api);
std::vector<Route> control_routes(const ApiPtr& api);
std::vector<Route> talk_routes(const ApiPtr& api);
std::vector<Route> state_routes(const ApiPtr& api);
std::vector<Route> record_routes(const ApiPtr& api);
std::vector<Route> feed_routes(const ApiPtr& api);
std::vector<Route> stream_routes(const ApiPtr& api);
std::vector<Route> hook_routes(const ApiPtr& api);
std::vector<Route> store_routes(const ApiPtr& api);
std::vector<Route> backup_routes(const ApiPtr& api);
std::vector<Route> document_routes(const ApiPtr& api);

}  // namespace hillstar::http
