// SPDX-License-Identifier: Apache-2.0
// The bearer tokens of a store: which there are, and whose a given one is. The file holds hashes only.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "apps/http/exchange.hpp"
#include "messages/error.hpp"
#include "messages/units.hpp"

namespace hillstar::http {

inline constexpr std::size_t kTokensMax = 1'000;
inline constexpr std::size_t kTokenNameMax = 64;
inline constexpr std::string_view kTokenPrefix = "hsa_";

struct TokenRow {
  std::string id;      ///< For people; says nothing about the token.
  std::string name;    ///< Unique in its store.
  std::string sha256;  ///< Of the token's text, in hexadecimal.
  Scope scope = Scope::read;
  UtcTime created_at;
  std::optional<UtcTime> expires_at;  ///< Absent: never.
};

std::string_view scope_name(Scope scope);
/// read, operate, admin; nothing for other words.
std::optional<Scope> scope_of(std::string_view name);
/// Letters, digits, `.`, `_` and `-`, at most 64.
bool is_token_name(std::string_view name);

/// `hsa_` and 43 characters: 256 bits that nobody can guess.
std::string new_token();
/// Eight characters.
std::string new_token_id();
/// The row's `sha256` of a token.
std::string hash_of_token(std::string_view token);

/// Errors: io, with what is wrong in the file `path`.
Result<std::vector<TokenRow>> tokens_from(std::string_view text, const std::string& path);
std::string to_text(const std::vector<TokenRow>& rows);
/// Where a store keeps them.
std::string tokens_path(const std::string& store_folder);

/// The token file of a store that is served. Thread-safe.
class TokenFile {
 public:
  enum class Refusal { unknown, expired };

  explicit TokenFile(std::string path) : path_(std::move(path)) {}

  /// Whose token this is. Reads the file again if it is not the one that was read last. Compares with each row, and all
  /// of it, however early they differ.
  std::variant<TokenRow, Refusal> find(std::string_view token, UtcTime now);
  /// False once the token with this id was revoked, or has expired.
  bool holds(const std::string& id, UtcTime now);
  /// Why no token is accepted: the file cannot be read, is damaged, or others may write it.
  std::optional<Error> trouble();

 private:
  struct Stamp {
    dev_t device = 0;
    ino_t file = 0;
    off_t size = -1;
    std::int64_t changed_ns = 0;
    std::int64_t modified_ns = 0;

    bool operator==(const Stamp&) const = default;
  };
  void refresh();

  std::mutex mutex_;
  std::string path_;
  std::optional<Stamp> seen_;
  std::vector<TokenRow> rows_;
  std::optional<Error> trouble_;
};

}  // namespace hillstar::http
