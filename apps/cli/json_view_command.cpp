// SPDX-License-Identifier: Apache-2.0
// json-view: the members of a JSON object as people read them. Source: Hillstar specification 8.6.
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <filesystem>

#include "apps/cli/environment.hpp"
#include "apps/cli/project_commands.hpp"
#include "apps/cli/text.hpp"
#include "messages/utf8.hpp"
#include "runtime/platform/descriptor.hpp"
#include "runtime/platform/file_access.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;
namespace fs = std::filesystem;

constexpr std::size_t kViewBytesMax = 64U << 20U;
constexpr std::size_t kPreviewMax = 100;
constexpr std::size_t kIndent = 2;

/// Nested values one below the other. `value` is no deeper than json::Limits allows.
void append_pretty(std::string& out, const bj::value& value, std::size_t depth) {
  const std::string inner(kIndent * (depth + 1), ' ');
  const std::string outer(kIndent * depth, ' ');
  if (const auto* object = value.if_object(); object != nullptr && !object->empty()) {
    out += "{\n";
    std::size_t left = object->size();
    for (const auto& [key, member] : *object) {
      out += inner;
      json::append_string(out, {key.data(), key.size()});
      out += ": ";
      append_pretty(out, member, depth + 1);
      out += --left > 0 ? ",\n" : "\n";
    }
    out += outer + "}";
  } else if (const auto* array = value.if_array(); array != nullptr && !array->empty()) {
    out += "[\n";
    for (std::size_t i = 0; i < array->size(); ++i) {
      out += inner;
      append_pretty(out, (*array)[i], depth + 1);
      out += i + 1 < array->size() ? ",\n" : "\n";
    }
    out += outer + "]";
  } else {
    json::append_canonical(out, value);
  }
}

/// A string is its own text; all else is JSON.
std::string text_of(const bj::value& value) {
  if (const auto* text = value.if_string()) return std::string(*text);
  std::string out;
  append_pretty(out, value, 0);
  return out;
}

std::string_view type_of(const bj::value& value) {
  switch (value.kind()) {
    case bj::kind::null:
      return "null";
    case bj::kind::bool_:
      return "boolean";
    case bj::kind::int64:
    case bj::kind::uint64:
      return "integer";
    case bj::kind::double_:
      return "number";
    case bj::kind::string:
      return "string";
    case bj::kind::array:
      return "array";
    case bj::kind::object:
      return "object";
  }
  return "";
}

std::size_t characters_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::size_t lines_of(std::string_view text) {
  if (text.empty()) return 0;
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + (text.back() == '\n' ? 0 : 1);
}

/// The first characters of `text`, on one line.
std::string preview_of(std::string_view text) {
  std::size_t end = 0;
  for (std::size_t count = 0; end < text.size(); ++end)
    if ((static_cast<unsigned char>(text[end]) & 0xC0U) != 0x80U && ++count > kPreviewMax) break;
  std::string preview(text.substr(0, end));
  std::replace(preview.begin(), preview.end(), '\n', ' ');
  return preview + (end < text.size() ? "..." : "");
}

