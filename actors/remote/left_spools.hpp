// SPDX-License-Identifier: Apache-2.0
// Folders of attempts that a host left behind: it died between the record of an end and the removal of the folder.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "actors/remote/slurm_spool.hpp"

namespace hillstar::actors {

/// Folders that one look reads; if there are more, the next process sees to them.
inline constexpr std::size_t kLeftSpoolsMax = 1'000;

/// Those below `root` that nobody needs any more: private, ours, holding the order whose name they bear, of an attempt
/// of a run of this store that was made elsewhere and whose end is in its history. What is not all of that stays.
/// @param in_use  folders that somebody looks after
std::vector<SlurmSpool> left_spools(const std::string& root, const persistence::EventStore& store,
                                    const std::set<std::string>& in_use);

}  // namespace hillstar::actors
