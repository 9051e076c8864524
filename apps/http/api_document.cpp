// SPDX-License-Identifier: Apache-2.0
// GET /v1/openapi.json: the description of all of this, for programs.
#include "apps/http/api_context.hpp"

namespace hillstar::embedded {
extern const std::string_view openapi;
}

namespace hillstar::http {

std::vector<Route> document_routes(const ApiPtr& api) {
  return {{"GET", "/v1/openapi.json", Scope::none, 0, plain(api, [](Api&, const Request&) -> Result<Response> {
             Response response;
             response.body = embedded::openapi;
             return response;
           })}};
}

}  // namespace hillstar::http
