// SPDX-License-Identifier: Apache-2.0
// The documents among Hillstar's files: checkpoint, metadata, marker. For the hillstar_*.cpp files of this folder.
#pragma once

#include <string>

#include "messages/error.hpp"
#include "messages/value.hpp"
#include "runtime/run/hillstar_history.hpp"
#include "runtime/run/hillstar_trace.hpp"

namespace hillstar::run {

/// Blob bytes that one checkpoint file holds in full; blobs beyond it stay null and are listed under `blobs`.
inline constexpr std::uint64_t kCheckpointBlobBytesMax = 512ULL << 20U;

/// The state at the event that `history` took last, which is the CheckpointReached of `node`.
Result<std::string> checkpoint_text(const HillstarHistory& history, const NodeId& node, const ReadBlob& read_blob,
                                    std::uint64_t blob_bytes_max = kCheckpointBlobBytesMax);
/// How the run ended. `history` has taken the run's last event.
std::string metadata_text(const HillstarHistory& history, const HillstarPlaces& places);
/// `commit_ready.json` of a run that completed. `git`: where the workspace's repository stands, null if it is in none.
std::string marker_text(const HillstarHistory& history, const Json& git);

/// What stands above the first line of a log, and below the last.
std::string log_header(const HillstarHistory& history);
std::string log_footer(const HillstarHistory& history, const HillstarPlaces& places);

}  // namespace hillstar::run
