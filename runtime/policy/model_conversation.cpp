// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/model_conversation.hpp"

#include <boost/describe.hpp>
#include <boost/json.hpp>
#include <utility>

#include "runtime/policy/model_parameters.hpp"
#include "runtime/policy/shortened.hpp"
#include "runtime/workflow/references.hpp"
#include "runtime/workflow/templates.hpp"

namespace hillstar::policy {
namespace {

namespace bj = boost::json;
using json::member;

/// Base64 of all images of one request.
constexpr std::size_t kImagesBytesMax = 48U << 20U;

Error wrong(const std::string& pointer, const std::string& expected) { return wrong_parameter(pointer, expected); }

std::string text_of(const bj::value& value) {
  if (value.is_null()) return {};
  return value.is_string() ? std::string(value.get_string()) : json::canonical(value);
}

/// What is left of a reference to the attempt before in a loop's first attempt, which has none.
bool is_nothing(const bj::value& value) { return value.is_string() && workflow::trim(value.get_string()).empty(); }

/// Collects images of one request within their bounds.
class Images {
 public:
  Images(const Asked& asked, const ModelRequest& request) : asked_(asked) {
    for (const auto& turn : request.messages)
      for (const auto& image : turn.images) count(image);
  }

  Result<void> add(const bj::value& value, const std::string& pointer, std::vector<ModelImage>& to) {
    HILLSTAR_TRY(const auto name, read_image_name(value, pointer));
    if (count_ >= kImagesMax) return wrong(pointer, "one of at most " + std::to_string(kImagesMax) + " images");
    ModelImage image{"image/png", "AAAA", {}};
    if (asked_.load_image && !asked_.looks_ahead) {
      HILLSTAR_TRY(image, asked_.load_image(name.path));
    }
    count(image);
    if (bytes_ > kImagesBytesMax)
      return wrong(pointer, "smaller: the images of one request may have " + std::to_string(kImagesBytesMax >> 20U) +
                                " MiB as base64");
    image.detail = name.detail;
    to.push_back(std::move(image));
    return {};
  }

 private:
  void count(const ModelImage& image) {
    ++count_;
    bytes_ += image.base64.size();
  }

  const Asked& asked_;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
};

Result<ModelRole> role_of(const bj::value* value, const std::string& pointer) {
  ModelRole role = ModelRole::user;
  const bool known = value != nullptr && value->is_string() &&
                     boost::describe::enum_from_string(std::string(value->get_string()).c_str(), role);
  if (!known) return wrong(pointer + "/role", "system, developer, user, assistant or tool");
  return role;
}

/// Ours `{id, name, arguments}`, or OpenAI's with a `function` and arguments as text.
Result<ModelToolCall> call_of(const bj::value& value, const std::string& pointer) {
  const auto* function = member(value, "function");
  const auto& described = function != nullptr ? *function : value;
  const auto* id = member(value, "id");
  const auto* name = member(described, "name");
  if (id == nullptr || !id->is_string() || name == nullptr || !name->is_string())
    return wrong(pointer, "a tool call with id, name and arguments");
  ModelToolCall call{std::string(id->get_string()), std::string(name->get_string()), {}};
  const auto* arguments = member(described, "arguments");
  if (arguments == nullptr) {
    call.arguments = Json::of(bj::object());
  } else if (arguments->is_string()) {
    auto parsed = json::parse(arguments->get_string());
    call.arguments = Json::of(parsed && parsed->is_object() ? *parsed : *arguments);
  } else {
    call.arguments = Json::of(*arguments);
  }
  return call;
}

class Reader {
 public:
  Reader(const Asked& asked, ModelRequest& request) : asked_(asked), request_(request), images_(asked, request) {}

  Result<void> read() {
    const auto shape = asked_.shape->value();
    const auto filled = asked_.looks_ahead ? shape : Json::from_canonical(asked_.text).value();
    HILLSTAR_CHECK(read_messages(shape.at("messages"), filled.at("messages")));
    if (const auto* prompt = member(filled, "prompt")) request_.prompt = text_of(*prompt);
    if (request_.messages.empty() && request_.prompt.empty())
      return wrong("/input/messages", "a list with a turn at least, or have a prompt beside it");
    return {};
  }

 private:
  /// A string that is yet to be filled.
  [[nodiscard]] bool is_open(const bj::value& value) const {
    return asked_.looks_ahead && value.is_string() && !workflow::find_references(value.get_string()).empty();
  }

