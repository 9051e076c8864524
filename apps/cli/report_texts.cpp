// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/report_texts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "apps/cli/call_text.hpp"
#include "apps/cli/text_diff.hpp"
#include "messages/json.hpp"
#include "runtime/platform/hash.hpp"
#include "runtime/workflow/item_list.hpp"
#include "runtime/workflow/measure.hpp"
#include "runtime/workflow/references.hpp"

namespace hillstar::cli::doc {
namespace {

namespace bj = boost::json;

constexpr std::size_t kPieceBytes = 8 * 1024;

/// At most `bytes_max`, and no character is cut in two.
std::string beginning(std::string text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  text.resize(end);
  return text;
}

}  // namespace

/// Counts a text against what the report may hold in all.
void Texts::charge(Text& text) {
  if (text.text.size() > left_) {
    text.text.clear();
    text.left_out = "left out: the report is full";
    left_ = 0;
  } else {
    left_ -= text.text.size();
  }
}

Text Texts::missing(std::string label, const std::string& why) { return {std::move(label), {}, 0, {}, clean(why)}; }

Text Texts::of(std::string label, std::string_view bytes) {
  Text text{std::move(label), {}, bytes.size(), {}, {}};
  // In pieces, so that no more than what is shown is looked at, and a secret at the cut is found.
  policy::StreamRedactor stream(redactor_);
  std::size_t at = 0;
  for (; at < bytes.size() && text.text.size() <= kTextBytesMax; at += kPieceBytes)
    text.text += stream.feed(bytes.substr(at, kPieceBytes));
  if (at >= bytes.size()) text.text += stream.finish();
  if (at < bytes.size() || text.text.size() > kTextBytesMax) {
    text.text = beginning(std::move(text.text), kTextBytesMax);
    text.sha256 = sha256_hex(bytes);
  }
  charge(text);
  return text;
}

Text Texts::of_blob(std::string label, const BlobRef& blob) {
  Text text{std::move(label), {}, blob.bytes, blob.sha256, {}};
  policy::StreamRedactor stream(redactor_);
  const auto read = store_.copy_blob(blob.sha256, [&](std::string_view piece) -> Result<void> {
    if (text.text.size() <= kTextBytesMax) text.text += stream.feed(piece);
    return {};
  });
  if (!read) return missing(text.label, to_string(read.error()));
  if (text.text.size() <= kTextBytesMax) text.text += stream.finish();
  if (text.text.size() <= kTextBytesMax)
    text.sha256.clear();
  else
    text.text = beginning(std::move(text.text), kTextBytesMax);
  charge(text);
  return text;
}

Text Texts::of_member(std::string label, const Value& value, const std::string& key) {
  const auto pointer = key.empty() ? std::string() : "/" + json::pointer_token(key);
  for (const auto& blob : value.blobs)
    if (blob.at == pointer) return of_blob(std::move(label), blob);
  const auto document = value.json.value();
  const auto* shown = key.empty() ? &document : json::member(document, key);
  if (shown == nullptr) return {std::move(label), {}, 0, {}, {}};
  if (const auto* text = shown->if_string()) return of(std::move(label), *text);
  return of(std::move(label), shown->is_structured() ? pretty(*shown) : json::canonical(*shown));
}

void Texts::add_result(std::vector<Text>& texts, const Value& value) {
  if (value.json.is_null() && value.blobs.empty()) return;
  const auto document = value.json.value();
  const auto* object = document.if_object();
  if (object == nullptr || !object->contains("output")) {
    texts.push_back(of_member("Output", value, {}));
    return;
  }
  texts.push_back(of_member("Output", value, "output"));
  auto error = of_member("Error output", value, "error");
  if (!error.text.empty() || !error.left_out.empty()) texts.push_back(std::move(error));
}

Text Texts::input(const workflow::PlanNode& node, ExecuteNode command) {
  std::string label = "Input";
  const auto read = [this](const std::string& sha256) { return store_.read_blob(sha256); };
  if (command.ref.item) {
    const auto list = workflow::ItemList::of(command.items, read);
    if (!list) return missing(std::move(label), to_string(list.error()));
    command.item = list->at(*command.ref.item);
    command.items = {};
  }
  const auto most = workflow::most_bytes(node.input, command, command.item.json.text().size());
  if (most > kRenderBytesMax)
    return missing(std::move(label), fmt::format("left out: it may have {} bytes", grouped(most)));
  const auto rendered = workflow::render(node.input, command, read);
  if (!rendered) return missing(std::move(label), to_string(rendered.error()));
  if (rendered->is_null) return {std::move(label), {}, 0, {}, {}};
  return of(std::move(label), rendered->text);
}

Text Texts::request(const std::string& sha256) {
  std::string label = "Request, as it was sent";
  const auto kept = store_.read_blob(sha256);
  if (!kept) return missing(std::move(label), to_string(kept.error()));
  const auto record = json::parse(*kept);
  if (!record) return missing(std::move(label), to_string(record.error()));
  auto text = of(std::move(label), request_text(*record));
  // What is cut can be checked against the record, not against how it is laid out here.
  if (!text.sha256.empty()) text.sha256 = sha256;
  return text;
}

}  // namespace hillstar::cli::doc
