// SPDX-License-Identifier: Apache-2.0
#include "apps/http/api_context.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "apps/cli/embedded_client.hpp"
#include "apps/cli/environment.hpp"

namespace hillstar::http {

namespace bj = boost::json;

Api::Api(ApiParts parts_)
    : parts(std::move(parts_)),
      feed(LiveFeed::over(parts.engine, parts.store)),
      pieces(std::make_shared<PieceFeed>(parts.engine)),
      client(cli::embed(parts.engine, parts.store)),
      hooks(parts.engine) {
  if (!parts.registry) parts.registry = {std::shared_ptr<const void>(), &policy::shipped_registry()};
  if (!parts.clock) parts.clock = std::make_shared<const SystemClock>();
  if (!parts.ids) parts.ids = std::make_shared<SystemIdSource>();
  if (parts.workspace.empty()) parts.workspace = cli::current_folder().value_or("/");
}

Result<void> Api::open_for_work() const {
  if (!parts.refuses) return {};
  if (auto why = parts.refuses()) return *std::move(why);
  return {};
}

Handler plain(const ApiPtr& api, Plain make) {
  return [api, make = std::move(make)](const RequestPtr& request, const AnswerPtr& answer) {
    auto made = make(*api, *request);
    answer->send(made ? std::move(made).value() : problem(made.error()));
  };
}

Response json_response(const Json& document, unsigned status) {
  Response response;
  response.status = status;
  response.body = document.text();
  return response;
}

Response problem_with(const Error& error, const bj::object& members, unsigned status) {
  auto response = problem(error);
  auto document = json::parse(response.body).value_or(bj::object()).as_object();
  for (const auto& [key, value] : members) document[key] = value;
  if (status != 0) document["status"] = response.status = status;
  response.body = json::canonical(document);
  return response;
}

const std::string& param(const Request& request, const std::string& name) {
  static const std::string kNone;
  const auto found = request.params.find(name);
  return found == request.params.end() ? kNone : found->second;
}

Result<void> check_query(const Request& request, std::initializer_list<std::string_view> known) {
  std::set<std::string_view> seen;
  for (const auto& [name, value] : request.query) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      std::string hint = known.size() == 0 ? "It takes none." : "It takes";
      for (const auto& word : known) hint += (&word == known.begin() ? " " : ", ") + std::string(word);
      return Error{Errc::usage, "The query has a parameter that is not known.", "?" + name, hint};
    }
    if (!seen.insert(name).second) return Error{Errc::usage, "The query has a parameter twice.", "?" + name, {}};
  }
  return {};
}

Result<std::uint64_t> number_in(const Request& request, std::string_view name, const Bounds& bounds) {
  const auto text = request.asked(name);
  if (!text) return bounds.absent;
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (failed != std::errc() || end != text->data() + text->size() || number < bounds.least || number > bounds.most)
    return Error{Errc::usage,
                 "Expected a number from " + std::to_string(bounds.least) + " to " + std::to_string(bounds.most) + ".",
                 "?" + std::string(name),
                 {}};
  return number;
}

std::optional<UtcTime> read_time(std::string_view text) {
  constexpr std::size_t kDecimals = 6;
  if (auto time = from_rfc3339(text)) return time;
  if (!text.ends_with('Z')) return std::nullopt;
  std::string longer(text.substr(0, text.size() - 1));
  const auto dot = longer.find('.');
  const auto decimals = dot == std::string::npos ? 0 : longer.size() - dot - 1;
  if (decimals > kDecimals || (dot != std::string::npos && decimals == 0)) return std::nullopt;
  if (dot == std::string::npos) longer += '.';
  longer.append(kDecimals - decimals, '0');
  return from_rfc3339(longer + "Z");
}

Result<std::optional<UtcTime>> time_in(const Request& request, std::string_view name) {
  const auto text = request.asked(name);
  if (!text) return std::optional<UtcTime>();
  const auto time = read_time(*text);
  if (!time)
    return Error{Errc::usage, "Expected a time in UTC.", "?" + std::string(name),
                 "Write it like 2026-11-22T03:04:05Z."};
  return time;
}

Result<bj::value> body_json(const Request& request) {
  if (const auto type = request.header("content-type"); type && !request.body.empty()) {
    const auto media = type->substr(0, type->find_first_of("; "));
    if (media != "application/json" && !media.ends_with("+json"))
      return Error{Errc::usage, "The body must be application/json.", std::string(media), {}};
  }
  if (request.body.empty()) return bj::value(bj::object());
  return json::parse(request.body);
}

Result<void> check_members(const bj::value& body, const std::vector<std::string_view>& known) {
  if (!body.is_object()) return Error{Errc::json_type, "The body must be one JSON object.", {}, {}};
  for (const auto& [key, value] : body.get_object()) {
    if (std::find(known.begin(), known.end(), std::string_view(key)) != known.end()) continue;
    std::string hint = known.empty() ? "There is none." : "Known are";
    for (const auto& name : known) hint += (&name == &known.front() ? " " : ", ") + std::string(name);
    return Error{Errc::json_type, "The body has a member that is not known.", "/" + json::pointer_token(key), hint};
  }
  return {};
}

Result<run::Summary> run_row(const Api& api, const Request& request) {
  const auto& name = param(request, "run");
  std::string why = "There is no run of this id.";
  if (is_run_id(name)) {
    auto row = api.parts.store.summary(RunId(name));
    if (row || row.error().code != Errc::run_not_found) return row;
    why = row.error().message;  // it may have been removed
  }
  return Error{Errc::run_not_found, std::move(why), name, "GET /v1/runs lists them."};
}

std::string who_of(const Request& request) { return request.who.name.empty() ? "http" : request.who.name; }

std::string encoded(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    const auto byte = static_cast<unsigned char>(c);
    if (plain)
      out += c;
    else
      (out += '%') += {kDigits[byte >> 4U], kDigits[byte & 15U]};
  }
  return out;
}

std::string run_path(const RunId& run) { return "/v1/runs/" + run.str(); }

bool accepts_events(const Request& request) {
  if (const auto upgrade = request.header("upgrade"); upgrade && (*upgrade == "websocket" || *upgrade == "WebSocket"))
    return true;
  const auto accept = request.header("accept");
  return accept && accept->find("text/event-stream") != std::string_view::npos;
}

std::vector<Route> api_routes(ApiParts parts) {
  const auto api = std::make_shared<Api>(std::move(parts));
  std::vector<Route> all;
  for (const auto group : {run_routes, start_routes, control_routes, talk_routes, state_routes, record_routes,
                           feed_routes, stream_routes, hook_routes, store_routes, backup_routes, document_routes}) {
    auto routes = group(api);
    std::move(routes.begin(), routes.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace hillstar::http
