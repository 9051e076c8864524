// SPDX-License-Identifier: Apache-2.0
// POST /hooks/{workflow}/{entry}: what other services send. Who sends is proved by the signature, not by a token; the
// answer comes once the run is durable, so that a sender that gets none sends again.
#include <algorithm>
#include <array>

#include "apps/cli/environment.hpp"
#include "apps/http/api_context.hpp"
#include "apps/http/api_workflow.hpp"
#include "runtime/platform/hmac.hpp"
#include "runtime/stream/webhook.hpp"

namespace hillstar::http {
namespace {

namespace bj = boost::json;

constexpr std::size_t kHookBytesMax = 4U << 20U;
constexpr std::size_t kHeaderBytesMax = 1'024;

/// Headers that runs get to see. The rest may hold what is no run's business, signatures and cookies among it.
constexpr std::array<std::string_view, 14> kShownHeaders = {
    "ce-id",          "ce-source",       "ce-subject",   "ce-time",          "ce-type",
    "content-type",   "idempotency-key", "user-agent",   "x-event-key",      "x-github-delivery",
    "x-github-event", "x-gitlab-event",  "x-request-id", "x-slack-retry-num"};

/// Whether there is no such stream, or one that takes no webhooks, is nobody's business.
Error no_hook(const Request& request) {
  return {Errc::not_found, "There is no webhook here.", request.path.substr(0, kHeaderBytesMax), {}};
}

Result<stream::Delivery> verify(const Api& api, const Request& request, const WebhookTrigger& hook) {
  stream::WebhookRequest given;
  given.body = request.body;
  for (const auto& [name, value] : request.headers) given.headers.push_back({name, value});
  std::vector<std::string> secrets;
  for (const auto& name : hook.secrets)
    if (auto value = cli::variable(api.parts.environment, name)) secrets.push_back(*std::move(value));
  return stream::verify_webhook(hook, given, secrets, api.parts.clock->utc_now(), hmac_sha256);
}

bj::object shown_headers(const Request& request) {
  bj::object shown;
  for (const auto name : kShownHeaders)
    if (const auto value = request.header(name)) shown[name] = json::to_utf8(value->substr(0, kHeaderBytesMax));
  return shown;
}

/// What `{{ trigger... }}` stands for: `body`, or `raw_body` where it is no JSON, and where it came from.
Result<Json> event_of(const Request& request, const stream::Delivery& delivery) {
  bj::object event{{"headers", shown_headers(request)}};
  const auto type = request.header("content-type").value_or("");
  const auto media = type.substr(0, type.find_first_of("; "));
  if (media == "application/json" || media.ends_with("+json")) {
    HILLSTAR_TRY(event["body"], json::parse(request.body));
  } else {
    event["raw_body"] = json::to_utf8(request.body);
  }
  if (delivery.id) event["delivery"] = json::to_utf8(*delivery.id);
  if (delivery.timestamp) event["signed_at"] = to_rfc3339(*delivery.timestamp);
  return Json::of(event);
}

/// Encodings and parts are not taken: the signature is over the bytes as they came.
bool is_taken(const Request& request) {
  const auto encoding = request.header("content-encoding").value_or("identity");
  const auto type = request.header("content-type").value_or("");
  return encoding == "identity" && !type.starts_with("multipart/");
}

Result<TriggerRun> trigger_of(Api& api, const Request& request) {
  auto stream = param(request, "workflow") + "/" + param(request, "entry");
  const auto entry = api.hooks.find(stream);
  if (!entry) return no_hook(request);
  HILLSTAR_TRY(const auto delivery, verify(api, request, *entry->webhook));
  HILLSTAR_CHECK(api.open_for_work());
  if (!is_taken(request))
    return Error{Errc::usage, "The body must be JSON or text, without an encoding.", "Content-Type", {}};
  TriggerRun trigger;
  trigger.stream = std::move(stream);
  trigger.kind = TriggerKind::webhook;
  HILLSTAR_TRY(trigger.event, event_of(request, delivery));
  // A delivery that is repeated has the same body, and so the same key where the author chose one.
  if (!entry->dedupe) trigger.key = delivery.id;
  trigger.started_by = "webhook";
  trigger.trace = trace_of(request);
  return trigger;
}

Response refusal(const Error& error, const std::optional<UtcTime>& room_at, UtcTime now) {
  if (error.where == "Content-Type") return problem_with(error, {}, 415);
  // The sender cannot mend what is wrong with the stream.
  if (error.code == Errc::stream_invalid)
    return problem_with({Errc::stream_invalid, "This webhook cannot check who sends: it has no secret."}, {}, 503);
  auto response = refused_response(error, room_at, now);
  // No token would help.
  std::erase_if(response.headers, [](const auto& header) { return header.first == "www-authenticate"; });
  return response;
}

void receive(const ApiPtr& api, const RequestPtr& request, const AnswerPtr& answer) {
  auto trigger = trigger_of(*api, *request);
  if (!trigger) return answer->send(refusal(trigger.error(), {}, {}));
  const auto room = trigger->room_at = std::make_shared<std::optional<UtcTime>>();
  api->parts.engine.trigger_async(std::move(trigger).value(), [api, answer, room](Result<Accepted> accepted) {
    if (!accepted) return answer->send(refusal(accepted.error(), *room, api->parts.clock->utc_now()));
    auto response = accepted_response(*accepted);
    // Where runs are is for those who have a token.
    std::erase_if(response.headers, [](const auto& header) { return header.first == "location"; });
    answer->send(std::move(response));
  });
}

}  // namespace

std::vector<Route> hook_routes(const ApiPtr& api) {
  return {{"POST", "/hooks/{workflow}/{entry}", Scope::none, kHookBytesMax,
           [api](const RequestPtr& request, const AnswerPtr& answer) { receive(api, request, answer); }}};
}

}  // namespace hillstar::http
