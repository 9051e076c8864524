// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/provider_probe.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <future>

#include "apps/cli/environment.hpp"
#include "apps/cli/text.hpp"
#include "providers/adapter.hpp"
#include "providers/program/context.hpp"
#include "providers/program/transport.hpp"
#include "runtime/policy/program_address.hpp"

namespace hillstar::cli {
namespace {

using providers::HttpOutcome;
using providers::HttpReply;

constexpr Millis kConnectTime{5'000};
constexpr Millis kListTime{15'000};
constexpr Millis kCallTime{60'000};
/// How often a person who wants to stop is heard.
constexpr Millis kStopLook{50};
/// Enough for a word; some APIs refuse fewer.
constexpr std::uint32_t kCallTokens = 16;

}  // namespace

std::string found_in_path(const std::string& program, const std::vector<std::string>& environment) {
  if (program.find('/') != std::string::npos) return ::access(program.c_str(), X_OK) == 0 ? program : std::string();
  std::string path = variable(environment, "PATH").value_or("/bin:/usr/bin");
  while (!path.empty()) {
    const auto folder = path.substr(0, path.find(':'));
    path.erase(0, std::min(path.size(), folder.size() + 1));
    const auto whole = (folder.empty() ? "." : folder) + "/" + program;
    if (::access(whole.c_str(), X_OK) == 0) return whole;
  }
  return {};
}

class Prober::Tester {
 public:
  Tester(const Clock& clock, const policy::Registry& registry, std::vector<std::string> environment)
      : clock_(clock), registry_(registry), environment_(std::move(environment)) {
    auto program = std::make_shared<providers::ProgramContext>();
    program->folder = ".";
    program->environment = environment_;
    program_ = std::move(program);
    network_ = std::make_shared<const providers::NetworkSettings>(providers::network_settings(environment_));
  }

  Probe test(const std::string& name, const ProbeOptions& options) {
    stop_ = options.stop;
    Probe probe;
    probe.name = name;
    const policy::LookUp look_up = [this](const std::string& key) { return variable(environment_, key); };
    workflow::PlanNode node;
    node.id = NodeId("providers test");
    node.provider = name;
    node.model = options.model;
    auto backend = policy::choose_backend(node, Json(), policy::World{registry_, look_up});
    if (!backend) {
      probe.failure = Failure{FailureClass::auth, backend.error().message, {}};
      return probe;
    }
    probe.backend = std::move(*backend);
    const auto begin = clock_.steady_now();
    if (policy::is_program(probe.backend->base_url))
      look_at_program(probe);
    else
      list_models(probe);
    if (options.call && !probe.failure) call(probe);
    probe.took = std::chrono::duration_cast<Millis>(clock_.steady_now() - begin);
    return probe;
  }

 private:
  providers::Endpoint endpoint(const policy::Backend& backend) const {
    providers::Endpoint made;
    made.base_url = backend.base_url;
    made.api_version = backend.api_version;
    made.program = program_;
    made.stream = false;
    if (!backend.key_variable.empty()) made.key = Secret(variable(environment_, backend.key_variable).value_or(""));
    return made;
  }

  HttpOutcome send(providers::HttpRequest request, Millis limit) {
    request.network = network_;
    request.program = program_;
    request.connect_timeout = std::min(kConnectTime, limit);
    request.first_byte_timeout = request.idle_timeout = request.total_timeout = limit;
    auto promise = std::make_shared<std::promise<HttpOutcome>>();
    auto answer = promise->get_future();
    const auto sent = transport_->send(
        std::move(request), {nullptr, [promise](HttpOutcome outcome) { promise->set_value(std::move(outcome)); }});
    while (stop_ && answer.wait_for(kStopLook) != std::future_status::ready) {
      if (!stop_()) continue;
      sent->cancel();
      break;
    }
    return answer.get();
  }

  void list_models(Probe& probe) {
    const auto& backend = *probe.backend;
    const auto* adapter = providers::find_adapter(backend.adapter);
    const auto to = endpoint(backend);
    auto request = adapter->encode_models(to);
    if (!request) {
      probe.note = "it cannot list its models; --call asks it";
      return;
    }
    auto outcome = send(*std::move(request), kListTime);
    if (auto* failure = std::get_if<Failure>(&outcome)) {
      probe.failure = std::move(*failure);
      return;
    }
    auto listed = adapter->decode_models(std::get<HttpReply>(outcome), to);
    if (auto* failure = std::get_if<Failure>(&listed)) {
      probe.failure = std::move(*failure);
      return;
    }
    const auto& models = std::get<std::vector<ModelListing>>(listed);
    probe.models = models.size();
    if (backend.model.empty()) return;
    probe.has_model = std::any_of(models.begin(), models.end(), [&](const ModelListing& model) {
      // Google lists `models/NAME`, Ollama NAME:latest.
      return model.id == backend.model || model.id == "models/" + backend.model ||
             model.id == backend.model + ":latest";
    });
  }

  void look_at_program(Probe& probe) {
    const auto command = policy::program_of(probe.backend->base_url);
    if (!command) {
      probe.failure = Failure{FailureClass::invalid_request, command.error().message, {}};
      return;
    }
    const auto place = found_in_path(command->front(), environment_);
    if (place.empty()) {
      probe.failure = Failure{FailureClass::spawn, "'" + command->front() + "' is not installed", {}};
      return;
    }
    probe.note = "installed: " + place;
    if (probe.backend->adapter != "codex") return;
    providers::HttpRequest request;
    auto words = *command;
    words.insert(words.end(), {"login", "status"});
    request.url = policy::program_address(words);
    auto outcome = send(std::move(request), kListTime);
    const auto* failure = std::get_if<Failure>(&outcome);
    if (failure != nullptr)
      probe.failure = Failure{FailureClass::auth, "not logged in; run `codex login` (" + failure->message + ")", {}};
  }

  void call(Probe& probe) {
    const auto& backend = *probe.backend;
    const auto* adapter = providers::find_adapter(backend.adapter);
    ModelRequest wanted;
    wanted.model = backend.model;
    wanted.prompt = "Say ok.";
    wanted.max_tokens = kCallTokens;
    const auto to = endpoint(backend);
    auto request = adapter->encode(wanted, to);
    if (!request) {
      probe.failure = Failure{FailureClass::invalid_request, request.error().message, {}};
      return;
    }
    auto outcome = adapter->reader(to)->finish(send(*std::move(request), kCallTime));
    if (const auto* reply = std::get_if<ModelReply>(&outcome)) {
      probe.reply = reply->text;
      return;
    }
    auto& failure = std::get<Failure>(outcome);
    // So few tokens may not reach as far as a word: the provider answered.
    if (failure.kind == FailureClass::empty_reply)
      probe.reply = "";
    else
      probe.failure = std::move(failure);
  }

  const Clock& clock_;
  const policy::Registry& registry_;
  std::vector<std::string> environment_;
  std::function<bool()> stop_;
  std::shared_ptr<const providers::ProgramContext> program_;
  std::shared_ptr<const providers::NetworkSettings> network_;
  std::unique_ptr<providers::Transport> transport_ = providers::with_programs(providers::make_beast_transport());
};

Prober::Prober(const Clock& clock, const policy::Registry& registry, std::vector<std::string> environment)
    : tester_(std::make_unique<Tester>(clock, registry, std::move(environment))) {}
Prober::~Prober() = default;

Probe Prober::test(const std::string& provider, const ProbeOptions& options) {
  return tester_->test(provider, options);
}

std::string state_of(const Probe& probe) {
  if (!probe.failure) return "ok";
  if (!probe.backend) return "not set up";
  switch (probe.failure->kind) {
    case FailureClass::auth:
    case FailureClass::permission:
      return "not authorised";
    case FailureClass::spawn:
      return "not installed";
    case FailureClass::network:
    case FailureClass::timeout:
      return "unreachable";
    default:
      return "failed";
  }
}

std::string words_of(const Probe& probe) {
  std::vector<std::string> words;
  if (probe.failure) words.push_back(probe.failure->message);
  if (!probe.note.empty()) words.push_back(probe.note);
  if (probe.models) words.push_back(fmt::format("{} models", *probe.models));
  if (probe.has_model) words.push_back((*probe.has_model ? "has " : "does not list ") + probe.backend->model);
  if (probe.reply) words.push_back("answered a call: " + (probe.reply->empty() ? "(no text)" : *probe.reply));
  return one_line(fmt::format("{}", fmt::join(words, "; ")), 300);
}

std::vector<std::string> names_to_test(const policy::Registry& registry, const std::vector<std::string>& asked,
                                       const std::vector<std::string>& environment) {
  if (!asked.empty()) return asked;
  std::vector<std::string> names;
  for (const auto& entry : registry.providers) {
    if (entry.adapter.empty() || !entry.same_as.empty()) continue;
    const bool has_key = std::any_of(entry.key_variables.begin(), entry.key_variables.end(), [&](const auto& name) {
      return !variable(environment, name).value_or("").empty();
    });
    if (has_key || entry.key_variables.empty() || !entry.key_required) names.push_back(entry.name);
  }
  return names;
}

}  // namespace hillstar::cli
