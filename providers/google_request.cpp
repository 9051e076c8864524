// SPDX-License-Identifier: Apache-2.0
// The first half of google.hpp: requests.
#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "messages/json.hpp"
#include "providers/conversation.hpp"
#include "providers/fields.hpp"
#include "providers/google.hpp"
#include "providers/json_http.hpp"
#include "providers/request_body.hpp"
#include "providers/request_checks.hpp"

namespace hillstar::providers {
namespace {

namespace bj = boost::json;

constexpr std::size_t kStopsMax = 5;
/// Stands for the signature of a call that another model made; Gemini 3 takes no call without one.
constexpr std::string_view kForeignSignature = "skip_thought_signature_validator";

Error cannot(std::string_view field, const std::string& what, std::string hint) {
  return unaskable(field, "Gemini cannot be asked for " + what + ".", std::move(hint));
}

/// `gemini-3.5-flash` -> `models/gemini-3.5-flash`. It becomes part of the address, so only plain names are taken.
Result<std::string> model_path(const std::string& model) {
  const bool plain = !model.empty() && model.front() != '/' && model.back() != '/' &&
                     model.find("..") == std::string::npos && model.find("//") == std::string::npos &&
                     std::all_of(model.begin(), model.end(), [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                              c == '.' || c == '_' || c == '/';
                     });
  if (!plain)
    return unaskable("model", "'" + model.substr(0, kNameBytesMax) + "' is no name of a model.",
                     "Names are made of letters, digits, '-', '.' and '_'.");
  if (model.starts_with("models/") || model.starts_with("tunedModels/")) return model;
  return "models/" + model;
}

bool is_gemini_3(std::string_view model) {
  return model.find("gemini-") != std::string_view::npos && model.find("gemini-1") == std::string_view::npos &&
         model.find("gemini-2") == std::string_view::npos;
}

bj::object text_part(std::string_view text) { return {{"text", text}}; }

bj::array parts_of_user(const ModelTurn& turn) {
  bj::array parts;
  for (const auto& image : turn.images) {
    bj::object data{{"mimeType", image.media_type}, {"data", image.base64}};
    parts.push_back(bj::object{{"inlineData", std::move(data)}});
  }
  if (!turn.text.empty() || parts.empty()) parts.push_back(text_part(turn.text));
  return parts;
}

bj::array parts_of_model(const ModelTurn& turn, bool signatures) {
  if (auto kept = kept_list(turn, kGoogleKeeper)) return *std::move(kept);
  bj::array parts;
  if (!turn.text.empty() || turn.tool_calls.empty()) parts.push_back(text_part(turn.text));
  for (const auto& call : turn.tool_calls) {
    bj::object made{{"id", call.id}, {"name", call.name}, {"args", arguments_object(call)}};
    bj::object part{{"functionCall", std::move(made)}};
    // The first of a set of calls answers for all of them.
    if (signatures && &call == &turn.tool_calls.front()) part["thoughtSignature"] = kForeignSignature;
    parts.push_back(std::move(part));
  }
  return parts;
}

/// True if the turn that asked for the call went out without this id, because the model gave none.
bool is_minted(const Conversation& conversation, std::size_t number) {
  const auto& id = conversation.turns[number].tool_call_id;
  for (std::size_t before = number; before > 0; --before) {
    const auto& turn = conversation.turns[before - 1];
    const bool asked = std::any_of(turn.tool_calls.begin(), turn.tool_calls.end(),
                                   [&](const ModelToolCall& call) { return call.id == id; });
    if (!asked) continue;
    const auto kept = kept_turn(turn, kGoogleKeeper);
    if (!kept || !kept->is_array()) return false;
    const auto& parts = kept->get_array();
    return std::none_of(parts.begin(), parts.end(),
                        [&](const bj::value& part) { return text_member(member(&part, "functionCall"), "id") == id; });
  }
  return false;
}

Result<bj::object> tool_part(const Conversation& conversation, std::size_t number) {
  const auto& turn = conversation.turns[number];
  bj::object made;
  if (!is_minted(conversation, number)) made["id"] = turn.tool_call_id;
  const auto name = tool_name_of(conversation.turns, number);
  if (name.empty())
    return unaskable("messages", "The tool's answer '" + turn.tool_call_id + "' names no tool.", "Give its tool_name.");
  made["name"] = name;
  bj::value answer(turn.text);
  if (turn.text.starts_with('{') || turn.text.starts_with('['))
    if (auto parsed = json::parse(turn.text, {.bytes_max = kReplyBytesMax, .depth_max = kReplyDepthMax}))
      answer = *std::move(parsed);
  bj::object response;
  response[turn.is_error ? "error" : "output"] = std::move(answer);
  made["response"] = std::move(response);
  return bj::object{{"functionResponse", std::move(made)}};
}

Result<bj::array> contents_of(const Conversation& conversation, const std::string& model) {
  bj::array contents;
  bj::array* answers = nullptr;  // parts of the last content, if it answers calls
  for (std::size_t i = 0; i < conversation.turns.size(); ++i) {
    const auto& turn = conversation.turns[i];
    if (turn.role == ModelRole::tool) {
      HILLSTAR_TRY(auto part, tool_part(conversation, i));
      if (answers == nullptr) {
        contents.push_back(bj::object{{"role", "user"}, {"parts", bj::array()}});
        answers = &contents.back().as_object()["parts"].as_array();
      }
      answers->push_back(std::move(part));
      continue;
    }
    answers = nullptr;
    if (turn.role != ModelRole::user && turn.role != ModelRole::assistant)
      return cannot("messages", "a system turn after the first turns", "Move it to the beginning.");
    for (const auto& image : turn.images)
      if (!image.detail.empty() && image.detail != "auto")
        return cannot("images", "the detail '" + image.detail + "' of an image",
                      "Set generationConfig.mediaResolution in the further fields.");
    const bool user = turn.role == ModelRole::user;
    bj::object content{{"role", user ? "user" : "model"}};
    content["parts"] = user ? parts_of_user(turn) : parts_of_model(turn, is_gemini_3(model));
    contents.push_back(std::move(content));
  }
  return contents;
}

/// thinkingConfig: a level or a budget, never both.
Result<bj::object> thinking_of(const ModelRequest& request) {
  const auto wanted = request.thinking.value();
  const auto& effort = request.effort;
  if (wanted.is_object()) {
    if (!effort.empty()) return unaskable("thinking", "Thinking is told twice.", "Give the effort or the object.");
    return wanted.get_object();
  }
  bj::object config;
  const bool off = wanted == false || effort == "none";
  if (wanted.is_null() && effort.empty()) return config;
  if (off && (wanted == true || wanted.is_number() || wanted.is_string() || (!effort.empty() && effort != "none")))
    return unaskable("thinking", "The thinking and the effort contradict each other.", "Remove one of them.");
  if (!wanted.is_null() && !wanted.is_bool() && !wanted.is_number() && wanted != "adaptive")
    return cannot("thinking", "thinking in this way",
                  "Give true, false, \"adaptive\", a number of tokens or the API's own object.");
  if (off) {
    config["thinkingBudget"] = 0;
    return config;
  }
  if (!effort.empty()) {
    if (wanted.is_number())
      return unaskable("thinking", "A thinking budget and an effort exclude each other.", "Remove one of them.");
    if (effort != "minimal" && effort != "low" && effort != "medium" && effort != "high")
      return cannot("effort", "the effort '" + effort + "'", "Give minimal, low, medium or high.");
    std::string level = effort;
    for (char& c : level) c = static_cast<char>(c - 'a' + 'A');
    config["thinkingLevel"] = level;
  } else if (wanted.is_number()) {
    config["thinkingBudget"] = wanted;
  } else if (wanted == "adaptive") {
    config["thinkingBudget"] = -1;
  }
  config["includeThoughts"] = true;
  return config;
}

Result<bj::object> generation_config(const ModelRequest& request) {
  bj::object config;
  const std::pair<const char*, const Json*> numbers[] = {{"temperature", &request.temperature},
                                                         {"topP", &request.top_p},
                                                         {"topK", &request.top_k},
                                                         {"presencePenalty", &request.presence_penalty},
                                                         {"frequencyPenalty", &request.frequency_penalty},
                                                         {"seed", &request.seed}};
  HILLSTAR_CHECK(check_range("temperature", request.temperature, 0, 2));
  for (const auto& [name, value] : numbers)
    if (!value->is_null()) config[name] = value->value();
  if (request.max_tokens) config["maxOutputTokens"] = *request.max_tokens;
  if (request.stop.size() > kStopsMax)
    return cannot("stop", "more than " + std::to_string(kStopsMax) + " stop sequences", "Remove some.");
  if (!request.stop.empty()) config["stopSequences"] = bj::value_from(request.stop);
  if (!request.verbosity.empty())
    return cannot("verbosity", "a verbosity", "Remove it; say in the prompt how long the reply should be.");
  if (request.format != ReplyFormat::text) config["responseMimeType"] = "application/json";
  if (request.format == ReplyFormat::json_schema) config["responseJsonSchema"] = request.schema.value();
  HILLSTAR_TRY(auto thinking, thinking_of(request));
  if (!thinking.empty()) config["thinkingConfig"] = std::move(thinking);
  return config;
}

Result<void> put_tools(RequestBody& body, const ModelRequest& request) {
  if (request.parallel_tool_calls == false)
    return cannot("parallel_tool_calls", "one tool call at a time", "Remove parallel_tool_calls.");
  bj::array declarations;
  bool strict = false;
  for (const auto& tool : request.tools) {
    bj::object made{{"name", tool.name}};
    if (!tool.description.empty()) made["description"] = tool.description;
    if (!tool.parameters.is_null()) made["parametersJsonSchema"] = tool.parameters.value();
    strict = strict || tool.strict == true;
    declarations.push_back(std::move(made));
  }
  if (!declarations.empty())
    body.set("tools", bj::value(bj::array{bj::object{{"functionDeclarations", std::move(declarations)}}}));
  const auto kind = request.tool_choice;
  bj::object config;
  if (kind == ToolChoiceKind::named) config["allowedFunctionNames"] = bj::array{bj::value(request.tool_choice_name)};
  if (kind == ToolChoiceKind::named || kind == ToolChoiceKind::required) config["mode"] = "ANY";
  if (kind == ToolChoiceKind::none) config["mode"] = "NONE";
  if (kind == ToolChoiceKind::automatic) config["mode"] = "AUTO";
  if (strict && (kind == ToolChoiceKind::automatic || kind == ToolChoiceKind::unset)) config["mode"] = "VALIDATED";
  if (!config.empty()) body.set("toolConfig", bj::object{{"functionCallingConfig", std::move(config)}});
  return {};
}

Result<RequestBody> body_of(const ModelRequest& request) {
  HILLSTAR_TRY(const auto conversation, conversation_of(request));
  HILLSTAR_TRY(auto contents, contents_of(conversation, request.model));
  HILLSTAR_TRY(auto config, generation_config(request));
  RequestBody body;
  bool more = !config.empty() || !request.tools.empty();
  // Google keeps what it has read by itself: system_cache has nothing to ask for.
  if (!conversation.system.empty()) {
    body.set("systemInstruction", bj::object{{"parts", bj::array{text_part(conversation.system)}}, {"role", "user"}});
    more = true;
  }
  body.set("contents", contents);
  HILLSTAR_CHECK(put_tools(body, request));
  const auto extra = request.extra.value();
  more = more || (extra.is_object() && !extra.get_object().empty());
  // The official clients send it, empty or not, with whatever goes beyond the contents.
  if (more) body.set("generationConfig", config);
  HILLSTAR_CHECK(body.merge(request.extra, {"contents", "model"}));
  return body;
}

Result<std::string> google_url(const Endpoint& endpoint, std::string_view path) {
  if (endpoint.api_version == "v1beta") return versioned_url(endpoint.base_url, {"/v1beta", "/v1alpha", "/v1"}, path);
  if (endpoint.api_version == "v1alpha") return versioned_url(endpoint.base_url, {"/v1alpha", "/v1beta", "/v1"}, path);
  if (!endpoint.api_version.empty() && endpoint.api_version != "v1")
    return Error{Errc::provider_config,
                 "There is no version '" + endpoint.api_version + "' of the Gemini API.",
                 {},
                 "Its versions are v1, v1beta and v1alpha."};
  return versioned_url(endpoint.base_url, {"/v1", "/v1beta", "/v1alpha"}, path);
}

Result<HttpRequest> to_http(const Endpoint& endpoint, std::string_view path, std::string body) {
  HILLSTAR_TRY(auto url, google_url(endpoint, path));
  auto http = body.empty() ? json_get(std::move(url), endpoint) : json_post(std::move(url), endpoint, std::move(body));
  http.key_header = "x-goog-api-key";
  return http;
}

}  // namespace

Result<HttpRequest> Google::encode(const ModelRequest& request, const Endpoint& endpoint) const {
  HILLSTAR_TRY(const auto model, model_path(request.model));
  HILLSTAR_TRY(const auto body, body_of(request));
  const char* method = endpoint.stream ? ":streamGenerateContent?alt=sse" : ":generateContent";
  return to_http(endpoint, "/" + model + method, body.text());
}

Result<HttpRequest> Google::encode_count(const ModelRequest& request, const Endpoint& endpoint) const {
  HILLSTAR_TRY(const auto model, model_path(request.model));
  HILLSTAR_TRY(const auto body, body_of(request));
  const std::string text = body.text();
  // Anything but contents counts only within a whole request, which must name the model again.
  const bool bare = !body.has("generationConfig");
  std::string whole = R"({"generateContentRequest":{"model":)";
  json::append_string(whole, model);
  whole += "," + text.substr(1) + "}";
  return to_http(endpoint, "/" + model + ":countTokens", bare ? text : whole);
}

Result<HttpRequest> Google::encode_embedding(const EmbeddingRequest& request, const Endpoint& endpoint) const {
  HILLSTAR_TRY(const auto model, model_path(request.model));
  std::string body = R"({"requests":[)";
  for (const auto& text : request.texts) {
    RequestBody one;
    one.set_text("model", model);
    one.set("content", bj::object{{"parts", bj::array{text_part(text)}}, {"role", "user"}});
    if (request.dimensions) one.set("outputDimensionality", bj::value(*request.dimensions));
    HILLSTAR_CHECK(one.merge(request.extra, {"model", "content"}));
    if (body.back() == '}') body += ',';
    body += one.text();
  }
  return to_http(endpoint, "/" + model + ":batchEmbedContents", body + "]}");
}

Result<HttpRequest> Google::encode_models(const Endpoint& endpoint) const {
  return to_http(endpoint, "/models?pageSize=1000", {});
}

}  // namespace hillstar::providers
