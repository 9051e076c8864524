// SPDX-License-Identifier: Apache-2.0
#include "runtime/run/hillstar_json.hpp"

#include <boost/json.hpp>

#include "messages/json.hpp"

namespace hillstar::run {
namespace {

constexpr std::size_t kSummaryBytesMax = 120;

/// Depth is bounded by the reader that made the value (json::Limits::depth_max).
class Layout {
 public:
  Layout(std::string& out, bool indented) : out_(out), indented_(indented) {}

  void write(const boost::json::value& value) {
    if (const auto* object = value.if_object()) {
      write_all('{', '}', object->begin(), object->end(), [&](const auto& member) {
        json::append_string(out_, {member.key().data(), member.key().size()});
        out_ += ": ";
        write(member.value());
      });
    } else if (const auto* array = value.if_array()) {
      write_all('[', ']', array->begin(), array->end(), [&](const auto& element) { write(element); });
    } else {
      json::append_canonical(out_, value);
    }
  }

 private:
  template <class Iterator, class Each>
  void write_all(char open, char close, Iterator begin, Iterator end, const Each& each) {
    out_ += open;
    ++depth_;
    for (auto at = begin; at != end; ++at) {
      if (at != begin) out_ += indented_ ? "," : ", ";
      new_line();
      each(*at);
    }
    --depth_;
    if (begin != end) new_line();
    out_ += close;
  }
  void new_line() {
    if (!indented_) return;
    out_ += '\n';
    out_.append(2 * depth_, ' ');
  }

  std::string& out_;
  bool indented_;
  std::size_t depth_ = 0;
};

/// At most kSummaryBytesMax bytes of whole characters; control characters become spaces.
std::string summary_of(std::string_view text) {
  auto end = text.size();
  if (end > kSummaryBytesMax) {
    end = kSummaryBytesMax;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  }
  auto summary = plain_line(std::string(text.substr(0, end)));
  if (end < text.size()) summary += "…";
  return summary;
}

OutputFacts facts_of_text(std::string_view text, const HashText& sha256_hex) {
  return {sha256_hex(text), text.size(), summary_of(text)};
}

}  // namespace

std::string spaced_json(const boost::json::value& value) {
  std::string out;
  Layout(out, false).write(value);
  return out;
}

std::string indented_json(const boost::json::value& value) {
  std::string out;
  Layout(out, true).write(value);
  return out;
}

OutputFacts output_facts(const Value& value, const HashText& sha256_hex) {
  for (const auto& blob : value.blobs)
    if (blob.at.empty() || blob.at == "/output") return {blob.sha256, blob.bytes, std::nullopt};
  const auto tree = value.json.value();
  const auto* output = tree.is_object() ? tree.get_object().if_contains("output") : nullptr;
  const auto& subject = output != nullptr ? *output : tree;
  if (subject.is_null() && value.blobs.empty()) return {};
  if (const auto* text = subject.if_string()) return facts_of_text({text->data(), text->size()}, sha256_hex);
  return facts_of_text(json::canonical(subject), sha256_hex);
}

Result<boost::json::value> whole_value(const Value& value, const ReadBlob& read_blob) {
  auto tree = value.json.value();
  for (const auto& blob : value.blobs) {
    HILLSTAR_TRY(auto bytes, read_blob(blob.sha256));
    boost::json::error_code code;
    auto* place = tree.find_pointer(blob.at, code);
    if (place == nullptr)
      return Error{Errc::record_corrupt, "a blob's place '" + blob.at + "' is not in its result", blob.sha256};
    *place = json::is_utf8(bytes) ? boost::json::string(bytes) : boost::json::string(json::to_utf8(bytes));
  }
  return tree;
}

}  // namespace hillstar::run