  Result<void> add(ModelTurn turn, const std::string& pointer) {
    if (request_.messages.size() >= kTurnsMax)
      return wrong(pointer, "one of at most " + std::to_string(kTurnsMax) + " turns");
    request_.messages.push_back(std::move(turn));
    return {};
  }

  Result<void> read_messages(const bj::value& shape, const bj::value& filled) {
    const std::string pointer = "/input/messages";
    if (!shape.is_array()) return read_data(filled, pointer);
    for (std::size_t i = 0; i < shape.get_array().size(); ++i) {
      const auto at = pointer + "/" + std::to_string(i);
      const auto& one = shape.get_array()[i];
      const auto& value = filled.get_array()[i];
      if (one.is_string()) {
        if (is_nothing(one)) continue;
        if (workflow::find_references(one.get_string()).empty())
          return wrong(at, "a turn, or a reference to one such as {{ node.message }}");
        HILLSTAR_CHECK(read_data(value, at));
      } else if (one.is_object()) {
        HILLSTAR_CHECK(read_turn(one, value, at));
      } else {
        return wrong(at, "an object with role and content");
      }
    }
    return {};
  }

  /// What a reference stands for: a turn, a list of them, text that holds such JSON, or nothing.
  Result<void> read_data(const bj::value& value, const std::string& pointer) {
    if (is_open(value)) {
      seen_open_ = true;
      ModelTurn unknown;
      unknown.text = "?";
      return add(std::move(unknown), pointer);
    }
    bj::value data = value;
    if (const auto* text = value.if_string()) {
      const auto trimmed = workflow::trim(*text);
      if (trimmed.empty()) return {};
      auto parsed = json::parse(trimmed);
      if (!parsed || !parsed->is_structured()) return wrong(pointer, "filled with a turn, found text");
      data = *std::move(parsed);
    }
    if (data.is_null()) return {};
    if (!data.is_array()) return read_data_turn(data, pointer);
    for (const auto& one : data.get_array()) HILLSTAR_CHECK(read_data_turn(one, pointer));
    return {};
  }

  Result<void> read_data_turn(const bj::value& data, const std::string& pointer) {
    if (!data.is_object()) return wrong(pointer, "filled with a turn, an object with role and content");
    ModelTurn turn;
    HILLSTAR_TRY(turn.role, role_of(member(data, "role"), pointer));
    if (const auto* content = member(data, "content")) {
      const auto* parts = content->if_array();
      if (parts == nullptr) turn.text = text_of(*content);
      for (std::size_t i = 0; parts != nullptr && i < parts->size(); ++i) {
        const auto* text = member((*parts)[i], "text");
        if (text == nullptr || !text->is_string())
          return wrong(pointer, "filled with a turn of text: only the workflow itself names images");
        turn.text += text->get_string();
      }
    }
    HILLSTAR_CHECK(read_rest(data, turn, pointer));
    return add(std::move(turn), pointer);
  }

  /// One that the author wrote.
  Result<void> read_turn(const bj::value& shape, const bj::value& filled, const std::string& pointer) {
    ModelTurn turn;
    const auto* role = member(filled, "role");
    if (role == nullptr || !is_open(*role)) {
      HILLSTAR_TRY(turn.role, role_of(role, pointer));
    }
    const auto* content = member(filled, "content");
    if (content != nullptr && shape.at("content").is_array())
      HILLSTAR_CHECK(read_parts(shape.at("content").get_array(), content->get_array(), turn, pointer + "/content"));
    else if (content != nullptr)
      turn.text = text_of(*content);
    HILLSTAR_CHECK(read_rest(filled, turn, pointer));
    return add(std::move(turn), pointer);
  }

  Result<void> read_parts(const bj::array& shape, const bj::array& filled, ModelTurn& turn,
                          const std::string& pointer) {
    for (std::size_t i = 0; i < shape.size(); ++i) {
      const auto at = pointer + "/" + std::to_string(i);
      const auto* type = member(shape[i], "type");
      if (shape[i].is_string()) {
        append(turn.text, text_of(filled[i]));
      } else if (type != nullptr && *type == "text" && member(shape[i], "text") != nullptr) {
        append(turn.text, text_of(filled[i].at("text")));
      } else if (type != nullptr && *type == "image") {
        HILLSTAR_CHECK(images_.add(filled[i], at, turn.images));
      } else {
        return wrong(at, "{\"type\": \"text\", \"text\": ...} or {\"type\": \"image\", \"path\": ...}");
      }
    }
    return {};
  }

