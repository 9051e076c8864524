// SPDX-License-Identifier: Apache-2.0
// Whether a provider answers here: asked for the list of its models, or for a word. Keys are sent, never shown.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "messages/failure.hpp"
#include "runtime/platform/clock.hpp"
#include "runtime/policy/model_choice.hpp"

namespace hillstar::cli {

struct ProbeOptions {
  std::string model;  ///< The one that is wanted; empty: the provider's default.
  bool call = false;  ///< Ask it for a word, which may cost money.
  /// True: stop waiting. Asked often. Null: never.
  std::function<bool()> stop = nullptr;
};

/// What was found out about one provider.
struct Probe {
  std::string name;
  std::optional<policy::Backend> backend;
  std::optional<Failure> failure;     ///< Why it cannot be used.
  std::optional<std::size_t> models;  ///< Absent: it cannot list them.
  std::optional<bool> has_model;      ///< Absent: none is wanted, or nobody knows.
  std::string note;
  Millis took{0};
  std::optional<std::string> reply;  ///< Of `--call`.
};

/// Asks one provider after the other; blocks, with limits of time. One thread.
class Prober {
 public:
  /// The registry and the clock must outlive it.
  Prober(const Clock& clock, const policy::Registry& registry, std::vector<std::string> environment);
  ~Prober();
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  Probe test(const std::string& provider, const ProbeOptions& options);

 private:
  class Tester;
  std::unique_ptr<Tester> tester_;
};

/// `ok`, `not set up`, `not authorised`, `not installed`, `unreachable` or `failed`.
std::string state_of(const Probe& probe);
/// What else is known, on one line.
std::string words_of(const Probe& probe);
/// Those asked for, or else all but other names of one and those whose key is not here.
std::vector<std::string> names_to_test(const policy::Registry& registry, const std::vector<std::string>& asked,
                                       const std::vector<std::string>& environment);
/// `program` as the system would start it, or empty.
std::string found_in_path(const std::string& program, const std::vector<std::string>& environment);

}  // namespace hillstar::cli
