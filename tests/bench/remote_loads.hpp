// SPDX-License-Identifier: Apache-2.0
// What it costs that another process makes the steps, over mutual TLS on loopback.
#pragma once

#include <string>
#include <vector>

namespace hillstar::bench {

/// One worker: time of a step beside one that is made here, and steps a second.
void remote_steps(const std::string& folder);
/// Memory and CPU of a host that has so many workers and nothing to do.
void idle_workers(const std::string& folder, int count);
/// A process that is workers of a host: what this program does if it is called with --as-workers. Ends with its input.
int be_workers(const std::vector<std::string>& arguments);

}  // namespace hillstar::bench
