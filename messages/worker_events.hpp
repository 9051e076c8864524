// SPDX-License-Identifier: Apache-2.0
// Facts about where attempts were made, and why they were not made yet. Part of events.hpp.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "messages/ids.hpp"

namespace hillstar {

/// The machine that made an attempt: a worker, or a job of a cluster.
struct MadeBy {
  std::string worker;                      ///< As its certificate says; of a cluster: `slurm`.
  std::optional<std::string> fingerprint;  ///< SHA-256 of that certificate, hex.
  std::optional<std::string> job;          ///< Of a cluster: the id of the job.

  bool operator==(const MadeBy&) const = default;
};
BOOST_DESCRIBE_STRUCT(MadeBy, (), (worker, fingerprint, job))

/// No machine can make the attempt at the moment. Said when that has lasted a while, and when the reason changes.
struct NodeWaitsForPlace {
  NodeId node;
  std::optional<std::uint32_t> item;
  std::uint32_t attempt = 1;
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(NodeWaitsForPlace, (), (node, item, attempt, reason))

}  // namespace hillstar
