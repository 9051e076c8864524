// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/fields.hpp"

#include "runtime/state/request.hpp"

namespace hillstar::workflow {
namespace {

using Names = std::vector<std::string_view>;

const Names kWorkflow = {"id",          "graph", "inputs",      "max_concurrency", "file_access",     "files",
                         "permissions", "state", "version",     "model_config",    "provider_config", "name",
                         "description", "task",  "checkpoints", "entry_points"};
const Names kGraph = {"nodes", "edges", "loops"};
const Names kNode = {
    "tool",         "input",      "parameters",  "when",          "skip_if",  "retry",      "timeout",   "on_error",
    "effect",       "for_each",   "parallel",    "min_success",   "provider", "model",      "outputs",   "cwd",
    "task",         "name",       "description", "version",       "persona",  "complexity", "loop",      "task_type",
    "singleClient", "backend_id", "backendId",   "single_client", "backend",  "data",       "clearance", "release",
    "approvals",    "sandbox",    "placement",   "files_in",      "files_out"};
const Names kEdge = {"from", "to", "description"};
const Names kLoop = {"id", "body", "max_attempts", "until", "on_exhausted", "description"};
const Names kCondition = {"node", "contains", "not_contains", "equals", "status", "input", "all_of", "any_of", "not"};
const Names kRetry = {"attempts", "backoff", "factor", "cap", "jitter", "on"};
const Names kTimeout = {"start_to_close", "queue", "schedule_to_close"};
const Names kInputParameters = {"prompt", "schema", "request", "timeout"};
const Names kSignalParameters = {"name", "timeout"};
const Names kWorkflowParameters = {"workflow"};
const Names kInput = {"type", "default", "description", "data"};
const Names kSandbox = {"profile",   "network", "env",       "read",       "write",
                        "memory_mb", "file_mb", "processes", "cpu_seconds"};
const Names kPlacement = {"labels", "prefer", "slots", "spread", "sticky", "slurm"};
const Names kSlurm = {"partition", "time", "cpus", "mem", "gpus", "account", "qos"};
const Names kEntryPoint = {"id",
                           "name",
                           "description",
                           "trigger",
                           "timer",
                           "webhook",
                           "event",
                           "file",
                           "isolation",
                           "priority",
                           "overflow",
                           "overlap",
                           "max_concurrent",
                           "max_queued",
                           "dedupe",
                           "timeout",
                           "budget",
                           "inputs",
                           "isolation_level",
                           "entry_node",
                           "trigger_type",
                           "trigger_config",
                           "retention",
                           "quota"};
const Names kRetention = {"runs", "age", "bytes"};
const Names kQuota = {"runs_per_hour", "runs_per_day", "cost_per_day", "stored_bytes"};
const Names kTimer = {"cron",     "every",    "time_zone",        "jitter",
                      "catch_up", "at_start", "interval_minutes", "run_immediately"};
const Names kWebhook = {"scheme", "secrets", "tolerance", "signature_header", "idempotency_header"};
const Names kEvent = {"types",       "workflow",      "stream",      "node",         "depth",
                      "event_types", "filter_stream", "filter_node", "filter_graph", "exclude_own_graph"};
const Names kFile = {"folder", "pattern", "settle"};
const Names kState = {"checkpoints", "shared"};
const Names kModelConfig = {"mode",
                            "preset",
                            "budget",
                            "provider_preferences",
                            "provider_preference",
                            "sampling_params",
                            "complexity_hints",
                            "model_tier_constraints",
                            "explainability",
                            "custom_providers",
                            "max_concurrency"};
const Names kBudget = {"max_per_task_usd", "max_workflow_usd", "max_all_runs_usd", "max_per_day_usd", "on_exhausted"};
const Names kOnExhausted = {"fail", "pause"};
const Names kPreferences = {"priority", "allowlist", "blocklist"};
const Names kSampling = {"temperature", "max_tokens", "top_p"};
const Names kExplainability = {"log_selection_reasoning", "log_cost_estimates"};
const Names kCustomProvider = {"endpoint",   "model_name", "type",    "auth_token",  "singleClient", "single_client",
                               "backend_id", "backendId",  "api_key", "api_version", "command",      "local"};
const Names kModelParameters = {"max_tokens",
                                "temperature",
                                "top_p",
                                "top_k",
                                "seed",
                                "stop",
                                "presence_penalty",
                                "frequency_penalty",
                                "reasoning_effort",
                                "thinking",
                                "verbosity",
                                "system",
                                "system_role",
                                "system_cache",
                                "tools",
                                "tool_choice",
                                "parallel_tool_calls",
                                "response_format",
                                "schema",
                                "repair",
                                "images",
                                "extra",
                                "chat_template_kwargs"};
const Names kTool = {"name", "description", "parameters", "strict", "type", "function"};
const Names kImage = {"path", "detail"};
const Names kConversation = {"messages", "prompt"};
const Names kTurn = {"role", "content", "tool_calls", "tool_call_id", "name", "is_error", "verbatim"};
const Names kContentPart = {"type", "text", "path", "detail"};

const Names kTools = {"model_call", "file_read", "file_write", "script_run",   "git_commit",
                      "checkpoint", "input",     "signal",     "workflow_run", "state"};
const Names kModelCallKeys = {
    "output",           "model",         "tokens_used", "provider",      "finish_reason",     "reasoning",
    "input_tokens",     "output_tokens", "error",       "cached_tokens", "cache_read_tokens", "cache_creation_tokens",
    "reasoning_tokens", "json",          "message",     "tool_calls"};
const Names kFileReadKeys = {"output", "file_path"};
const Names kScriptRunKeys = {"output", "error", "return_code"};
const Names kGitCommitKeys = {"output", "commit_message", "author", "return_code", "commit"};
const Names kWorkflowRunKeys = {"output", "outputs", "run", "status", "error"};
const Names kStateKeys = {"output", "value", "version", "versions", "found", "count", "conflict", "key"};
const Names kOutputOnly = {"output"};
const Names kAnyKey;
const Names kMapKeys = {"output", "results", "count", "failed"};
const Names kReserved = {"inputs", "item", "index", "prev"};
const Names kModes = {"explicit", "auto", "preset"};
const Names kPresets = {"minimize_cost", "balanced", "maximize_quality", "local_only"};
const Names kCustomTypes = {"ollama", "llamacpp", "custom", "anthropic", "google", "mistral", "openai", "script"};
const Names kComplexities = {"simple", "moderate", "complex", "critical"};

/// Of entry points and what is in them.
const Names& entry_fields(Section section) {
  switch (section) {
    case Section::entry_point:
      return kEntryPoint;
    case Section::retention:
      return kRetention;
    case Section::quota:
      return kQuota;
    case Section::timer:
      return kTimer;
    case Section::webhook:
      return kWebhook;
    case Section::event:
      return kEvent;
    case Section::file:
      return kFile;
    default:
      return kAnyKey;
  }
}

}  // namespace

const Names& fields_of(Section section) {
  switch (section) {
    case Section::workflow:
      return kWorkflow;
    case Section::graph:
      return kGraph;
    case Section::node:
      return kNode;
    case Section::edge:
      return kEdge;
    case Section::loop:
      return kLoop;
    case Section::condition:
      return kCondition;
    case Section::retry:
      return kRetry;
    case Section::timeout:
      return kTimeout;
    case Section::input:
      return kInput;
    case Section::state:
      return kState;
    case Section::model_config:
      return kModelConfig;
    case Section::budget:
      return kBudget;
    case Section::provider_preferences:
      return kPreferences;
    case Section::sampling_params:
      return kSampling;
    case Section::explainability:
      return kExplainability;
    case Section::custom_provider:
      return kCustomProvider;
    case Section::model_parameters:
      return kModelParameters;
    case Section::tool:
      return kTool;
    case Section::image:
      return kImage;
    case Section::conversation:
      return kConversation;
    case Section::turn:
      return kTurn;
    case Section::content_part:
      return kContentPart;
    case Section::sandbox:
      return kSandbox;
    case Section::placement:
      return kPlacement;
    case Section::slurm:
      return kSlurm;
    case Section::input_parameters:
      return kInputParameters;
    case Section::signal_parameters:
      return kSignalParameters;
    case Section::workflow_parameters:
      return kWorkflowParameters;
    case Section::state_parameters:
      return state::parameter_names();
    default:
      return entry_fields(section);
  }
}

bool is_private_field(std::string_view name) {
  return name.starts_with('_') || name.starts_with("x-") || name.starts_with('$');
}

const Names& tool_names() { return kTools; }

const Names& result_keys(std::string_view tool) {
  if (tool == "model_call") return kModelCallKeys;
  if (tool == "file_read") return kFileReadKeys;
  if (tool == "script_run") return kScriptRunKeys;
  if (tool == "git_commit") return kGitCommitKeys;
  if (tool == "workflow_run") return kWorkflowRunKeys;
  if (tool == "state") return kStateKeys;
  if (tool == "file_write" || tool == "checkpoint" || tool == "input" || tool == "signal") return kOutputOnly;
  return kAnyKey;
}

const Names& map_result_keys() { return kMapKeys; }
const Names& reserved_ids() { return kReserved; }
const Names& modes() { return kModes; }
const Names& presets() { return kPresets; }
const Names& complexities() { return kComplexities; }
const Names& on_exhausted() { return kOnExhausted; }
const Names& custom_provider_types() { return kCustomTypes; }

}  // namespace hillstar::workflow
