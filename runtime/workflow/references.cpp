// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/references.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <map>
#include <memory>

#include "runtime/workflow/templates.hpp"

namespace hillstar::workflow {
namespace {

namespace bj = boost::json;

std::string_view view(const bj::string& text) { return {text.data(), text.size()}; }

/// What a reference stands for. Missing and null are empty text.
struct Found {
  std::string text;
  bool binary = false;
  std::optional<bj::value> structure;  ///< Set for objects and arrays: `text` is unused.
};

/// A value that references look into, with the blobs that belong in it.
struct Source {
  bj::value json;
  std::vector<BlobRef> blobs;
};

std::string scalar_text(const bj::value& value) {
  if (value.is_null()) return {};
  if (value.is_string()) return std::string(value.get_string());
  return json::canonical(value);
}

Result<Found> blob_text(const BlobRef& blob, const ReadBlob& read) {
  HILLSTAR_TRY(auto bytes, read(blob.sha256));
  return Found{std::move(bytes), blob.binary, std::nullopt};
}

/// Walks from one value along keys. Each step keeps the JSON pointer, by which blobs are found.
class Walk {
 public:
  Walk(const Source& source, const ReadBlob& read) : value_(&source.json), blobs_(&source.blobs), read_(read) {}

  /// `output` of an object that has one; else the whole value, as Hillstar reads results.
  void enter_output() {
    if (value_->is_object() && value_->get_object().contains("output")) enter("output");
  }

  /// The exact key first, dots as steps if there is none. Steps into text that holds JSON, too.
  Result<void> follow(std::string_view key) {
    while (!key.empty() && value_ != nullptr) {
      HILLSTAR_CHECK(open_text());
      const auto dot = std::min(key.find('.'), key.size());
      const auto step = key.substr(0, dot);
      if (value_->is_object() && value_->get_object().contains(key)) {
        enter(key);
        return {};
      }
      enter(step);
      if (dot + 1 == key.size()) value_ = nullptr;
      key.remove_prefix(std::min(dot + 1, key.size()));
    }
    return {};
  }

  Result<Found> result() {
    if (value_ == nullptr) return Found{};
    if (const auto* blob = blob_here()) return blob_text(*blob, read_);
    if (!value_->is_structured()) return Found{scalar_text(*value_), false, std::nullopt};
    Found found{{}, false, *value_};
    for (const auto& blob : *blobs_) {
      if (!blob.at.starts_with(pointer_ + "/")) continue;
      boost::system::error_code code;
      auto* hole = found.structure->find_pointer(std::string_view(blob.at).substr(pointer_.size()), code);
      if (hole == nullptr) continue;
      HILLSTAR_TRY(const auto bytes, read_(blob.sha256));
      *hole = bj::value(json::to_utf8(bytes));
    }
    return found;
  }

 private:
  void enter(std::string_view key) {
    const bj::value* next = nullptr;
    if (value_->is_object()) {
      next = value_->get_object().if_contains(key);
    } else if (value_->is_array()) {
      std::size_t index = 0;
      const auto [end, code] = std::from_chars(key.data(), key.data() + key.size(), index);
      if (code == std::errc{} && end == key.data() + key.size()) next = value_->get_array().if_contains(index);
    }
    value_ = next;
    pointer_ += "/" + json::pointer_token(key);
  }

  [[nodiscard]] const BlobRef* blob_here() const {
    if (!value_->is_null()) return nullptr;
    const auto found = std::find_if(blobs_->begin(), blobs_->end(), [&](const BlobRef& b) { return b.at == pointer_; });
    return found == blobs_->end() ? nullptr : &*found;
  }

  Result<void> open_text() {
    const auto* blob = blob_here();
    if (blob == nullptr && !value_->is_string()) return {};
    std::string text;
    if (blob != nullptr) {
      HILLSTAR_TRY(text, read_(blob->sha256));
    } else {
      text = value_->get_string();
    }
    auto parsed = json::parse(trim(text));
    if (!parsed || !parsed->is_structured()) return {};
    opened_.push_back(std::make_unique<bj::value>(*std::move(parsed)));
    value_ = opened_.back().get();
    pointer_.clear();
    blobs_ = &none_;
    return {};
  }

  const bj::value* value_;  ///< Null: there is nothing at the key.
  const std::vector<BlobRef>* blobs_;
  const ReadBlob& read_;
  std::string pointer_;
  std::vector<std::unique_ptr<bj::value>> opened_;
  std::vector<BlobRef> none_;
};

/// Answers the references of one template. Results are parsed once each, and only if they are named.
class Filler {
 public:
  Filler(const ExecuteNode& command, const ReadBlob& read) : command_(command), read_(read) {}

  /// Nothing, if the reference names nothing this node was given: it stays as it is.
  Result<std::optional<Found>> look_up(std::string_view inner) {
    const auto name = split_reference(inner, [&](std::string_view id) { return binding(id) != nullptr; });
    const auto* bound = name.has_dot ? binding(name.source) : nullptr;
    const bool has_item = command_.ref.item.has_value();
    if (bound == nullptr && has_item && inner == "index")
      return std::optional(Found{std::to_string(*command_.ref.item), false, std::nullopt});
    HILLSTAR_TRY(const auto* source, source_of(bound, name.source));
    if (source == nullptr) return std::optional<Found>();
    Walk walk(*source, read_);
    auto key = name.key;
    if (bound != nullptr && (key == "output" || key.starts_with("output."))) {
      const bool exact = source->json.is_object() && source->json.get_object().contains(key);
      if (!exact) {
        walk.enter_output();
        key.remove_prefix(std::min<std::size_t>(key.size(), 7));
      }
    }
    HILLSTAR_CHECK(walk.follow(key));
    HILLSTAR_TRY(auto found, walk.result());
    return std::optional(std::move(found));
  }

