// SPDX-License-Identifier: Apache-2.0
#include "apps/http/service_routes.hpp"

#include <boost/json.hpp>

#include "messages/json.hpp"

namespace hillstar::http {
namespace {

namespace bj = boost::json;

Response json_response(unsigned status, const bj::value& body) {
  Response response;
  response.status = status;
  response.body = json::canonical(body);
  return response;
}

Response ready(ServiceState& state) {
  bj::array reasons;
  for (const auto& error : state.not_ready()) {
    bj::object reason{{"code", number(error.code)}, {"message", error.message}};
    if (!error.hint.empty()) reason["hint"] = error.hint;
    reasons.push_back(std::move(reason));
  }
  const bool is_ready = reasons.empty();
  auto response = json_response(is_ready ? 200 : 503, bj::object{{"ready", is_ready}, {"reasons", reasons}});
  if (!is_ready) response.headers.emplace_back("retry-after", "5");
  return response;
}

}  // namespace

std::vector<Route> service_routes(const ServiceFacts& facts) {
  const auto get = [](const char* path, Scope scope, std::function<Response()> make) {
    return Route{"GET", path, scope, 0,
                 [make = std::move(make)](const std::shared_ptr<const Request>&, const AnswerPtr& answer) {
                   answer->send(make());
                 }};
  };
  return {
      get("/", Scope::none,
          [version = facts.version] {
            return json_response(200, bj::object{{"name", "hillstar-actors"}, {"version", version}});
          }),
      get("/healthz", Scope::none,
          [] {
            return json_response(200, bj::object{{"status", "ok"}});
          }),
      get("/readyz", Scope::none, [state = facts.state] { return ready(*state); }),
      get("/metrics", Scope::read,
          [facts] {
            Response response;
            response.content_type = "text/plain; version=0.0.4; charset=utf-8";
            response.body = metrics_text(facts);
            return response;
          }),
  };
}

}  // namespace hillstar::http
