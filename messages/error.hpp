// SPDX-License-Identifier: Apache-2.0
// Errors as values: a public number, one sentence, the place, and what to do about it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace hillstar {

/// Public error numbers. Printed as `HS112`; each has a page under docs/errors.
/// A number is never reused or given another meaning.
enum class Errc : std::uint16_t {
  // 1xx workflow files and JSON
  json_syntax = 100,
  json_duplicate_key = 101,
  json_number = 102,
  json_too_deep = 103,
  json_encoding = 104,
  json_type = 105,
  json_too_large = 106,
  workflow_invalid = 110,
  workflow_file = 111,
  reference = 112,
  inputs_invalid = 113,
  // 2xx store
  store_open = 200,
  store_version = 201,
  store_truncated = 202,
  store_write = 203,
  store_conflict = 204,
  store_busy = 205,
  record_corrupt = 210,
  chain_broken = 211,
  blob_missing = 212,
  run_not_found = 220,
  run_ambiguous = 221,
  run_state = 222,
  replay_differs = 223,
  // 3xx governance
  permission_denied = 300,
  path_refused = 301,
  approval_needed = 302,
  policy_invalid = 303,
  terms_not_accepted = 304,
  data_refused = 305,
  air_gapped = 306,
  sandbox_refused = 307,
  credential_found = 308,
  // 4xx providers
  provider_unknown = 400,
  provider_config = 401,
  provider_failed = 402,
  // 5xx tools
  tool_failed = 500,
  tool_unknown = 501,
  tool_parameters = 502,
  output_limit = 503,
  io = 504,
  // 6xx workers
  worker_unreachable = 600,
  certificate_invalid = 601,
  join_refused = 602,
  worker_refused = 603,
  placement_impossible = 604,
  blob_transfer = 605,
  worker_workspace = 606,
  // 7xx command line and host
  usage = 700,
  not_found = 701,
  host_unreachable = 702,
  host_protocol = 703,
  host_closed = 704,
  // 8xx the service and its streams
  stream_full = 800,
  stream_held = 801,
  stream_invalid = 802,
  draining = 803,
  unauthenticated = 804,
  forbidden = 805,
  too_large = 806,
  rate_limited = 807,
  disk_full = 808,
  depth_exceeded = 809,
  signature_invalid = 810,
  input_unknown = 811,
  state_conflict = 812,
  // 9xx bugs
  internal = 900,
  // ... and what the operating system refuses
  system_limit = 901,
};

/// What went wrong, for a person. Never holds a secret.
struct Error {
  Errc code = Errc::internal;
  std::string message;  ///< One sentence: what happened and what was expected.
  std::string where;    ///< File with line, JSON pointer, key or run; may be empty.
  std::string hint;     ///< The next thing to do; may be empty.

  Error(Errc code_, std::string message_, std::string where_ = {}, std::string hint_ = {})
      : code(code_), message(std::move(message_)), where(std::move(where_)), hint(std::move(hint_)) {}
};

/// `HS112`.
std::string number(Errc code);
/// `HS112 at plan.json:4:7: sentence. Hint.` Meant for stderr and for logs.
std::string to_string(const Error& error);

/// A value or an Error. Same names as std::expected, which replaces it in C++23.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit

  [[nodiscard]] bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  /// By value: `for (auto& x : *read())` must not outlive what it walks.
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

  T value_or(T other) const { return has_value() ? value() : std::move(other); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT: implicit

  [[nodiscard]] bool has_value() const { return ok_; }
  explicit operator bool() const { return ok_; }
  const Error& error() const { return error_; }

 private:
  Error error_{Errc::internal, {}};
  bool ok_ = true;
};

/// Thrown for bugs only: a broken invariant stops one run, never the process.
struct InvariantError {
  std::string message;
};
[[noreturn]] void invariant_failed(std::string_view expression, const char* file, int line);

}  // namespace hillstar

/// Checked in release builds too.
#define HILLSTAR_ASSERT(expression)                                                   \
  do {                                                                                \
    if (!(expression)) ::hillstar::invariant_failed(#expression, __FILE__, __LINE__); \
  } while (false)

#define HILLSTAR_CONCAT_(a, b) a##b
#define HILLSTAR_CONCAT(a, b) HILLSTAR_CONCAT_(a, b)
/// `HILLSTAR_TRY(auto plan, compile(...));` returns the error to the caller, or goes on with the value.
#define HILLSTAR_TRY(declaration, expression)                                                            \
  auto HILLSTAR_CONCAT(result_, __LINE__) = (expression);                                                \
  if (!HILLSTAR_CONCAT(result_, __LINE__)) return std::move(HILLSTAR_CONCAT(result_, __LINE__)).error(); \
  declaration = std::move(HILLSTAR_CONCAT(result_, __LINE__)).value()
/// The same for Result<void>.
#define HILLSTAR_CHECK(expression)                                     \
  do {                                                                 \
    if (auto checked = (expression); !checked) return checked.error(); \
  } while (false)
