// SPDX-License-Identifier: Apache-2.0
// token create, ls, revoke: who may ask a served store. The text of a token is shown once, and kept nowhere.
#include <algorithm>
#include <boost/json.hpp>

#include "apps/cli/environment.hpp"
#include "apps/cli/private_file.hpp"
#include "apps/cli/serve_commands.hpp"
#include "apps/cli/span.hpp"
#include "apps/cli/text.hpp"
#include "apps/http/tokens.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;
using http::TokenRow;
using Rows = std::vector<TokenRow>;

Json object_of(const TokenRow& row, UtcTime now) {
  bj::object object{{"id", row.id},
                    {"name", row.name},
                    {"scope", std::string(http::scope_name(row.scope))},
                    {"created_at", to_rfc3339(row.created_at)},
                    {"expires_at", row.expires_at ? bj::value(to_rfc3339(*row.expires_at)) : bj::value(nullptr)},
                    {"expired", row.expires_at && *row.expires_at <= now}};
  return Json::of(object);
}

/// Reads the rows, lets `change` change them, and writes them back in one step.
Result<void> change_rows(const std::string& path, const std::function<Result<void>(Rows&)>& change) {
  return change_private_file(path, [&](const auto& text) -> Result<std::optional<std::string>> {
    Rows rows;
    if (text) {
      HILLSTAR_TRY(rows, http::tokens_from(*text, path));
    }
    HILLSTAR_CHECK(change(rows));
    return std::optional(http::to_text(rows));
  });
}

Result<Rows> read_rows(const std::string& path) {
  const auto text = read_file(path, Errc::io, kPrivateFileBytesMax);
  if (!text && text.error().code == Errc::not_found) return Rows();
  if (!text) return text.error();
  return http::tokens_from(*text, path);
}

Result<Exit> create(Context& context, const TokenArgs& args, const std::string& path) {
  const auto now = context.clock.utc_now();
  TokenRow row{http::new_token_id(), args.name, {}, *http::scope_of(args.scope), now, std::nullopt};
  if (!http::is_token_name(row.name))
    return Error{Errc::usage, "A token needs a name of letters, digits, '.', '_' and '-', at most 64.", "--name",
                 "Call it after who will have it, such as --name ci."};
  if (args.expires != "never") {
    HILLSTAR_TRY(const auto span, span_of(args.expires));
    if (span.count() == 0) return Error{Errc::usage, "A token that ends at once is of no use.", "--expires", {}};
    row.expires_at = now + span;
  }
  const auto token = http::new_token();
  row.sha256 = http::hash_of_token(token);
  HILLSTAR_CHECK(change_rows(path, [&](Rows& rows) -> Result<void> {
    if (std::any_of(rows.begin(), rows.end(), [&](const TokenRow& other) { return other.name == row.name; }))
      return Error{Errc::usage, "There is a token '" + row.name + "' already.", path,
                   "Give another name, or `hillstar-actors token revoke " + row.name + "` first."};
    if (rows.size() >= http::kTokensMax)
      return Error{Errc::usage, "There are too many tokens.", path, "Revoke some that nobody uses."};
    rows.push_back(row);
    return {};
  }));
  if (context.output.is_json()) {
    auto object = object_of(row, now).value().as_object();
    object["token"] = token;
    context.output.data(Json::of(object));
    return Exit::done;
  }
  context.output.data(token);
  context.output.say("Token " + row.name + " (" + row.id + ") allows " + args.scope +
                     (row.expires_at ? " until " + short_time(*row.expires_at) : "") + ". It is not shown again.");
  return Exit::done;
}

Result<Exit> list(Context& context, const std::string& path) {
  HILLSTAR_TRY(const auto rows, read_rows(path));
  auto& output = context.output;
  const auto now = context.clock.utc_now();
  if (output.format() == Format::json) {
    bj::array array;
    for (const auto& row : rows) array.push_back(object_of(row, now).value());
    output.data(Json::of(array));
  } else if (output.format() == Format::jsonl) {
    for (const auto& row : rows) output.data(object_of(row, now));
  } else if (rows.empty()) {
    output.say("There is no token; `hillstar-actors token create --name NAME` makes one.");
  } else {
    std::vector<std::vector<std::string>> cells{{"ID", "NAME", "SCOPE", "CREATED", "EXPIRES"}};
    for (const auto& row : rows) {
      const bool expired = row.expires_at && *row.expires_at <= now;
      const auto end = row.expires_at ? short_time(*row.expires_at) : std::string("never");
      cells.push_back({row.id, row.name, std::string(http::scope_name(row.scope)), short_time(row.created_at),
                       expired ? "expired" : end});
    }
    for (const auto& line : table(cells)) output.data(line);
  }
  return Exit::done;
}

Result<Exit> revoke(Context& context, const TokenArgs& args, const std::string& path) {
  if (args.which.empty()) return Error{Errc::usage, "Which token?", "TOKEN", "`hillstar-actors token ls` lists them."};
  HILLSTAR_TRY(const auto present, read_rows(path));
  if (present.empty()) return Error{Errc::not_found, "There is no token.", path, {}};
  HILLSTAR_CHECK(change_rows(path, [&](Rows& rows) -> Result<void> {
    // A name goes before an id: nobody can take a token's place by choosing its id for a name.
    const auto is = [&](const TokenRow& row) { return row.name == args.which; };
    auto found = std::find_if(rows.begin(), rows.end(), is);
    if (found == rows.end())
      found = std::find_if(rows.begin(), rows.end(), [&](const TokenRow& row) { return row.id == args.which; });
    if (found == rows.end())
      return Error{Errc::not_found, "There is no token '" + args.which + "'.", path,
                   "`hillstar-actors token ls` lists them."};
    rows.erase(found);
    return {};
  }));
  context.output.say("Token " + visible(args.which) + " is revoked; whoever has it gets no further.");
  return Exit::done;
}

}  // namespace

Result<Exit> manage_tokens(Context& context, const TokenArgs& args) {
  const auto path = http::tokens_path(context.store);
  if (args.what == "create") return create(context, args, path);
  if (args.what == "revoke") return revoke(context, args, path);
  return list(context, path);
}

}  // namespace hillstar::cli
