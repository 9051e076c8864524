// SPDX-License-Identifier: Apache-2.0
#include "apps/http/tokens.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <set>
#include <utility>

#include "apps/cli/environment.hpp"
#include "apps/cli/private_file.hpp"
#include "messages/json_codec.hpp"
#include "runtime/platform/base64.hpp"
#include "runtime/platform/file_access.hpp"
#include "runtime/platform/hash.hpp"
#include "runtime/platform/random.hpp"

namespace hillstar::http {
namespace {

namespace bj = boost::json;

constexpr std::size_t kTokenRandomBytes = 32;
constexpr std::size_t kIdRandomBytes = 4;
constexpr std::array<std::pair<Scope, std::string_view>, 3> kScopes{
    {{Scope::read, "read"}, {Scope::operate, "operate"}, {Scope::admin, "admin"}}};

/// As in the file.
struct StoredToken {
  UtcTime created_at;
  std::optional<UtcTime> expires_at;
  std::string id;
  std::string name;
  std::string scope;
  std::string sha256;
};
BOOST_DESCRIBE_STRUCT(StoredToken, (), (created_at, expires_at, id, name, scope, sha256))

struct StoredTokens {
  std::vector<StoredToken> tokens;
};
BOOST_DESCRIBE_STRUCT(StoredTokens, (), (tokens))

bool is_sha256(std::string_view text) {
  return text.size() == 2 * std::tuple_size_v<Sha256> && text.find_first_not_of("0123456789abcdef") == text.npos;
}

std::int64_t nanoseconds(const timespec& time) { return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

bool has_expired(const TokenRow& row, UtcTime now) { return row.expires_at && *row.expires_at <= now; }

}  // namespace

std::string_view scope_name(Scope scope) {
  for (const auto& [value, name] : kScopes)
    if (value == scope) return name;
  return "none";
}

std::optional<Scope> scope_of(std::string_view name) {
  for (const auto& [value, text] : kScopes)
    if (text == name) return value;
  return std::nullopt;
}

bool is_token_name(std::string_view name) {
  return !name.empty() && name.size() <= kTokenNameMax && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

std::string new_token() { return std::string(kTokenPrefix) + base64url(random_bytes(kTokenRandomBytes)); }

std::string new_token_id() { return to_hex(sha256(random_bytes(kTokenRandomBytes))).substr(0, 2 * kIdRandomBytes); }

std::string hash_of_token(std::string_view token) { return sha256_hex(token); }

Result<std::vector<TokenRow>> tokens_from(std::string_view text, const std::string& path) {
  const auto damaged = [&](const std::string& why) {
    return Error{Errc::io, "The token file is damaged: " + why + ".", path,
                 "Remove it, and make new tokens with `hillstar-actors token create`."};
  };
  const auto parsed = json::parse(text);
  if (!parsed) return damaged(parsed.error().message);
  auto stored = json::read<StoredTokens>(*parsed, "");
  if (!stored) return damaged(stored.error().message);
  if (stored->tokens.size() > kTokensMax) return damaged("there are too many tokens");
  std::vector<TokenRow> rows;
  std::set<std::string> names;
  for (auto& token : stored->tokens) {
    const auto scope = scope_of(token.scope);
    if (!scope || !is_sha256(token.sha256) || !is_token_name(token.name) || token.id.empty())
      return damaged("a token of it is none");
    if (!names.insert(token.name).second) return damaged("two tokens have the same name");
    rows.push_back({std::move(token.id), std::move(token.name), std::move(token.sha256), *scope, token.created_at,
                    token.expires_at});
  }
  return rows;
}

std::string to_text(const std::vector<TokenRow>& rows) {
  StoredTokens stored;
  for (const auto& row : rows)
    stored.tokens.push_back(
        {row.created_at, row.expires_at, row.id, row.name, std::string(scope_name(row.scope)), row.sha256});
  std::string text;
  json::write(text, stored);
  return text + "\n";
}

std::string tokens_path(const std::string& store_folder) { return store_folder + "/tokens.json"; }

void TokenFile::refresh() {
  struct stat found {};
  Stamp stamp;
  if (::stat(path_.c_str(), &found) == 0) {
    stamp = {found.st_dev, found.st_ino, found.st_size, nanoseconds(found.st_ctim), nanoseconds(found.st_mtim)};
  } else if (errno != ENOENT) {
    trouble_ = io_error(errno, "read", path_);
    rows_.clear();
    seen_.reset();
    return;
  }
  if (seen_ == stamp) return;
  seen_ = stamp;
  rows_.clear();
  trouble_.reset();
  if (stamp.size < 0) return;  // No file, no tokens.
  if (const auto open = cli::too_open(path_)) {
    trouble_ = Error{Errc::permission_denied, "The tokens are not used: " + *open + ".", path_, {}};
    return;
  }
  const auto text = cli::read_file(path_, Errc::io, cli::kPrivateFileBytesMax);
  auto rows = text ? tokens_from(*text, path_) : Result<std::vector<TokenRow>>(text.error());
  if (rows)
    rows_ = std::move(rows).value();
  else
    trouble_ = rows.error();
}

std::variant<TokenRow, TokenFile::Refusal> TokenFile::find(std::string_view token, UtcTime now) {
  const auto hash = hash_of_token(token);
  const std::lock_guard lock(mutex_);
  refresh();
  const TokenRow* found = nullptr;
  for (const auto& row : rows_)
    if (row.sha256 == hash) found = &row;  // how long this takes tells of the hash, and so of no token
  if (found == nullptr) return Refusal::unknown;
  if (has_expired(*found, now)) return Refusal::expired;
  return *found;
}

bool TokenFile::holds(const std::string& id, UtcTime now) {
  const std::lock_guard lock(mutex_);
  refresh();
  return std::any_of(rows_.begin(), rows_.end(),
                     [&](const TokenRow& row) { return row.id == id && !has_expired(row, now); });
}

std::optional<Error> TokenFile::trouble() {
  const std::lock_guard lock(mutex_);
  refresh();
  return trouble_;
}

}  // namespace hillstar::http
