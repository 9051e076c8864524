// SPDX-License-Identifier: Apache-2.0
// Which blobs an event names: one answer for all who list, check or copy a run's blobs.
#pragma once

#include <string>
#include <vector>

#include "messages/events.hpp"

namespace hillstar::persistence {

/// SHA-256 names in hex, as the event gives them; they may repeat.
std::vector<std::string> blobs_named_by(const Event& event);

}  // namespace hillstar::persistence
