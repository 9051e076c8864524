// SPDX-License-Identifier: Apache-2.0
// What spans say about a tool and about a model call, in the words of the conventions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "messages/events.hpp"
#include "runtime/telemetry/run_spans.hpp"
#include "runtime/telemetry/span.hpp"

namespace hillstar::telemetry {

/// The conventions' name of a provider; one that they have none for stays as it is.
std::string provider_name(std::string_view ours);

/// At most `bytes` of it, without half a character at the end.
std::string cut(std::string_view text, std::size_t bytes);

void put_text(Attributes& out, const char* name, std::string_view text);
void put(Attributes& out, const char* name, AttributeValue value);
void put_number(Attributes& out, const char* name, std::optional<std::uint64_t> value);

/// Which node, item and attempt it is.
void put_place(Attributes& out, const NodeId& node, std::optional<std::uint32_t> item, std::uint32_t attempt);

/// What is known of an attempt when it is scheduled: name, kind, and what is asked for. `plan` null: not known.
void describe_attempt(Span& span, const NodeScheduled& event, const workflow::PlanNode* node,
                      const workflow::Plan* plan);

/// What the end of a model call says about it. `older_names`: as SpanOptions.
void describe_reply(Span& span, const std::optional<Json>& detail, const std::optional<Usage>& usage, bool older_names);
/// What histograms count of it; of a model call only.
void count_call(Span& span, const std::optional<Usage>& usage);

/// Prompt and reply of a model call, or arguments and result of a tool; what cannot be read is left out.
void add_content(Span& span, const workflow::PlanNode* node, const Value& result, const std::optional<Json>& detail,
                 const SpanOptions& options);

}  // namespace hillstar::telemetry
