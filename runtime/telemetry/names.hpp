// SPDX-License-Identifier: Apache-2.0
// The names that OpenTelemetry has for what we say, all in one place: they are still in development there.
//
// Source: OpenTelemetry semantic conventions, generative AI, 1.45. Names of our own begin with `hillstar.`.
#pragma once

namespace hillstar::telemetry::names {

inline constexpr const char* kScope = "hillstar-actors";

// -- generative AI ------------------------------------------------------------------------------------
inline constexpr const char* kOperation = "gen_ai.operation.name";
inline constexpr const char* kProvider = "gen_ai.provider.name";
inline constexpr const char* kRequestModel = "gen_ai.request.model";
inline constexpr const char* kResponseModel = "gen_ai.response.model";
inline constexpr const char* kFinishReasons = "gen_ai.response.finish_reasons";
inline constexpr const char* kInputTokens = "gen_ai.usage.input_tokens";
inline constexpr const char* kOutputTokens = "gen_ai.usage.output_tokens";
inline constexpr const char* kCacheReadTokens = "gen_ai.usage.cache_read.input_tokens";
inline constexpr const char* kCacheWriteTokens = "gen_ai.usage.cache_write.input_tokens";
inline constexpr const char* kCacheCreationTokens = "gen_ai.usage.cache_creation.input_tokens";  ///< Its older name.
inline constexpr const char* kReasoningTokens = "gen_ai.usage.reasoning.output_tokens";
inline constexpr const char* kWorkflowName = "gen_ai.workflow.name";
inline constexpr const char* kToolName = "gen_ai.tool.name";
inline constexpr const char* kToolType = "gen_ai.tool.type";
inline constexpr const char* kToolArguments = "gen_ai.tool.call.arguments";
inline constexpr const char* kToolResult = "gen_ai.tool.call.result";
inline constexpr const char* kInputMessages = "gen_ai.input.messages";
inline constexpr const char* kOutputMessages = "gen_ai.output.messages";
inline constexpr const char* kSystemInstructions = "gen_ai.system_instructions";
inline constexpr const char* kTokenType = "gen_ai.token.type";
inline constexpr const char* kTokenUsage = "gen_ai.client.token.usage";
inline constexpr const char* kOperationDuration = "gen_ai.client.operation.duration";
inline constexpr const char* kErrorType = "error.type";
inline constexpr const char* kServerAddress = "server.address";
inline constexpr const char* kServerPort = "server.port";

// -- ours ---------------------------------------------------------------------------------------------
inline constexpr const char* kRun = "hillstar.run.id";
inline constexpr const char* kRunStatus = "hillstar.run.status";
inline constexpr const char* kNode = "hillstar.node.id";
inline constexpr const char* kItem = "hillstar.map.item";
inline constexpr const char* kAttempt = "hillstar.attempt";
inline constexpr const char* kOutcome = "hillstar.outcome";
inline constexpr const char* kReason = "hillstar.reason";
inline constexpr const char* kCost = "hillstar.cost.usd";

}  // namespace hillstar::telemetry::names