  /// A string of a template: the one structured value it consists of, or text.
  Result<Found> fill(std::string_view text) {
    const auto references = find_references(text);
    Found filled;
    std::size_t copied = 0;
    for (const auto& reference : references) {
      HILLSTAR_TRY(auto found, look_up(inner_text(text, reference)));
      if (!found) continue;
      if (reference.begin == 0 && reference.end == text.size()) return *std::move(found);
      filled.text.append(text.substr(copied, reference.begin - copied));
      filled.text.append(found->structure ? json::canonical(*found->structure)
                         : found->binary  ? json::to_utf8(found->text)
                                          : found->text);
      copied = reference.end;
    }
    filled.text.append(text.substr(copied));
    return filled;
  }

  /// Recursion ends where the author's JSON does, which the parser bounds.
  Result<bj::value> fill(const bj::value& value) {
    if (value.is_string()) {
      HILLSTAR_TRY(auto found, fill(view(value.get_string())));
      if (found.structure) return *std::move(found.structure);
      return bj::value(found.binary ? json::to_utf8(found.text) : found.text);
    }
    if (value.is_array()) {
      bj::array out;
      out.reserve(value.get_array().size());
      for (const auto& element : value.get_array()) {
        HILLSTAR_TRY(auto filled, fill(element));
        out.push_back(std::move(filled));
      }
      return bj::value(std::move(out));
    }
    if (value.is_object()) {
      bj::object out;
      for (const auto& [key, element] : value.get_object()) {
        HILLSTAR_TRY(auto filled, fill(element));
        out.emplace(key, std::move(filled));
      }
      return bj::value(std::move(out));
    }
    return value;
  }

 private:
  [[nodiscard]] const Binding* binding(std::string_view id) const {
    const auto& all = command_.bindings;
    const auto found = std::find_if(all.begin(), all.end(), [&](const Binding& b) { return b.source == id; });
    return found == all.end() ? nullptr : &*found;
  }

  Result<const Source*> source_of(const Binding* bound, std::string_view name) {
    const std::string id(name);
    if (bound == nullptr && id != "inputs" && (id != "item" || !command_.ref.item)) return nullptr;
    const auto [entry, is_new] = sources_.try_emplace(bound == nullptr ? "\n" + id : id);
    auto& source = entry->second;
    if (!is_new) return &source;
    if (bound != nullptr) {
      source = {bound->result.json.value(), bound->result.blobs};
    } else if (id == "inputs") {
      source.json = command_.inputs.value();
    } else {
      source = {command_.item.json.value(), command_.item.blobs};
    }
    return &source;
  }

  const ExecuteNode& command_;
  const ReadBlob& read_;
  std::map<std::string, Source> sources_;  ///< A line feed before the reserved names: no node id holds one.
};

bool contains_ignoring_case(std::string_view text, std::string_view part) {
  const auto lower = [](std::string_view s) {
    std::string out(s);
    for (auto& c : out)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
  };
  return lower(text).find(lower(part)) != std::string::npos;
}

}  // namespace

Result<Rendered> render(const Json& input_template, const ExecuteNode& command, const ReadBlob& read) {
  if (input_template.is_null()) return Rendered{.is_null = true, .is_text = true, .text = {}};
  const auto value = input_template.value();
  Filler filler(command, read);
  if (!value.is_string()) {
    HILLSTAR_TRY(const auto filled, filler.fill(value));
    return Rendered{.is_null = false, .is_text = false, .text = json::canonical(filled)};
  }
  HILLSTAR_TRY(auto found, filler.fill(view(value.get_string())));
  return Rendered{.is_null = false,
                  .is_text = true,
                  .text = found.structure ? json::canonical(*found.structure) : std::move(found.text)};
}

Result<Json> list_items(const Json& for_each_template, const ExecuteNode& command, const ReadBlob& read) {
  Filler filler(command, read);
  HILLSTAR_TRY(auto list, filler.fill(for_each_template.value()));
  if (list.is_string()) {
    const std::string text(list.get_string());
    auto parsed = json::parse(trim(text));
    if (parsed && parsed->is_structured()) {
      list = *std::move(parsed);
    } else {
      auto& lines = list.emplace_array();
      for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find('\n', at), text.size());
        auto line = std::string_view(text).substr(at, end - at);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (!trim(line).empty()) lines.emplace_back(line);
        at = end + 1;
      }
    }
  }
  if (!list.is_array())
    return Error{Errc::reference,
                 "for_each gave " + std::string(bj::to_string(list.kind())) + ", expected an array or lines of text"};
  if (list.get_array().size() > kItemsMax)
    return Error{Errc::output_limit, "for_each gave " + std::to_string(list.get_array().size()) + " items, at most " +
                                         std::to_string(kItemsMax) + " are run"};
  return Json::of(list);
}

Result<bool> passes(const Test& test, const Value& result, const ReadBlob& read) {
  const Source source{result.json.value(), result.blobs};
  Walk walk(source, read);
  walk.enter_output();
  HILLSTAR_TRY(const auto found, walk.result());
  return passes(test, found.structure ? json::canonical(*found.structure) : found.text);
}

bool passes(const Test& test, std::string_view text) {
  if (test.equals) return trim(text) == trim(*test.equals);
  if (test.contains) return contains_ignoring_case(text, *test.contains);
  if (test.not_contains) return !contains_ignoring_case(text, *test.not_contains);
  return false;
}

}  // namespace hillstar::workflow
