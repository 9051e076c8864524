// SPDX-License-Identifier: Apache-2.0
#include "apps/http/router.hpp"

#include <doctest/doctest.h>

namespace hillstar::http {
namespace {

Route route(std::string method, std::string path) {
  return {std::move(method), std::move(path), Scope::read, 0, [](const auto&, const auto&) {}};
}

Router router() {
  auto made = Router::of({route("GET", "/"), route("GET", "/v1/runs"), route("POST", "/v1/runs"),
                          route("GET", "/v1/runs/{run}"), route("GET", "/v1/runs/latest"),
                          route("DELETE", "/v1/runs/{run}"), route("GET", "/v1/runs/{run}/nodes/{node}")});
  REQUIRE(made);
  return std::move(made).value();
}

std::string found(const Router& in, const std::string& method, const std::vector<std::string>& segments) {
  const auto answer = in.find(method, segments);
  if (const auto* match = std::get_if<Router::Match>(&answer)) return match->route->method + " " + match->route->path;
  return "miss " + std::get<Router::Miss>(answer).allow;
}

}  // namespace

TEST_CASE("router: finds the route by method and path") {
  const auto routes = router();
  CHECK(found(routes, "GET", {}) == "GET /");
  CHECK(found(routes, "GET", {"v1", "runs"}) == "GET /v1/runs");
  CHECK(found(routes, "POST", {"v1", "runs"}) == "POST /v1/runs");
  CHECK(found(routes, "HEAD", {"v1", "runs"}) == "GET /v1/runs");
}

TEST_CASE("router: named parts are handed over, with slashes that were escaped") {
  const auto routes = router();
  const auto answer = routes.find("GET", {"v1", "runs", "a/b", "nodes", "x"});
  const auto& match = std::get<Router::Match>(answer);
  CHECK(match.params == std::map<std::string, std::string>{{"run", "a/b"}, {"node", "x"}});
}

TEST_CASE("router: a written part goes before a named one, but not if it lacks the method") {
  const auto routes = router();
  CHECK(found(routes, "GET", {"v1", "runs", "latest"}) == "GET /v1/runs/latest");
  CHECK(found(routes, "DELETE", {"v1", "runs", "latest"}) == "DELETE /v1/runs/{run}");
}

TEST_CASE("router: no such path, or no such method") {
  const auto routes = router();
  CHECK(found(routes, "GET", {"v1"}) == "miss ");
  CHECK(found(routes, "GET", {"v1", "runs", ""}) == "miss ");
  CHECK(found(routes, "GET", {"V1", "runs"}) == "miss ");
  CHECK(found(routes, "PUT", {"v1", "runs"}) == "miss GET, HEAD, OPTIONS, POST");
  CHECK(found(routes, "OPTIONS", {"v1", "runs"}) == "miss GET, HEAD, OPTIONS, POST");
  CHECK(found(routes, "get", {"v1", "runs"}) == "miss GET, HEAD, OPTIONS, POST");
  CHECK(found(routes, "PUT", {"v1", "runs", "latest"}) == "miss DELETE, GET, HEAD, OPTIONS");
}

TEST_CASE("router: routes that contradict each other are a bug") {
  CHECK_FALSE(Router::of({route("GET", "/a"), route("GET", "/a")}));
  CHECK_FALSE(Router::of({route("GET", "/{a}"), route("POST", "/{b}")}));
  CHECK_FALSE(Router::of({route("GET", "/{a}/{a}")}));
  for (const char* path : {"", "a", "/a//b", "/a/", "/{}", "/{a}b", "/a{"}) {
    CAPTURE(path);
    CHECK_FALSE(Router::of({route("GET", path)}));
  }
  CHECK_FALSE(Router::of({route("HEAD", "/a")}));
  CHECK_FALSE(Router::of({route("get", "/a")}));
  CHECK_FALSE(Router::of({{"GET", "/a", Scope::read, 0, nullptr}}));
}

}  // namespace hillstar::http
