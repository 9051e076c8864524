// SPDX-License-Identifier: Apache-2.0
#include "apps/http/exchange.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "messages/json_codec.hpp"

namespace hillstar::http {
namespace {

std::optional<std::string_view> first(const std::vector<std::pair<std::string, std::string>>& pairs,
                                      std::string_view name) {
  const auto found = std::find_if(pairs.begin(), pairs.end(), [&](const auto& pair) { return pair.first == name; });
  if (found == pairs.end()) return std::nullopt;
  return found->second;
}

}  // namespace

std::optional<std::string_view> Request::header(std::string_view name) const { return first(headers, name); }
std::optional<std::string_view> Request::asked(std::string_view name) const { return first(query, name); }

unsigned status_of(Errc code) {
  switch (code) {
    case Errc::unauthenticated:
    case Errc::signature_invalid:
      return 401;
    case Errc::forbidden:
    case Errc::permission_denied:
    case Errc::path_refused:
    case Errc::terms_not_accepted:
    case Errc::data_refused:
    case Errc::air_gapped:
    case Errc::sandbox_refused:
    case Errc::credential_found:
    case Errc::policy_invalid:
      return 403;
    case Errc::run_not_found:
    case Errc::not_found:
    case Errc::blob_missing:
    case Errc::input_unknown:
      return 404;
    case Errc::run_state:
    case Errc::run_ambiguous:
    case Errc::store_conflict:
    case Errc::stream_held:
    case Errc::depth_exceeded:
      return 409;
    case Errc::too_large:
    case Errc::json_too_large:
    case Errc::output_limit:
      return 413;
    case Errc::state_conflict:
      return 412;
    case Errc::workflow_invalid:
    case Errc::workflow_file:
    case Errc::reference:
    case Errc::inputs_invalid:
    case Errc::stream_invalid:
    case Errc::tool_unknown:
    case Errc::tool_parameters:
      return 422;
    case Errc::json_syntax:
    case Errc::json_duplicate_key:
    case Errc::json_number:
    case Errc::json_too_deep:
    case Errc::json_encoding:
    case Errc::json_type:
    case Errc::usage:
      return 400;
    case Errc::stream_full:
    case Errc::rate_limited:
      return 429;
    case Errc::draining:
    case Errc::disk_full:
    case Errc::store_busy:
    case Errc::host_unreachable:
    case Errc::host_closed:
    case Errc::system_limit:
      return 503;
    default:
      return 500;
  }
}

Response problem(const Error& error) {
  boost::json::object body{{"type", "https://hillstar-actors.invalid/errors/" + number(error.code)},
                           {"title", error.message},
                           {"status", status_of(error.code)},
                           {"code", number(error.code)}};
  if (!error.where.empty()) body["where"] = error.where;
  if (!error.hint.empty()) body["hint"] = error.hint;
  Response response;
  response.status = status_of(error.code);
  response.content_type = "application/problem+json";
  response.body = json::to_utf8(boost::json::serialize(body));
  if (response.status == 429 || response.status == 503) response.headers.emplace_back("retry-after", "1");
  if (response.status == 401) response.headers.emplace_back("www-authenticate", "Bearer");
  return response;
}

}  // namespace hillstar::http
