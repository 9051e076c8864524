// SPDX-License-Identifier: Apache-2.0
#include "actors/call_record.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <utility>

#include "messages/json_codec.hpp"

namespace hillstar::actors {
namespace {

namespace bj = boost::json;

/// Headers that say how a request is meant and hold nothing of the person. Others are not kept.
constexpr std::array<std::string_view, 6> kKeptHeaders = {"accept",           "anthropic-beta", "anthropic-version",
                                                          "content-encoding", "content-type",   "openai-beta"};

std::string lower(std::string_view name) {
  std::string out(name);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : static_cast<char>(c);
  });
  return out;
}

std::string valid(const std::string& text) { return json::is_utf8(text) ? text : json::to_utf8(text); }

/// One member more of a canonical object; called in the order of their names.
void put(std::string& out, std::string_view name, const std::string& json_text) {
  out += out.size() > 1 ? ",\"" : "\"";
  out += name;
  out += "\":";
  out += json_text;
}

void put_partial(std::string& out, const std::string& partial) {
  if (!partial.empty()) put(out, "partial", Json::string(valid(partial)).text());
}

}  // namespace

providers::Endpoint endpoint_of(const ModelCall::Parts& parts) {
  providers::Endpoint endpoint;
  endpoint.base_url = parts.backend.base_url;
  endpoint.key = parts.key;
  endpoint.api_version = parts.backend.api_version;
  endpoint.program = parts.program;
  return endpoint;
}

Result<providers::HttpRequest> render_request(const ModelCall::Parts& parts) {
  const auto* adapter = providers::find_adapter(parts.backend.adapter);
  if (adapter == nullptr)
    return Error{Errc::provider_config, "There is no adapter '" + parts.backend.adapter + "'.", parts.node_id.str()};
  return adapter->encode(parts.request, endpoint_of(parts));
}

SentRequest sent_request(const providers::HttpRequest& request) {
  SentRequest sent{request.method, request.url, {}, request.body};
  for (const auto& [name, value] : request.headers) {
    auto known = lower(name);
    if (std::find(kKeptHeaders.begin(), kKeptHeaders.end(), known) != kKeptHeaders.end() && known != request.key_header)
      sent.headers.emplace_back(std::move(known), value);
  }
  std::sort(sent.headers.begin(), sent.headers.end());
  return sent;
}

Json request_record(const SentRequest& request, const policy::Redactor& redactor) {
  const auto body = json::parse(request.body, {.bytes_max = kCallRecordBytesMax, .depth_max = 256});
  std::string text = "{";
  put(text, "body", body ? json::canonical(*body) : Json::string(valid(request.body)).text());
  bj::object headers;
  for (const auto& [name, value] : request.headers) headers[name] = valid(value);
  put(text, "headers", json::canonical(headers));
  put(text, "method", Json::string(valid(request.method)).text());
  put(text, "url", Json::string(valid(request.url)).text());
  return redactor.redact(Json::from_canonical(text + "}"));
}

Json reply_record(const ModelDone& done, unsigned status, const policy::Redactor& redactor) {
  std::string text = "{";
  if (const auto* reply = std::get_if<ModelReply>(&done.answer)) {
    auto kept = *reply;
    for (auto* part : {&kept.text, &kept.model, &kept.finish_reason, &kept.request_id, &kept.fingerprint})
      *part = valid(*part);
    if (kept.reasoning) kept.reasoning = valid(*kept.reasoning);
    for (auto& call : kept.tool_calls) call.id = valid(call.id), call.name = valid(call.name);
    put(text, "reply", json::to_text(kept));
  } else if (const auto* failure = std::get_if<Failure>(&done.answer)) {
    auto kept = *failure;
    kept.message = valid(kept.message);
    put(text, "failure", json::to_text(kept));
    put_partial(text, done.partial);
    if (status != 0) put(text, "status", std::to_string(status));
  } else {
    put(text, std::holds_alternative<AttemptCancelled>(done.answer) ? "cancelled" : "lost", "true");
    put_partial(text, done.partial);
  }
  return redactor.redact(Json::from_canonical(text + "}"));
}

Result<CallNames> record_call(const ModelCall& call, const ModelDone& done, persistence::EventStore& store) {
  const auto& redactor = call.parts().redactor;
  CallNames names;
  HILLSTAR_TRY(names.request, store.put_blob(request_record(*call.sent, redactor).text()));
  HILLSTAR_TRY(names.reply, store.put_blob(reply_record(done, call.status, redactor).text()));
  return names;
}

void name_records(NodeOutcome& outcome, const CallNames& names) {
  std::visit(
      [&](auto& what) {
        if constexpr (requires { what.detail; }) what.detail = with_names(what.detail, names);
      },
      outcome);
}

Result<ModelDone> read_reply_record(std::string_view text, const AttemptRef& ref) {
  HILLSTAR_TRY(const auto tree, json::parse(text, {.bytes_max = kCallRecordBytesMax, .depth_max = 256}));
  ModelDone done{ref, AttemptLost{ref}, {}};
  if (const auto* partial = json::member(tree, "partial"); partial != nullptr) {
    HILLSTAR_TRY(done.partial, json::read<std::string>(*partial, "/partial"));
  }
  if (const auto* reply = json::member(tree, "reply"); reply != nullptr) {
    HILLSTAR_TRY(done.answer, json::read<ModelReply>(*reply, "/reply"));
  } else if (const auto* failure = json::member(tree, "failure"); failure != nullptr) {
    HILLSTAR_TRY(done.answer, json::read<Failure>(*failure, "/failure"));
  } else if (json::member(tree, "cancelled") != nullptr) {
    done.answer = AttemptCancelled{ref};
  } else if (json::member(tree, "lost") == nullptr) {
    return Error{Errc::json_type, "The record of a reply has none of reply, failure, cancelled and lost."};
  }
  return done;
}

}  // namespace hillstar::actors
