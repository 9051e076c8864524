// SPDX-License-Identifier: Apache-2.0
// What a run is told: cancel, pause, resume, approve, reject, settle. Who says it is the principal of the request.
#include <boost/describe.hpp>

#include "apps/cli/protocol.hpp"
#include "apps/cli/run_words.hpp"
#include "apps/http/api_context.hpp"
#include "runtime/run/run.hpp"

namespace hillstar::http {
namespace {

namespace bj = boost::json;
using cli::Word;
using cli::WordKind;

constexpr std::size_t kReasonBytesMax = 4 * 1024;

struct Reason {
  std::optional<std::string> reason;
};
BOOST_DESCRIBE_STRUCT(Reason, (), (reason))

struct Pause {
  std::optional<std::string> reason;
  bool interrupt = false;  ///< What runs is stopped, too.
};
BOOST_DESCRIBE_STRUCT(Pause, (), (reason, interrupt))

struct Resume {
  std::optional<std::string> reason;
  std::optional<MicroUsd> budget;
};
BOOST_DESCRIBE_STRUCT(Resume, (), (reason, budget))

struct Answered {
  std::string node;
  std::optional<std::string> reason;
};
BOOST_DESCRIBE_STRUCT(Answered, (), (node, reason))

struct Settle {
  std::string node;  ///< `deploy`, or `fetch[3]` for an item of a map.
  Settlement outcome = Settlement::run_again;
  std::optional<std::string> reason;
};
BOOST_DESCRIBE_STRUCT(Settle, (), (node, outcome, reason))

Word word_of(const Request& request, WordKind kind, const std::optional<std::string>& reason) {
  Word word;
  word.kind = kind;
  word.who = who_of(request);
  word.reason = reason.value_or("");
  return word;
}

/// `{"facts":[...],"run":...,"status":...}`: what it led to; no facts: it had no effect.
Result<Response> said(Api& api, const RunId& run, const Word& word) {
  if (word.reason.size() > kReasonBytesMax)
    return Error{Errc::json_type, "A reason has at most 4096 bytes.", "/reason", {}};
  HILLSTAR_TRY(const auto facts, api.client->tell(run, word));
  HILLSTAR_TRY(const auto row, api.parts.store.summary(run));
  return json_response(told_document(row, facts));
}

Result<Response> cancel(Api& api, const Request& request) {
  HILLSTAR_TRY(const auto asked, body<Reason>(request));
  HILLSTAR_TRY(const auto row, run_row(api, request));
  return said(api, row.run, word_of(request, WordKind::cancel, asked.reason));
}

Result<Response> pause(Api& api, const Request& request) {
  HILLSTAR_TRY(const auto asked, body<Pause>(request));
  HILLSTAR_TRY(const auto row, run_row(api, request));
  auto word = word_of(request, WordKind::pause, asked.reason);
  word.yes = asked.interrupt;
  return said(api, row.run, word);
}

Result<Response> resume(Api& api, const Request& request) {
  HILLSTAR_TRY(const auto asked, body<Resume>(request));
  HILLSTAR_TRY(const auto row, run_row(api, request));
  HILLSTAR_CHECK(api.open_for_work());
  if (asked.budget && asked.budget->count <= 0)
    return Error{Errc::json_type, "Expected a positive number of millionths of a dollar.", "/budget", {}};
  if (asked.budget && row.status != "paused")
    return Error{Errc::run_state, "Only a paused run can be given another budget.", "/budget", {}};
  auto word = word_of(request, WordKind::resume, asked.reason);
  word.budget = asked.budget;
  return said(api, row.run, word);
}

Result<Response> answer(Api& api, const Request& request, bool yes) {
  HILLSTAR_TRY(const auto asked, body<Answered>(request));
  HILLSTAR_TRY(const auto row, run_row(api, request));
  HILLSTAR_TRY(const auto stored, cli::load_run(api.parts.store, row.run));
  HILLSTAR_TRY(const auto node, cli::find_node(*stored.state.plan, asked.node));
  HILLSTAR_CHECK(cli::check_answer(stored, node, who_of(request), yes));
  auto word = word_of(request, WordKind::answer, asked.reason);
  word.yes = yes;
  word.node = node;
  HILLSTAR_TRY(auto response, said(api, row.run, word));
  // What counted a moment ago counts no more if nothing came of it.
  if (response.body.find(R"("facts":[])") != std::string::npos) return cli::answered_already(stored, node);
  return response;
}

Result<Response> settle(Api& api, const Request& request) {
  HILLSTAR_TRY(const auto asked, body<Settle>(request));
  HILLSTAR_TRY(const auto row, run_row(api, request));
  HILLSTAR_TRY(const auto stored, cli::load_run(api.parts.store, row.run));
  HILLSTAR_TRY(const auto unit, cli::find_unit_named(stored, asked.node));
  if (!stored.state.lost.contains(unit))
    return Error{Errc::run_state, "There is nothing to settle about '" + asked.node + "'.", row.run.str(),
                 "Only a lost attempt of a node with effect `once` is settled."};
  auto word = word_of(request, WordKind::settle, asked.reason);
  word.yes = asked.outcome == Settlement::run_again;
  word.node = unit.node;
  word.item = unit.item;
  return said(api, row.run, word);
}

}  // namespace

Json told_document(const run::Summary& row, const std::vector<Event>& facts) {
  bj::array told;
  for (const auto& fact : facts) {
    const auto record = json::parse(cli::record_line(row.run, {1, {}, fact})).value_or(bj::object()).as_object();
    told.push_back(bj::object{{"data", record.at("data")}, {"type", record.at("type")}, {"v", record.at("v")}});
  }
  return Json::of(bj::object{{"facts", std::move(told)}, {"run", row.run.str()}, {"status", row.status}});
}

std::vector<Route> control_routes(const ApiPtr& api) {
  const auto route = [&](const char* word, Plain make) {
    auto strict = [make = std::move(make)](Api& parts, const Request& request) -> Result<Response> {
      HILLSTAR_CHECK(check_query(request, {}));
      return make(parts, request);
    };
    return Route{"POST", "/v1/runs/{run}/" + std::string(word), Scope::operate, kSmallBodyMax, plain(api, strict)};
  };
  return {route("cancel", cancel),
          route("pause", pause),
          route("resume", resume),
          route("approve", [](Api& parts, const Request& request) { return answer(parts, request, true); }),
          route("reject", [](Api& parts, const Request& request) { return answer(parts, request, false); }),
          route("settle", settle)};
}

}  // namespace hillstar::http
