// SPDX-License-Identifier: Apache-2.0
// The rules of whoever runs workflows: what scripts may do, where data may go, whom an air-gapped run may reach. Pure.
//
// They stand in policy files: the site's, the user's and the project's. Where several say something, the strictest
// holds; a project, whose files come from elsewhere, can only make rules stricter.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"
#include "runtime/policy/secret_rules.hpp"

namespace hillstar::policy {

struct SandboxRules {
  bool allow_none = false;  ///< Nodes may switch their sandbox off.

  bool operator==(const SandboxRules&) const = default;
};
BOOST_DESCRIBE_STRUCT(SandboxRules, (), (allow_none))

struct AirGapRules {
  bool always = false;                                ///< Every run is air-gapped.
  bool allow_script_network = false;                  ///< `"network": true` holds in an air-gapped run too.
  bool allow_unconfined_scripts = false;              ///< Scripts run where the system cannot take the network away.
  std::optional<std::vector<std::string>> endpoints;  ///< `host:port`; absent: those on this machine and network.

  bool operator==(const AirGapRules&) const = default;
};
BOOST_DESCRIBE_STRUCT(AirGapRules, (), (always, allow_script_network, allow_unconfined_scripts, endpoints))

/// Clearances are classes: the highest that may go to a place.
struct DataRules {
  std::vector<std::string> classes;              ///< Lowest first, never empty.
  std::string cloud;                             ///< Of providers elsewhere that have no clearance of their own.
  std::string near;                              ///< Of providers on this machine or network.
  std::map<std::string, std::string> providers;  ///< By name.
  std::map<std::string, std::string> tools;      ///< By name, such as `script_run`; others: the highest.
  std::map<std::string, std::string> files;      ///< Pattern of paths -> class of what is in them.
  std::uint32_t approvals = 1;                   ///< Different people who let data go beyond a clearance.
  std::vector<std::string> approvers;            ///< Who may; empty: whoever may use the store.

  bool operator==(const DataRules&) const = default;
};
BOOST_DESCRIBE_STRUCT(DataRules, (), (classes, cloud, near, providers, tools, files, approvals, approvers))

struct Rules {
  SandboxRules sandbox;
  AirGapRules air_gap;
  DataRules data;
  std::vector<std::string> redact;  ///< Optional redaction rules that are on, by name.
  std::vector<std::string> files;   ///< Where they were read, in the order of precedence.

  bool operator==(const Rules&) const = default;
};
BOOST_DESCRIBE_STRUCT(Rules, (), (sandbox, air_gap, data, redact, files))

/// Where a policy file stands; the first two belong to whoever operates the machine.
enum class PolicyPlace { site, user, project };
struct PolicyText {
  PolicyPlace place = PolicyPlace::user;
  std::string file;
  std::string text;
};
inline constexpr std::size_t kPolicyBytesMax = 1U << 20U;

/// Errors: policy_invalid, with file and JSON pointer, for a text that does not parse, an unknown or ill-typed field,
/// an unknown class, or a project that loosens what only an operator may.
Result<Rules> read_rules(const std::vector<PolicyText>& texts);
/// Those that hold where nobody gave any.
const Rules& default_rules();

/// What both allow, of all that is asked where an attempt is made; the rest is the first one's.
Rules strictest(Rules rules, const Rules& other);

/// Which redaction rules an environment and the rules choose together; `rules` null: the environment alone.
RuleChoice rule_choice(const std::vector<std::string>& environment, const Rules* rules);

/// Place of a class among the rules' classes; nothing if there is no such class.
std::optional<std::size_t> rank_of(const DataRules& rules, std::string_view data_class);

/// Canonical JSON, which is hashed and stored.
std::string to_text(const Rules& rules);
/// Errors: record_corrupt.
Result<Rules> rules_from_text(std::string_view text);

}  // namespace hillstar::policy
