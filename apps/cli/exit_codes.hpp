// SPDX-License-Identifier: Apache-2.0
// The public exit codes. A number is never given another meaning; docs/reference/cli.md lists them.
#pragma once

#include "messages/error.hpp"

namespace hillstar::cli {

enum class Exit : int {
  done = 0,
  run_failed = 1,
  usage = 2,
  invalid_workflow = 3,
  not_found = 4,
  wrong_state = 5,
  refused = 6,
  budget = 7,  ///< A budget of the workflow, or a provider's quota, is exhausted.
  waits = 8,   ///< For a person, or paused.
  integrity = 9,
  unreachable = 10,
  cancelled = 11,
  internal = 70,
  system = 71,  ///< The operating system refused memory, a thread or a descriptor.
  storage = 74,
  timeout = 124,
  interrupted = 130,  ///< SIGINT; the run stays resumable.
  terminated = 143,   ///< SIGTERM; the run stays resumable.
};

/// The same for errors of the service and its streams.
constexpr Exit exit_of_service(Errc code) {
  switch (code) {
    case Errc::stream_invalid:
      return Exit::invalid_workflow;
    case Errc::disk_full:
    case Errc::worker_workspace:
      return Exit::storage;
    case Errc::stream_full:
    case Errc::stream_held:
    case Errc::input_unknown:
    case Errc::state_conflict:
      return Exit::wrong_state;
    case Errc::forbidden:
    case Errc::depth_exceeded:
    case Errc::signature_invalid:
      return Exit::refused;
    case Errc::placement_impossible:
    case Errc::blob_transfer:
      return Exit::run_failed;
    case Errc::worker_unreachable:
    case Errc::certificate_invalid:
    case Errc::join_refused:
    case Errc::worker_refused:
    case Errc::draining:
    case Errc::unauthenticated:
    case Errc::rate_limited:
      return Exit::unreachable;
    case Errc::too_large:
      return Exit::usage;
    default:
      return Exit::internal;
  }
}

/// The exit code that stands for an error.
constexpr Exit exit_of(Errc code) {
  switch (code) {
    case Errc::json_syntax:
    case Errc::json_duplicate_key:
    case Errc::json_number:
    case Errc::json_too_deep:
    case Errc::json_encoding:
    case Errc::json_type:
    case Errc::json_too_large:
    case Errc::workflow_invalid:
    case Errc::workflow_file:
    case Errc::reference:
    case Errc::tool_unknown:
    case Errc::tool_parameters:
    case Errc::inputs_invalid:
      return Exit::invalid_workflow;
    case Errc::store_open:
    case Errc::store_version:
    case Errc::store_write:
    case Errc::io:
      return Exit::storage;
    case Errc::store_conflict:
    case Errc::run_state:
      return Exit::wrong_state;
    case Errc::store_truncated:
    case Errc::record_corrupt:
    case Errc::chain_broken:
    case Errc::blob_missing:
    case Errc::replay_differs:
      return Exit::integrity;
    case Errc::run_not_found:
    case Errc::not_found:
      return Exit::not_found;
    case Errc::permission_denied:
    case Errc::path_refused:
    case Errc::policy_invalid:
    case Errc::terms_not_accepted:
    case Errc::data_refused:
    case Errc::air_gapped:
    case Errc::sandbox_refused:
    case Errc::credential_found:
      return Exit::refused;
    case Errc::approval_needed:
      return Exit::waits;
    case Errc::provider_unknown:
    case Errc::provider_config:
    case Errc::provider_failed:
    case Errc::tool_failed:
    case Errc::output_limit:
      return Exit::run_failed;
    case Errc::run_ambiguous:
    case Errc::usage:
      return Exit::usage;
    case Errc::store_busy:
    case Errc::host_unreachable:
    case Errc::host_protocol:
    case Errc::host_closed:
      return Exit::unreachable;
    case Errc::internal:
      return Exit::internal;
    case Errc::system_limit:
      return Exit::system;
    default:
      return exit_of_service(code);
  }
}

}  // namespace hillstar::cli
