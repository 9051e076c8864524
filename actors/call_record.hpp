// SPDX-License-Identifier: Apache-2.0
// What is kept of a model call: the request as it was sent and the answer as it was received, each a blob that the
// attempt's last event names in `detail`. Secrets are masked; the key and unknown headers are never part of it.
//
//   request  {"body", "headers", "method", "url"}: `body` is JSON if it was, else text
//   reply    {"reply": <ModelReply>}, or {"failure", "partial"?, "status"?}, {"cancelled"|"lost": true, "partial"?}
#pragma once

#include <string>
#include <string_view>

#include "actors/local_messages.hpp"
#include "actors/model_call.hpp"
#include "messages/call_names.hpp"
#include "persistence/event_store.hpp"
#include "providers/adapter.hpp"
#include "runtime/policy/redaction.hpp"

namespace hillstar::actors {

/// Largest record that is read back.
inline constexpr std::size_t kCallRecordBytesMax = 256U << 20U;

/// Where the call goes, with its key.
providers::Endpoint endpoint_of(const ModelCall::Parts& parts);
/// The request as the pool would send it. Errors: the adapter's; provider_config if there is no such adapter.
Result<providers::HttpRequest> render_request(const ModelCall::Parts& parts);

/// The parts of the request that may be kept. Called before it is sent.
SentRequest sent_request(const providers::HttpRequest& request);
Json request_record(const SentRequest& request, const policy::Redactor& redactor);
Json reply_record(const ModelDone& done, unsigned status, const policy::Redactor& redactor);

/// Puts both records. The call was sent. Errors: the store's.
Result<CallNames> record_call(const ModelCall& call, const ModelDone& done, persistence::EventStore& store);
/// Writes the names into the detail of whatever became of the attempt.
void name_records(NodeOutcome& outcome, const CallNames& names);
/// The answer that a reply record holds, for the attempt `ref`. Errors: json_* and json_type.
Result<ModelDone> read_reply_record(std::string_view text, const AttemptRef& ref);

}  // namespace hillstar::actors
