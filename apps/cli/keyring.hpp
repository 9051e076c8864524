// SPDX-License-Identifier: Apache-2.0
// Keys in the desktop's keyring, asked for with a limit of time.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"

namespace hillstar::cli {

/// Blocks; one question starts one short process. Values are never arguments.
/// Errors of all: not_found if there is no keyring here; io if it is locked, refuses, or does not answer.
class Keyring {
 public:
  explicit Keyring(const std::vector<std::string>& environment);

  /// False, at once, where there is no session bus, or the setting `keyring` says never.
  [[nodiscard]] bool may_be_there() const { return why_not_.empty(); }
  [[nodiscard]] const std::string& why_not() const { return why_not_; }

  struct Found {
    std::map<std::string, std::string> values;  ///< By user name; those that are there and open.
    std::vector<std::string> names;             ///< All of the service.
    std::vector<std::string> locked;            ///< Of those, what nobody can read before the keyring is unlocked.
  };
  /// Never asks the person; ends after three seconds.
  [[nodiscard]] Result<Found> find(const std::vector<std::string>& users) const;
  /// These two may make the desktop ask for the keyring's password, for a minute.
  [[nodiscard]] Result<void> keep(const std::string& user, const std::string& value) const;
  [[nodiscard]] Result<bool> remove(const std::string& user) const;

 private:
  std::vector<std::string> environment_;  ///< What the bus is found by, and no more.
  std::string why_not_;
};

/// The user name of a variable's item: Hillstar's for its four providers, else the variable's own.
std::string keyring_user(std::string_view variable);
/// The other way round.
std::string variable_of_user(std::string_view user);

}  // namespace hillstar::cli
