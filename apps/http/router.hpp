// SPDX-License-Identifier: Apache-2.0
// Which route answers a request: by its method, and by the parts of its path. Pure; no regular expressions.
#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "apps/http/exchange.hpp"

namespace hillstar::http {

/// Immutable once made; thread-safe.
class Router {
 public:
  /// A route that answers, with the parts of the path that it names.
  struct Match {
    const Route* route = nullptr;
    std::map<std::string, std::string> params;
  };
  /// There is no such path if `allow` is empty, else none with this method.
  struct Miss {
    std::string allow;  ///< `GET, HEAD, OPTIONS`.
  };

  /// internal: a path that is none, a method that is not in upper case, two routes for the same requests.
  static Result<Router> of(std::vector<Route> routes);

  /// `segments` as in Target. A written part goes before a named one; HEAD is answered by the route of GET. A named
  /// part stands for any text but the empty one.
  [[nodiscard]] std::variant<Match, Miss> find(const std::string& method,
                                               const std::vector<std::string>& segments) const;

 private:
  struct Part {
    std::string text;
    bool named = false;

    bool operator==(const Part&) const = default;
  };
  struct Pattern {
    std::vector<Part> parts;
    std::map<std::string, Route> by_method;
  };
  static Result<std::vector<Part>> parts_of(const std::string& path);
  [[nodiscard]] static bool fits(const Pattern& pattern, const std::vector<std::string>& segments);
  static bool is_same_shape(const Pattern& a, const Pattern& b);

  std::vector<Pattern> patterns_;  ///< Those with written parts before those that name them.
};

}  // namespace hillstar::http