std::string numbered(std::string_view text) {
  std::string out;
  const auto width = std::to_string(lines_of(text)).size();
  for (std::size_t line = 1; !text.empty(); ++line) {
    const auto end = text.find('\n');
    out += fmt::format("{:>{}}  {}\n", line, width, text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return out;
}

/// A fence that no run of backticks in `text` can close.
std::string fence_for(std::string_view text) {
  std::size_t longest = 2;
  std::size_t run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return std::string(longest + 1, '`');
}

std::string markdown_of(const std::string& title, const bj::object& object) {
  std::string out = "# " + title + "\n";
  for (const auto& [key, value] : object) {
    const auto text = text_of(value);
    const auto fence = fence_for(text);
    out += "\n## " + one_line(std::string_view(key.data(), key.size()), 200) + "\n\n" + fence +
           (value.is_string() ? "text" : "json") + "\n" + text + (text.ends_with('\n') ? "" : "\n") + fence + "\n";
  }
  return out;
}

class Viewer {
 public:
  Viewer(Output& output, const JsonViewArgs& args, const bj::object& object)
      : output_(output), args_(args), object_(object) {}

  Result<Exit> view(const std::string& bytes) {
    if (args_.markdown) return write_markdown();
    if (args_.validate) return tell_valid();
    if (args_.raw) {
      output_.bytes(bytes);
      return Exit::done;
    }
    if (args_.summary) return summarize();
    if (!args_.key.empty()) return view_key();
    if (output_.is_json()) {
      output_.data(Json::of(object_));
      return Exit::done;
    }
    for (const auto& [key, value] : object_) {
      output_.data(output_.paint_data(Tone::strong, "== " + visible({key.data(), key.size()})));
      print(value);
    }
    return Exit::done;
  }

 private:
  void print(const bj::value& value) {
    const auto text = text_of(value);
    const auto shown = args_.lines ? numbered(text) : text;
    output_.bytes(output_.stdout_is_terminal() ? visible(shown) : shown);
    if (!shown.empty() && shown.back() != '\n') output_.bytes("\n");
  }

  Result<Exit> view_key() {
    const auto* value = object_.if_contains(args_.key);
    if (value == nullptr) {
      std::string keys;
      for (const auto& [key, ignored] : object_) keys += (keys.empty() ? "" : ", ") + std::string(key);
      return Error{Errc::not_found, "There is no key '" + args_.key + "'.", args_.file,
                   keys.empty() ? "The object is empty." : "It has " + one_line(keys, 400) + "."};
    }
    if (output_.is_json())
      output_.data(Json::of(*value));
    else
      print(*value);
    return Exit::done;
  }

  Result<Exit> tell_valid() {
    if (output_.is_json())
      output_.data(Json::of(bj::object{{"valid", true}, {"keys", object_.size()}}));
    else
      output_.data(fmt::format("Valid JSON: {} key{}", object_.size(), object_.size() == 1 ? "" : "s"));
    return Exit::done;
  }

  Result<Exit> summarize() {
    bj::array all;
    for (const auto& [key, value] : object_) {
      const auto text = text_of(value);
      const std::string name(key);
      if (output_.is_json()) {
        all.push_back(bj::object{{"key", name},
                                 {"type", type_of(value)},
                                 {"characters", characters_of(text)},
                                 {"lines", lines_of(text)},
                                 {"preview", preview_of(text)}});
        continue;
      }
      output_.data(output_.paint_data(Tone::strong, visible(name)));
      output_.data(fmt::format("  {}, {} characters, {} lines", type_of(value), characters_of(text), lines_of(text)));
      output_.data("  " + visible(preview_of(text)));
    }
    if (output_.is_json()) output_.data(Json::of(all));
    return Exit::done;
  }

  Result<Exit> write_markdown() {
    const auto file = absolute_path(args_.file);
    const auto target = args_.markdown_file.empty() ? (fs::path(file).parent_path() / "outputs.md").string()
                                                    : absolute_path(args_.markdown_file);
    const fs::path path(target);
    Descriptor folder(::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder.is_open()) return io_error(errno, "open the folder", path.parent_path().string());
    const auto text = markdown_of(fs::path(file).filename().string(), object_);
    HILLSTAR_CHECK(replace_file({std::move(folder), path.filename().string()}, text, target));
    if (output_.is_json())
      output_.data(Json::of(bj::object{{"written", target}, {"bytes", text.size()}}));
    else
      output_.data("Written: " + visible(target));
    return Exit::done;
  }

  Output& output_;
  const JsonViewArgs& args_;
  const bj::object& object_;
};

}  // namespace

Result<Exit> view_json(Context& context, const JsonViewArgs& args) {
  HILLSTAR_TRY(const auto bytes, read_file(args.file, Errc::io, kViewBytesMax));
  const auto document = json::parse(bytes);
  if (document && document->is_object()) return Viewer(context.output, args, document->get_object()).view(bytes);
  const Error wrong = document ? Error{Errc::json_type, "The file holds no JSON object.", args.file, {}}
                               : Error{document.error().code, "Invalid JSON: " + document.error().message,
                                       args.file + ":" + document.error().where, document.error().hint};
  context.output.error(wrong);
  return Exit::run_failed;
}

}  // namespace hillstar::cli
