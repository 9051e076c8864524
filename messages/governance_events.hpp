// SPDX-License-Identifier: Apache-2.0
// Facts about people and limits: who was asked, what they let happen, whom an air-gapped run reached. Part of
// events.hpp.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "messages/ids.hpp"

namespace hillstar {

/// Data of a class that would go where less is allowed.
struct Release {
  std::string data;               ///< Its class,
  std::string clearance;          ///< and the highest that may go there.
  std::string to;                 ///< `provider 'x'` or `node 'y'`.
  std::vector<std::string> path;  ///< From where the class was declared, such as `inputs.patients`, to the node.

  bool operator==(const Release&) const = default;
};
BOOST_DESCRIBE_STRUCT(Release, (), (data, clearance, to, path))

/// The node waits until enough different people have approved it, or one has rejected it.
struct ApprovalRequested {
  NodeId node;
  std::string prompt;
  std::optional<std::uint32_t> approvals = {};  ///< How many must approve; absent: one.
  std::optional<Release> release = {};          ///< What they answer for, beside the node itself.
  std::vector<std::string> approvers = {};      ///< Who may answer; empty: whoever may use the store.
};
BOOST_DESCRIBE_STRUCT(ApprovalRequested, (), (node, prompt, approvals, release, approvers))

struct ApprovalAnswered {
  NodeId node;
  bool approved = false;
  std::string who;
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(ApprovalAnswered, (), (node, approved, who, reason))

/// A connection to an endpoint, made or refused, for an attempt of an air-gapped run.
struct ConnectionAttempted {
  NodeId node;
  std::optional<std::uint32_t> item;
  std::uint32_t attempt = 1;
  std::string endpoint;                ///< `host:port` as it was configured.
  std::optional<std::string> address;  ///< What it stood for; absent: it was refused before that was asked.
  bool allowed = false;
  std::optional<std::string> failure;  ///< Why it was refused, or why it failed.
};
BOOST_DESCRIBE_STRUCT(ConnectionAttempted, (), (node, item, attempt, endpoint, address, allowed, failure))

}  // namespace hillstar
