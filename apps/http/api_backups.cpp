// SPDX-License-Identifier: Apache-2.0
// POST /v1/backups: a backup of the store, made and checked where the store is, below a folder that the host allows.
#include <algorithm>
#include <boost/describe.hpp>

#include "apps/cli/backup_view.hpp"
#include "apps/cli/version.hpp"
#include "apps/http/api_context.hpp"
#include "apps/http/hand.hpp"

namespace hillstar::http {
namespace {

constexpr std::size_t kNameBytesMax = 100;

struct BackupAsked {
  std::string name;
  bool verify = false;  ///< The one that is there.
};
BOOST_DESCRIBE_STRUCT(BackupAsked, (), (name, verify))

/// One part of a path that leads nowhere but down.
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameBytesMax && text.front() != '.' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                  c == '.';
         });
}

Result<BackupAsked> asked_by(const Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {}));
  HILLSTAR_TRY(auto asked, body<BackupAsked>(request));
  if (api.parts.backups.empty())
    return Error{Errc::forbidden, "This service makes no backups.", {}, "It is started with `serve --backups DIR`."};
  if (!is_name(asked.name))
    return Error{Errc::usage, "A backup's name has 1 to 100 letters, digits, dots, - and _, and begins with no dot.",
                 "/name", "For example 2026-11-22."};
  return asked;
}

Result<Json> back_up(const Api& api, const BackupAsked& asked) {
  const auto folder = api.parts.backups + "/" + asked.name;
  if (asked.verify) {
    HILLSTAR_TRY(const auto manifest, persistence::check_backup(folder, cli::history_folds));
    return cli::backup_document(manifest, folder);
  }
  const persistence::BackupMaker maker{std::string(cli::engine_name()), api.parts.clock->utc_now(), cli::history_folds};
  HILLSTAR_TRY(const auto manifest, persistence::make_backup(api.parts.store_folder, folder, maker));
  return cli::backup_document(manifest, folder);
}

}  // namespace

std::vector<Route> backup_routes(const ApiPtr& api) {
  const auto hand = std::make_shared<Hand>();
  return {{"POST", "/v1/backups", Scope::admin, kSmallBodyMax,
           [api, hand](const RequestPtr& request, const AnswerPtr& answer) {
             const auto asked = asked_by(*api, *request);
             if (!asked) return answer->send(problem(asked.error()));
             const bool taken = hand->take([api, asked = *asked, answer] {
               const auto made = back_up(*api, asked);
               answer->send(made ? json_response(*made) : problem(made.error()));
             });
             if (!taken)
               answer->send(problem({Errc::run_state, "A backup is under way already.", {}, "Ask again later."}));
           }}};
}

}  // namespace hillstar::http