  /// Between parts of text stands an empty line, as providers show them.
  static void append(std::string& to, const std::string& text) {
    if (!to.empty() && !text.empty()) to += "\n\n";
    to += text;
  }

  Result<void> read_rest(const bj::value& data, ModelTurn& turn, const std::string& pointer) {
    if (const auto* calls = member(data, "tool_calls"); calls != nullptr && !is_open(*calls)) {
      const auto* list = calls->if_array();
      // A model that called nothing.
      const bool none = calls->is_string() && calls->get_string().empty();
      if (list == nullptr && !none) return wrong(pointer + "/tool_calls", "a list of tool calls");
      for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
        HILLSTAR_TRY(auto call, call_of((*list)[i], pointer + "/tool_calls/" + std::to_string(i)));
        turn.tool_calls.push_back(std::move(call));
      }
    }
    const std::pair<const char*, std::string*> texts[] = {{"tool_call_id", &turn.tool_call_id},
                                                          {"name", &turn.tool_name}};
    for (const auto& [key, to] : texts) {
      const auto* text = member(data, key);
      if (text != nullptr && !text->is_string()) return wrong(pointer + "/" + key, "text");
      if (text != nullptr) *to = std::string(text->get_string());
    }
    // Which call it answers is known when the turns before are.
    if (turn.role == ModelRole::tool && seen_open_ && turn.tool_name.empty()) turn.tool_name = "?";
    if (const auto* error = member(data, "is_error"); error != nullptr && !is_open(*error)) {
      const bool none = *error == "" || *error == "false";
      if (!error->is_bool() && !none && *error != "true") return wrong(pointer + "/is_error", "true or false");
      turn.is_error = error->is_bool() ? error->get_bool() : !none;
    }
    if (const auto* verbatim = member(data, "verbatim"); verbatim != nullptr && verbatim->is_object())
      turn.verbatim = Json::of(*verbatim);
    return {};
  }

  const Asked& asked_;
  ModelRequest& request_;
  Images images_;
  bool seen_open_ = false;
};

}  // namespace

bool names_images(const Json& parameters, const Json& input) {
  const auto holds = [](const Json& json, const char* word) { return json.text().find(word) != std::string::npos; };
  return holds(parameters, "\"images\"") || (is_conversation(input) && holds(input, "\"image\""));
}

bool is_conversation(const Json& input) {
  if (!input.text().starts_with('{') || input.text().find("\"messages\"") == std::string::npos) return false;
  const auto value = input.value();
  const auto* messages = member(value, "messages");
  if (messages == nullptr) return false;
  return messages->is_array() || is_nothing(*messages) ||
         (messages->is_string() && !workflow::find_references(messages->get_string()).empty());
}

Result<void> put_conversation(const Asked& asked, ModelRequest& request) { return Reader(asked, request).read(); }

Result<void> put_images(const bj::value& parameters, const Asked& asked, ModelRequest& request) {
  const auto* list = member(parameters, "images");
  if (list == nullptr) return {};
  if (!list->is_array()) return wrong("/parameters/images", "a list of images");
  Images images(asked, request);
  for (std::size_t i = 0; i < list->get_array().size(); ++i)
    HILLSTAR_CHECK(images.add(list->get_array()[i], "/parameters/images/" + std::to_string(i), request.images));
  return {};
}

void ask_to_mend(const Rejected& rejected, ModelRequest& request) {
  if (!request.prompt.empty() || !request.images.empty() || request.messages.empty()) {
    ModelTurn turn;
    turn.text = std::move(request.prompt);
    turn.images = std::move(request.images);
    request.messages.push_back(std::move(turn));
    request.images.clear();
  }
  if (!rejected.output.empty()) {
    ModelTurn reply;
    reply.role = ModelRole::assistant;
    reply.text = shortened(rejected.output, kRejectedBytesMax);
    request.messages.push_back(std::move(reply));
  }
  request.prompt =
      "Your reply cannot be used. " + rejected.problem + "\n\nAnswer again, with the corrected JSON and nothing else.";
}

}  // namespace hillstar::policy
