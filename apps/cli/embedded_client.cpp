// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/embedded_client.hpp"

#include <boost/json.hpp>

#include "runtime/platform/clock.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

Result<void> put_aside(bj::value& value, const std::string& pointer, std::vector<BlobRef>& blobs,
                       persistence::EventStore& store) {
  if (auto* object = value.if_object()) {
    for (auto& [key, member] : *object)
      HILLSTAR_CHECK(put_aside(member, pointer + "/" + json::pointer_token(key), blobs, store));
  } else if (auto* array = value.if_array()) {
    for (std::size_t i = 0; i < array->size(); ++i)
      HILLSTAR_CHECK(put_aside((*array)[i], pointer + "/" + std::to_string(i), blobs, store));
  } else if (const auto* text = value.if_string(); text != nullptr && text->size() > kInlineBytesMax) {
    HILLSTAR_TRY(auto sha256, store.put_blob({text->data(), text->size()}));
    blobs.push_back({pointer, text->size(), false, std::move(sha256)});
    value = nullptr;
  }
  return {};
}

class EmbeddedClient final : public Client {
 public:
  EmbeddedClient(Engine& engine, persistence::EventStore& store) : engine_(engine), store_(store) {}

  Result<RunId> start(const StartJob& job) override {
    HILLSTAR_TRY(auto request, start_run_of(job, store_));
    return engine_.start(std::move(request));
  }

  Result<std::uint64_t> follow(const RunId& run, std::uint64_t from_seq, FeedCallback callback) override {
    return engine_.follow(run, from_seq, std::move(callback));
  }
  void unfollow(std::uint64_t ticket) override { engine_.unfollow(ticket); }

  Result<std::vector<Event>> tell(const RunId& run, const Word& word) override {
    Input input;
    input.at = SystemClock().utc_now();
    switch (word.kind) {
      case WordKind::cancel:
        input.what = CancelAsked{word.who, word.reason};
        break;
      case WordKind::pause:
        input.what = PauseAsked{word.reason, word.yes};
        break;
      case WordKind::resume:
        input.what = ResumeAsked{word.who, word.budget};
        break;
      case WordKind::answer:
        input.what = ApprovalGiven{word.node, word.yes, word.who, word.reason};
        break;
      case WordKind::signal:
        input.what = SignalGiven{word.name.value_or(""), {{}, word.value.value_or(Json())}, word.key, word.who};
        break;
      case WordKind::input:
        input.what = InputGiven{word.name.value_or(""), {{}, word.value.value_or(Json())}, word.who};
        break;
      case WordKind::settle:
        input.what = Resolved{word.node, word.item, word.yes ? Settlement::run_again : Settlement::failed, word.who,
                              word.reason};
        break;
    }
    return engine_.tell(run, std::move(input));
  }

  Result<void> set_environment(const RunId& run, const std::vector<std::string>& environment) override {
    return engine_.set_environment(run, environment);
  }

  Result<Json> ask_state(const StateAsk& ask) override { return engine_.ask_state({ask.stream, ask.request, ask.who}); }

  Result<std::vector<RunId>> live_runs() override { return engine_.live_runs(); }

  Result<Json> ask(const Question& question) override { return answer(engine_, store_, question); }

 private:
  Engine& engine_;
  persistence::EventStore& store_;
};

}  // namespace

std::unique_ptr<Client> embed(Engine& engine, persistence::EventStore& store) {
  return std::make_unique<EmbeddedClient>(engine, store);
}

Result<StartRun> start_run_of(const StartJob& job, persistence::EventStore& store) {
  StartRun request;
  request.plan = job.shared_plan;
  if (!request.plan) {
    HILLSTAR_TRY(auto plan, workflow::plan_from_text(job.plan));
    request.plan = std::make_shared<const workflow::Plan>(std::move(plan));
  }
  request.workflow_text = job.workflow_text;
  request.workflow_file = job.workflow_file;
  request.inputs = job.inputs;
  request.workspace = job.workspace;
  request.output_dir = job.output_dir;
  request.allow_paths = job.allow_paths;
  request.environment = job.environment;
  request.started_by = job.started_by;
  request.priority = job.priority;
  request.air_gapped = job.air_gapped;
  request.run = job.run;
  request.parent = job.parent;
  request.labels = job.labels;
  request.correlation = job.correlation;
  request.deadline = job.deadline;
  request.isolation = job.isolation;
  request.state_stream = job.state_stream;
  request.cells = job.cells;
  for (NodeInherited node : job.inherited) {
    HILLSTAR_TRY(node.result, with_blobs(std::move(node.result), store));
    request.inherited.push_back(std::move(node));
  }
  return request;
}

Result<Value> with_blobs(Value value, persistence::EventStore& store) {
  if (value.json.text().size() <= kInlineBytesMax) return value;
  auto document = value.json.value();
  HILLSTAR_CHECK(put_aside(document, "", value.blobs, store));
  value.json = Json::of(document);
  return value;
}

}  // namespace hillstar::cli
