// SPDX-License-Identifier: Apache-2.0
#include "apps/http/gate.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "apps/http/target.hpp"
#include "messages/json.hpp"

namespace hillstar::http {

Response problem_with(const Error& error, unsigned status) {
  auto response = problem(error);
  if (auto body = json::parse(response.body)) {
    body->as_object()["status"] = status;
    response.body = json::canonical(*body);
  }
  response.status = status;
  return response;
}

Response no_route(const Router::Miss& miss, const std::string& method, const std::string& path) {
  if (miss.allow.empty()) return problem(Error{Errc::not_found, "There is nothing at this address.", path, {}});
  if (method == "OPTIONS") return {204, {}, {}, {{"allow", miss.allow}}};
  auto response = problem_with(
      Error{Errc::usage, "This address does not know the method.", path, "It knows " + miss.allow + "."}, 405);
  response.headers.emplace_back("allow", miss.allow);
  return response;
}

Gate::Gate(Router router, GateOptions options, std::shared_ptr<TokenFile> tokens, std::shared_ptr<const Clock> clock)
    : router_(std::move(router)),
      options_(std::move(options)),
      tokens_(std::move(tokens)),
      clock_(std::move(clock)),
      rate_(options_.requests_per_second, options_.burst) {}

std::optional<Response> Gate::slow_down(const std::string& client) {
  std::optional<std::chrono::milliseconds> wait;
  {
    const std::lock_guard lock(mutex_);
    wait = rate_.wait(client, clock_->steady_now());
  }
  if (!wait) return std::nullopt;
  const auto seconds = std::to_string(std::max<std::int64_t>((wait->count() + 999) / 1000, 1));
  auto response = problem(Error{Errc::rate_limited, "Too many requests.", {}, "Try again in " + seconds + " s."});
  std::erase_if(response.headers, [](const auto& header) { return header.first == "retry-after"; });
  response.headers.emplace_back("retry-after", seconds);
  // Tells this refusal, after which nothing was done, from those of streams that are full.
  response.headers.emplace_back("ratelimit-reset", seconds);
  return response;
}

std::variant<Admitted, Response> Gate::look(const Head& head) {
  auto& request = *head.request;
  if (const auto fits = check_place(request, head.local, options_.names); !fits) return problem(fits.error());
  auto target = read_target(head.target);
  if (!target) return problem(target.error());
  request.path = std::move(target->path);
  request.query = std::move(target->query);
  auto found = router_.find(request.method, target->segments);
  const auto by_address = "address " + request.peer;
  if (const auto* miss = std::get_if<Router::Miss>(&found)) {
    if (auto later = slow_down(by_address)) return *std::move(later);
    return no_route(*miss, request.method, request.path);
  }
  auto& match = std::get<Router::Match>(found);
  request.params = std::move(match.params);
  if (match.route->scope == Scope::none) {
    if (auto later = slow_down(by_address)) return *std::move(later);
    return Admitted{match.route, {}};
  }
  const auto row = admit(request, match.route->scope, *tokens_, clock_->utc_now());
  if (auto later = slow_down(row ? "token " + row->id : by_address)) return *std::move(later);
  if (!row) return problem(row.error());
  request.who.name = row->name;
  request.who.scope = row->scope;
  return Admitted{match.route, row->id};
}

bool Gate::still_holds(const std::string& token_id) {
  return token_id.empty() || tokens_->holds(token_id, clock_->utc_now());
}

}  // namespace hillstar::http
