// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/model_request.hpp"

#include <boost/json.hpp>
#include <utility>

#include "runtime/policy/model_conversation.hpp"
#include "runtime/policy/model_parameters.hpp"

namespace hillstar::policy {

Result<ModelRequest> make_request(const Json& parameters, const Json& model_config, const Asked& asked,
                                  const Backend& backend) {
  const auto given = parameters.value();
  if (!given.is_object() && !given.is_null())
    return Error{Errc::tool_parameters, "The parameters must be an object.", "/parameters"};
  ModelRequest request;
  request.model = backend.model;
  HILLSTAR_CHECK(put_parameters(given, model_config.value(), backend, request));
  if (asked.shape != nullptr && is_conversation(*asked.shape))
    HILLSTAR_CHECK(put_conversation(asked, request));
  else
    request.prompt = asked.text;
  HILLSTAR_CHECK(put_images(given, asked, request));
  if (asked.rejected) ask_to_mend(*asked.rejected, request);
  return request;
}

Result<ModelRequest> make_request(const Json& parameters, const Json& model_config, std::string prompt,
                                  const Backend& backend) {
  Asked asked;
  asked.text = std::move(prompt);
  return make_request(parameters, model_config, asked, backend);
}

}  // namespace hillstar::policy
