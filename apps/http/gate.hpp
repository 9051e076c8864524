// SPDX-License-Identifier: Apache-2.0
// What happens to a request before a handler sees it: everything that can refuse it, from its head alone.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <variant>

#include "apps/http/auth.hpp"
#include "apps/http/rate.hpp"
#include "apps/http/router.hpp"
#include "runtime/platform/clock.hpp"

namespace hillstar::http {

struct GateOptions {
  AllowedNames names;
  double requests_per_second = 1'000;  ///< Of one token, or of one address without a token; 0: no limit.
  double burst = 2'000;
};

/// A request that may be answered once its body is there.
struct Admitted {
  const Route* route = nullptr;
  std::string token_id;  ///< Empty: none was needed.
};
/// Its head as it came. `target` is what stands in the request line.
struct Head {
  std::shared_ptr<Request> request;  ///< Method, headers and peer are set; the rest is filled in.
  std::string target;
  std::string local;  ///< The address on which it came in.
};

/// Thread-safe.
class Gate {
 public:
  Gate(Router router, GateOptions options, std::shared_ptr<TokenFile> tokens, std::shared_ptr<const Clock> clock);

  /// Admits the request, or says how it is answered at once.
  std::variant<Admitted, Response> look(const Head& head);
  /// False once the token may not ask any more; for streams that are open.
  bool still_holds(const std::string& token_id);

 private:
  std::optional<Response> slow_down(const std::string& client);

  Router router_;
  GateOptions options_;
  std::shared_ptr<TokenFile> tokens_;
  std::shared_ptr<const Clock> clock_;
  std::mutex mutex_;
  RateLimiter rate_;
};

/// 404 or 405.
Response no_route(const Router::Miss& miss, const std::string& method, const std::string& path);
/// The problem of `error` under another status.
Response problem_with(const Error& error, unsigned status);

}  // namespace hillstar::http
