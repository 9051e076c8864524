// SPDX-License-Identifier: Apache-2.0
#include "apps/http/remote_client.hpp"

#include <map>
#include <mutex>

#include "apps/cli/report.hpp"
#include "apps/http/api_context.hpp"
#include "apps/http/remote_feed.hpp"
#include "apps/http/remote_store.hpp"
#include "persistence/event_codec.hpp"
#include "runtime/run/why.hpp"

namespace hillstar::http {
namespace {

namespace bj = boost::json;
using cli::Word;
using cli::WordKind;

constexpr Millis kAnswerPatience{120'000};
/// gc of a large store takes its time, for it lets commits go first.
constexpr Millis kCollectPatience{86'400'000};

/// An operation as the API takes it.
bj::object members_of(const StateOperation& operation) {
  bj::object body{{"op", json::enum_name(operation.op)}, {"key", operation.key}};
  if (operation.op == StateOp::put || operation.op == StateOp::cas) body["value"] = operation.value.value();
  if (operation.op == StateOp::add) body["by"] = operation.by.value();
  if (operation.expected_version) body["expected_version"] = *operation.expected_version;
  return body;
}

class RemoteClient final : public cli::Client {
 public:
  explicit RemoteClient(std::shared_ptr<const Remote> remote)
      : remote_(std::move(remote)), store_(remote_store(remote_)) {}
  ~RemoteClient() override {
    for (const auto& [ticket, feed] : feeds_) {
      feed.first->stop();
      feed.second->cancel();
    }
  }

  Result<RunId> start(const cli::StartJob& job) override {
    const auto taken = job.taken_there.value_or(cli::TakenThere());
    if (taken.fork && job.parent)
      return begin(run_path(job.parent->run) + "/fork", job, Json::from_canonical(json::to_text(*taken.fork)));
    bj::object body{{"workflow_text", job.workflow_text}, {"workflow_file", job.workflow_file}};
    body["inputs"] = job.inputs.value();
    if (job.priority) body["priority"] = *job.priority;
    if (job.air_gapped) body["air_gapped"] = true;
    if (job.isolation) body["isolation"] = json::enum_name(*job.isolation);
    if (job.state_stream) body["state_stream"] = *job.state_stream;
    if (!job.labels.empty()) body["labels"] = Json::from_canonical(json::to_text(job.labels)).value();
    if (job.correlation) body["correlation"] = *job.correlation;
    if (job.deadline) body["deadline"] = to_rfc3339(*job.deadline);
    if (taken.resume_from) body["resume_from"] = taken.resume_from->value();
    if (taken.node) body["node"] = *taken.node;
    if (taken.from_run) body["from_run"] = taken.from_run->str();
    if (!taken.set.empty()) body["set"] = bj::value_from(taken.set);
    return begin("/v1/runs", job, Json::of(body));
  }

  Result<std::uint64_t> follow(const RunId& run, std::uint64_t from_seq, FeedCallback callback) override {
    const auto path = run_path(run) + "/events?from=" + std::to_string(from_seq);
    // A stream does not say that it will not begin.
    HILLSTAR_TRY([[maybe_unused]] const auto there, remote_->get(path + "&limit=1"));
    auto feed = std::make_shared<RemoteFeed>(run, std::move(callback));
    auto handle = remote_->stream(
        path + "&pieces=1", [feed](std::string_view piece) { feed->take(piece); }, [feed] { feed->ended(); });
    const std::lock_guard lock(mutex_);
    feeds_[++last_ticket_] = {std::move(feed), std::move(handle)};
    return last_ticket_;
  }

  void unfollow(std::uint64_t ticket) override {
    std::pair<std::shared_ptr<RemoteFeed>, std::shared_ptr<providers::Cancellation>> found;
    {
      const std::lock_guard lock(mutex_);
      const auto entry = feeds_.find(ticket);
      if (entry == feeds_.end()) return;
      found = std::move(entry->second);
      feeds_.erase(entry);
    }
    found.first->stop();
    found.second->cancel();
  }

  Result<std::vector<Event>> tell(const RunId& run, const Word& word) override {
    bj::object body;
    if (!word.reason.empty()) body["reason"] = word.reason;
    HILLSTAR_TRY(const auto path, path_of(run, word, body));
    HILLSTAR_TRY(const auto answer, remote_->post(run_path(run) + path, json::canonical(body)));
    HILLSTAR_TRY(const auto said, json::parse(answer));
    const auto* facts = json::member(said, "facts");
    if (facts == nullptr || !facts->is_array())
      return Error{Errc::host_protocol, "The service did not say what came of it.", {}, {}};
    std::vector<Event> events;
    for (const auto& fact : facts->get_array()) {
      if (!fact.is_object()) continue;
      auto record = fact.get_object();
      record["at"] = to_rfc3339({});
      record["run"] = run.str();
      record["seq"] = 1;
      HILLSTAR_TRY(auto recorded, persistence::decode(json::canonical(record), run));
      events.push_back(std::move(recorded.event));
    }
    return events;
  }

  /// The service's runs have its environment.
  Result<void> set_environment(const RunId&, const std::vector<std::string>&) override { return {}; }

  Result<Json> ask_state(const cli::StateAsk& ask) override {
    bj::object body;
    if (ask.request.op == StateOp::batch) {
      bj::array operations;
      for (const auto& one : ask.request.operations) operations.push_back(members_of(one));
      body = {{"op", "batch"}, {"operations", std::move(operations)}};
    } else if (!ask.request.operations.empty()) {
      body = members_of(ask.request.operations.front());
    }
    const auto place = ask.stream.empty() ? std::string("store") : "streams/" + ask.stream;
    HILLSTAR_TRY(const auto answer, remote_->post("/v1/state/" + place, json::canonical(body)));
    HILLSTAR_TRY(const auto said, json::parse(answer));
    return Json::of(said);
  }

  Result<Json> ask(const cli::Question& question) override {
    const auto [method, path] = place_of(question);
    const bool has_body = std::string_view(method) == "POST" || std::string_view(method) == "PUT";
    const auto patience = question.topic == cli::Topic::collect ? kCollectPatience : kAnswerPatience;
    const auto answer = remote_->send(method, path, has_body ? body_of(question) : "", patience);
    if (!answer) return answer.error().code == Errc::not_found ? none_such(question) : answer.error();
    if (answer->empty()) return Json();
    HILLSTAR_TRY(const auto said, json::parse(*answer));
    return Json::of(said);
  }

  Result<std::vector<RunId>> live_runs() override {
    std::vector<RunId> runs;
    HILLSTAR_CHECK(store_->list([&runs](const run::Summary& row) {
      if (!run::is_terminal(row)) runs.push_back(row.run);
      return true;
    }));
    return runs;
  }

 private:
  /// Asking again with the same id of the job begins nothing twice.
  Result<RunId> begin(const std::string& path, const cli::StartJob& job, const Json& body) const {
    std::vector<std::pair<std::string, std::string>> headers;
    if (job.run) headers.emplace_back("idempotency-key", job.run->str());
    HILLSTAR_TRY(const auto answer, remote_->post(path, body.text(), std::move(headers)));
    HILLSTAR_TRY(const auto said, json::parse(answer));
    const auto* run = json::member(said, "run");
    if (run == nullptr || !run->is_string())
      return Error{Errc::host_protocol, "The service did not say which run it started.", {}, {}};
    return RunId(std::string(run->get_string()));
  }

  static std::pair<const char*, std::string> place_of(const cli::Question& question) {
    using cli::Topic;
    const auto slash = question.stream.rfind('/');
    const auto entry = slash == std::string::npos ? std::string() : question.stream.substr(slash + 1);
    const auto one = "/v1/streams/" + encoded(question.stream.substr(0, slash)) + "/" + encoded(entry);
    const auto worker = "/v1/workers/" + encoded(question.stream);
    switch (question.topic) {
      case Topic::streams:
        return {"GET", question.stream.empty() ? "/v1/streams" : one};
      case Topic::declare:
        return {"PUT", one};
      case Topic::trigger:
        return {"POST", one + "/trigger"};
      case Topic::hold:
        return {"POST", one + "/hold"};
      case Topic::release:
        return {"POST", one + "/release"};
      case Topic::remove:
        return {"DELETE", one};
      case Topic::collect:
        return {"POST", "/v1/gc"};
      case Topic::workers:
        return {"GET", question.stream.empty() ? "/v1/workers" : worker};
      case Topic::cordon:
      case Topic::uncordon:
      case Topic::drain:
        return {"POST", worker + "/" + std::string(json::enum_name(question.topic))};
      case Topic::top:
        break;
    }
    return {"GET", "/v1/top"};
  }

  /// As a host on this machine says it.
  static Error none_such(const cli::Question& question) {
    using cli::Topic;
    const auto topic = question.topic;
    const bool worker =
        topic == Topic::workers || topic == Topic::cordon || topic == Topic::uncordon || topic == Topic::drain;
    if (worker)
      return {Errc::not_found, "There is no worker of this name.", question.stream,
              "`hillstar-actors workers ls` lists them."};
    return {Errc::not_found,
            "There is no stream '" + question.stream + "'.",
            {},
            "`hillstar-actors stream ls` shows them."};
  }

  /// Absent members are left out: the service takes no null for them.
  static std::string body_of(const cli::Question& question) {
    bj::object body;
    const auto given = question.body.value();
    if (given.is_object())
      for (const auto& [name, value] : given.get_object())
        if (!value.is_null()) body[name] = value;
    return json::canonical(body);
  }

  /// The name of a unit, which words know by its place in the plan.
  Result<std::string> unit_of(const RunId& run, const Word& word) const {
    HILLSTAR_TRY(const auto stored, cli::load_run(*store_, run));
    return run::name_of(stored.state, {word.node, word.item});
  }

  Result<std::string> path_of(const RunId& run, const Word& word, bj::object& body) const {
    switch (word.kind) {
      case WordKind::cancel:
        return std::string("/cancel");
      case WordKind::pause:
        if (word.yes) body["interrupt"] = true;
        return std::string("/pause");
      case WordKind::resume:
        if (word.budget) body["budget"] = word.budget->count;
        return std::string("/resume");
      case WordKind::answer: {
        HILLSTAR_TRY(body["node"], unit_of(run, word));
        return std::string(word.yes ? "/approve" : "/reject");
      }
      case WordKind::settle: {
        HILLSTAR_TRY(body["node"], unit_of(run, word));
        body["outcome"] = word.yes ? "run_again" : "failed";
        return std::string("/settle");
      }
      case WordKind::signal:
        body = {};
        if (word.value) body["payload"] = word.value->value();
        if (word.key) body["key"] = *word.key;
        return "/signals/" + encoded(word.name.value_or(""));
      case WordKind::input:
        body = {{"value", word.value.value_or(Json()).value()}};
        return "/inputs/" + encoded(word.name.value_or(""));
    }
    return Error{Errc::internal, "A word that is not known.", {}, {}};
  }

  std::shared_ptr<const Remote> remote_;
  std::shared_ptr<persistence::EventStore> store_;
  std::mutex mutex_;
  std::uint64_t last_ticket_ = 0;
  std::map<std::uint64_t, std::pair<std::shared_ptr<RemoteFeed>, std::shared_ptr<providers::Cancellation>>> feeds_;
};

}  // namespace

std::unique_ptr<cli::Client> remote_client(std::shared_ptr<const Remote> remote) {
  return std::make_unique<RemoteClient>(std::move(remote));
}

}  // namespace hillstar::http
