// SPDX-License-Identifier: Apache-2.0
#include "providers/program/codex.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <initializer_list>
#include <utility>

#include "providers/failure.hpp"
#include "providers/fields.hpp"
#include "providers/program/reader.hpp"
#include "providers/request_checks.hpp"
#include "providers/text.hpp"
#include "runtime/policy/program_address.hpp"

namespace hillstar::providers {
namespace {

namespace bj = boost::json;

Error cannot(std::string_view field, const std::string& what) {
  return unaskable(field, "Codex cannot be asked for " + what + ".", "Remove it, or ask provider 'openai'.");
}

/// The effort, which may stand in `extra`; nothing else of that can be said.
Result<std::string> effort_of(const ModelRequest& request) {
  std::string effort = request.effort;
  const auto extra = request.extra.value();
  if (const auto* fields = extra.if_object()) {
    for (const auto& [name, value] : *fields) {
      if (name != "reasoning_effort" || !value.is_string())
        return cannot({name.data(), name.size()}, "'" + std::string(name) + "'");
      if (effort.empty()) effort = std::string(value.get_string());
    }
  }
  if (!std::all_of(effort.begin(), effort.end(), [](char c) { return c >= 'a' && c <= 'z'; }))
    return cannot("effort", "the effort '" + effort + "'");
  return effort;
}

Result<void> check_askable(const ModelRequest& request) {
  HILLSTAR_CHECK(check_request(request));
  if (!request.messages.empty()) return cannot("messages", "a conversation of several turns");
  if (!request.images.empty()) return cannot("images", "images");
  if (!request.tools.empty()) return cannot("tools", "calls of tools");
  if (request.format != ReplyFormat::text) return cannot("format", "a format of its reply");
  if (!request.stop.empty()) return cannot("stop", "words to stop at");
  if (!request.verbosity.empty()) return cannot("verbosity", "a verbosity");
  if (!request.thinking.is_null()) return cannot("thinking", "a way to think but its effort");
  const std::initializer_list<std::pair<const char*, const Json*>> numbers{
      {"temperature", &request.temperature},
      {"top_p", &request.top_p},
      {"top_k", &request.top_k},
      {"seed", &request.seed},
      {"presence_penalty", &request.presence_penalty},
      {"frequency_penalty", &request.frequency_penalty}};
  for (const auto& [name, value] : numbers)
    if (!value->is_null()) return cannot(name, std::string("a ") + name);
  return {};
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return result;
}

/// What its words mean; `otherwise` if they mean nothing known.
Failure failure_from(std::string_view words, FailureClass otherwise) {
  const auto text = lower(words);
  const auto says = [&](std::initializer_list<std::string_view> parts) {
    return std::any_of(parts.begin(), parts.end(),
                       [&](std::string_view part) { return text.find(part) != std::string::npos; });
  };
  Failure failure{otherwise, "Codex reports: " + excerpt(words, Secret()), {}};
  if (says({"unexpected argument", "unrecognized subcommand", "unrecognized option"})) {
    failure.kind = FailureClass::invalid_request;
    failure.message += "; this version of codex is too old, or too new: `codex exec --json` is needed";
  } else if (says({"not logged in", "codex login", "log in", "401", "unauthorized", "refresh token", "sign in"})) {
    failure.kind = FailureClass::auth;
    failure.message += "; run `codex login` as the person who runs the workflow";
  } else if (says({"usage limit", "quota", "upgrade to"})) {
    failure.kind = FailureClass::quota;
  } else if (says({"rate limit", "429", "too many requests"})) {
    failure.kind = FailureClass::rate_limited;
  } else if (says({"context window", "context length"})) {
    failure.kind = FailureClass::context_too_long;
  } else if (says({"not supported", "does not exist", "invalid_request", "400 bad request"})) {
    failure.kind = FailureClass::invalid_request;
  } else if (says({"overloaded", "at capacity", "503"})) {
    failure.kind = FailureClass::overloaded;
  } else if (says({"stream disconnected", "connection", "error sending request", "timed out", "network"})) {
    failure.kind = FailureClass::network;
  }
  return failure;
}

/// Unknown events and items are passed over: new ones come with every version.
class Reader final : public ProgramReader {
 public:
  Reader() : ProgramReader(Noise::ignored) {}

