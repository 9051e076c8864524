// SPDX-License-Identifier: Apache-2.0
#include "apps/http/router.hpp"

#include <algorithm>
#include <set>

namespace hillstar::http {
namespace {

Error bad(const std::string& path, std::string what) { return {Errc::internal, std::move(what), path, {}}; }

bool is_method(const std::string& text) {
  return !text.empty() && text != "HEAD" && text != "OPTIONS" &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

}  // namespace

Result<std::vector<Router::Part>> Router::parts_of(const std::string& path) {
  std::vector<Part> parts;
  if (path.empty() || path[0] != '/') return bad(path, "A route's path must begin with '/'.");
  std::set<std::string> names;
  for (std::size_t at = 1; path != "/" && at <= path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    Part part{path.substr(at, end - at), false};
    if (part.text.size() > 2 && part.text.front() == '{' && part.text.back() == '}') {
      part = {part.text.substr(1, part.text.size() - 2), true};
      if (!names.insert(part.text).second) return bad(path, "A route names two parts alike.");
    }
    if (part.text.empty() || part.text.find_first_of("{}") != std::string::npos)
      return bad(path, "A route's path has a part that is none.");
    parts.push_back(std::move(part));
    at = end + 1;
  }
  return parts;
}

bool Router::is_same_shape(const Pattern& a, const Pattern& b) {
  return std::equal(a.parts.begin(), a.parts.end(), b.parts.begin(), b.parts.end(),
                    [](const Part& x, const Part& y) { return x.named ? y.named : x == y; });
}

Result<Router> Router::of(std::vector<Route> routes) {
  Router router;
  for (auto& route : routes) {
    if (!is_method(route.method) || !route.handle)
      return bad(route.path, "A route needs a handler, and a method other than HEAD and OPTIONS.");
    Pattern made;
    HILLSTAR_TRY(made.parts, parts_of(route.path));
    auto found = std::find_if(router.patterns_.begin(), router.patterns_.end(),
                              [&](const Pattern& other) { return is_same_shape(made, other); });
    if (found == router.patterns_.end())
      found = router.patterns_.insert(router.patterns_.end(), std::move(made));
    else if (found->parts != made.parts)
      return bad(route.path, "Two routes name the parts of the same path differently.");
    const auto method = route.method;
    const auto path = route.path;
    if (!found->by_method.emplace(method, std::move(route)).second) return bad(path, "Two routes are the same.");
  }
  std::stable_sort(router.patterns_.begin(), router.patterns_.end(), [](const Pattern& a, const Pattern& b) {
    return std::lexicographical_compare(a.parts.begin(), a.parts.end(), b.parts.begin(), b.parts.end(),
                                        [](const Part& x, const Part& y) { return !x.named && y.named; });
  });
  return router;
}

bool Router::fits(const Pattern& pattern, const std::vector<std::string>& segments) {
  return std::equal(
      pattern.parts.begin(), pattern.parts.end(), segments.begin(), segments.end(),
      [](const Part& part, const std::string& text) { return part.named ? !text.empty() : part.text == text; });
}

std::variant<Router::Match, Router::Miss> Router::find(const std::string& method,
                                                       const std::vector<std::string>& segments) const {
  std::set<std::string> allowed;
  for (const auto& pattern : patterns_) {
    if (!fits(pattern, segments)) continue;
    const auto found = pattern.by_method.find(method == "HEAD" ? "GET" : method);
    if (found == pattern.by_method.end()) {
      for (const auto& [name, route] : pattern.by_method) allowed.insert(name);
      continue;
    }
    Match match{&found->second, {}};
    for (std::size_t i = 0; i < segments.size(); ++i)
      if (pattern.parts[i].named) match.params.emplace(pattern.parts[i].text, segments[i]);
    return match;
  }
  if (allowed.count("GET") > 0) allowed.insert("HEAD");
  if (!allowed.empty()) allowed.insert("OPTIONS");
  Miss miss;
  for (const auto& name : allowed) miss.allow += (miss.allow.empty() ? "" : ", ") + name;
  return miss;
}

}  // namespace hillstar::http
