// SPDX-License-Identifier: Apache-2.0
// providers test: asks each provider that could be used here for the list of its models. Keys are sent, never shown.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <future>
#include <memory>

#include "apps/cli/commands.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/json_fields.hpp"
#include "apps/cli/registry_file.hpp"
#include "apps/cli/run_variables.hpp"
#include "apps/cli/text.hpp"
#include "messages/json_codec.hpp"
#include "providers/adapter.hpp"
#include "providers/program/context.hpp"
#include "providers/program/transport.hpp"
#include "runtime/policy/model_choice.hpp"
#include "runtime/policy/program_address.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;
using providers::HttpOutcome;
using providers::HttpReply;

constexpr Millis kConnectTime{5'000};
constexpr Millis kListTime{15'000};
constexpr Millis kCallTime{60'000};
/// Enough for a word; some APIs refuse fewer.
constexpr std::uint32_t kCallTokens = 16;

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

/// `program` as the system would start it, or empty.
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

class Tester {
 public:
  Tester(const Context& context, const ProviderArgs& args, const policy::Registry& registry,
         std::vector<std::string> environment)
      : context_(context), args_(args), registry_(registry), environment_(std::move(environment)) {
    auto program = std::make_shared<providers::ProgramContext>();
    program->folder = ".";
    program->environment = environment_;
    program_ = std::move(program);
    network_ = std::make_shared<const providers::NetworkSettings>(providers::network_settings(environment_));
  }

  Probe test(const std::string& name) {
    Probe probe;
    probe.name = name;
    const policy::LookUp look_up = [this](const std::string& key) { return variable(environment_, key); };
    workflow::PlanNode node;
    node.id = NodeId("providers test");
    node.provider = name;
    node.model = args_.model;
    auto backend = policy::choose_backend(node, Json(), policy::World{registry_, look_up});
    if (!backend) {
      probe.failure = Failure{FailureClass::auth, backend.error().message, {}};
      return probe;
    }
    probe.backend = std::move(*backend);
    const auto begin = context_.clock.steady_now();
    if (policy::is_program(probe.backend->base_url))
      look_at_program(probe);
    else
      list_models(probe);
    if (args_.call && !probe.failure) call(probe);
    probe.took = std::chrono::duration_cast<Millis>(context_.clock.steady_now() - begin);
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
    (void)transport_->send(std::move(request),
                           {nullptr, [promise](HttpOutcome outcome) { promise->set_value(std::move(outcome)); }});
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

  const Context& context_;
  const ProviderArgs& args_;
  const policy::Registry& registry_;
  std::vector<std::string> environment_;
  std::shared_ptr<const providers::ProgramContext> program_;
  std::shared_ptr<const providers::NetworkSettings> network_;
  std::unique_ptr<providers::Transport> transport_ = providers::with_programs(providers::make_beast_transport());
};

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

bj::object json_of(const Probe& probe) {
  bj::object out{{"provider", probe.name},
                 {"state", state_of(probe)},
                 {"ok", !probe.failure},
                 {"models", or_null(probe.models)},
                 {"has_model", or_null(probe.has_model)},
                 {"time_ms", probe.took.count()},
                 {"note", probe.note},
                 {"reply", or_null(probe.reply)}};
  if (probe.backend) {
    out["address"] = probe.backend->base_url;
    out["model"] = probe.backend->model;
    out["key_variable"] = probe.backend->key_variable;
  }
  if (probe.failure)
    out["failure"] = bj::object{{"kind", json::enum_name(probe.failure->kind)}, {"message", probe.failure->message}};
  return out;
}

/// Without names: all but other names of one and those whose key is not here.
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

}  // namespace

Result<Exit> test_providers(Context& context, const ProviderArgs& args) {
  HILLSTAR_TRY(const auto registry, load_registry(context.environment));
  HILLSTAR_TRY(auto variables, read_variables(context.environment, {".", {}}, *registry));
  add_from_keyring(variables, missing_keys(*registry, args.names, variables.environment));
  for (const auto& warning : variables.warnings) context.output.warn("warning: " + visible(warning));
  const auto& environment = variables.environment;
  const auto names = names_to_test(*registry, args.names, environment);
  Tester tester(context, args, *registry, environment);
  bj::array all;
  std::vector<std::vector<std::string>> rows{{"PROVIDER", "STATE", "TIME", "WHAT"}};
  bool good = true;
  for (const auto& name : names) {
    const auto probe = tester.test(name);
    // A local server that nobody asked for may be off; a key that is set should work.
    const bool matters = !args.names.empty() || (probe.backend && !probe.backend->key_variable.empty());
    const bool lacks = !args.model.empty() && probe.has_model == false;
    if (matters && (probe.failure || lacks)) good = false;
    all.push_back(json_of(probe));
    rows.push_back({visible(probe.name), state_of(probe), duration(probe.took), visible(words_of(probe))});
  }
  if (context.output.is_json())
    context.output.data(Json::of(std::move(all)));
  else
    for (const auto& line : table(rows)) context.output.data(line);
  return good ? Exit::done : Exit::unreachable;
}

}  // namespace hillstar::cli