 private:
  void on_object(const bj::value& event, ModelChunk& chunk) override {
    const auto type = text_member(&event, "type");
    if (type == "thread.started") set_name(reply_.request_id, text_member(&event, "thread_id"));
    if (type == "item.completed") on_item(member(&event, "item"), chunk);
    if (type == "turn.completed") on_end(member(&event, "usage"));
    if (type == "turn.failed")
      told(failure_from(text_member(member(&event, "error"), "message"), FailureClass::server));
    // It may come right again: codex tells of every new attempt of its own in this way.
    if (type == "error") last_error_ = text_member(&event, "message");
  }

  void on_item(const bj::value* item, ModelChunk& chunk) {
    const auto type = text_member(item, "type");
    const auto text = text_member(item, "text");
    if (type == "agent_message") {
      chunk.text += partial().empty() ? std::string(text) : "\n" + std::string(text);
      set_text(text);
    } else if (type == "reasoning") {
      reasoning_ += (reasoning_.empty() ? "" : "\n\n") + std::string(text);
    } else if (type == "error") {
      last_error_ = text;
    }
  }

  void on_end(const bj::value* usage) {
    ended_ = true;
    reply_.usage.input_tokens = tokens(usage, "input_tokens").value_or(0);
    reply_.usage.output_tokens = tokens(usage, "output_tokens").value_or(0);
    reply_.usage.cached_tokens = tokens(usage, "cached_input_tokens");
    reply_.usage.reasoning_tokens = tokens(usage, "reasoning_output_tokens");
  }

  std::variant<ModelReply, Failure> result() override {
    if (!ended_)
      return last_error_.empty()
                 ? Failure{FailureClass::malformed_reply,
                           "Codex ended without an answer; is it a version that knows `codex exec --json`?",
                           {}}
                 : failure_from(last_error_, FailureClass::server);
    if (trimmed(partial()).empty())
      return Failure{FailureClass::empty_reply, "model response contained no text content", {}};
    reply_.text = partial();
    reply_.finish = FinishKind::stop;
    reply_.finish_reason = "stop";
    if (!reasoning_.empty()) reply_.reasoning = reasoning_;
    return reply_;
  }

  [[nodiscard]] Failure explain(Failure failure) const override {
    if (failure.kind == FailureClass::spawn)
      return {FailureClass::auth,
              "Codex is not installed: " + failure.message +
                  ". Install OpenAI's codex command line, log in with `codex login`, or name another provider.",
              {}};
    if (failure.kind != FailureClass::exit_code) return failure;
    auto meant = failure_from(last_error_.empty() ? failure.message : last_error_, FailureClass::exit_code);
    return meant.kind == FailureClass::exit_code && last_error_.empty() ? failure : meant;
  }

  ModelReply reply_;
  std::string reasoning_;
  std::string last_error_;
  bool ended_ = false;
};

}  // namespace

Result<HttpRequest> Codex::encode(const ModelRequest& request, const Endpoint& endpoint) const {
  HILLSTAR_CHECK(check_askable(request));
  HILLSTAR_TRY(const auto effort, effort_of(request));
  HILLSTAR_TRY(auto command, policy::program_of(endpoint.base_url));
  for (const char* word : {"exec", "--json", "--color", "never", "--sandbox", "read-only", "--skip-git-repo-check"})
    command.emplace_back(word);
  if (!request.model.empty()) command.push_back("--model=" + request.model);
  if (!effort.empty()) command.push_back("--config=model_reasoning_effort=\"" + effort + "\"");
  command.emplace_back("-");  // the prompt is stdin
  HILLSTAR_CHECK(policy::check_command(command));
  HttpRequest http;
  http.url = policy::program_address(command);
  http.program = endpoint.program;
  http.body = request.system.empty() ? request.prompt : request.system + "\n\n" + request.prompt;
  return http;
}

std::unique_ptr<ReplyReader> Codex::reader(const Endpoint&) const { return std::make_unique<Reader>(); }

}  // namespace hillstar::providers
