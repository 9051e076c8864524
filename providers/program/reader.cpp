// SPDX-License-Identifier: Apache-2.0
#include "providers/program/reader.hpp"

#include <boost/json.hpp>
#include <utility>

#include "messages/json.hpp"
#include "providers/fields.hpp"
#include "providers/text.hpp"

namespace hillstar::providers {

ModelChunk ProgramReader::feed(std::string_view bytes) {
  ModelChunk chunk;
  if (broken_) return chunk;
  if (pending_.size() + bytes.size() > kReplyBytesMax) {
    broken_ = Failure{FailureClass::output_limit, "The program's reply is too large.", {}};
    return chunk;
  }
  pending_ += bytes;
  if (is_document_) return chunk;
  std::size_t begin = 0;
  for (auto end = pending_.find('\n', scanned_); end != std::string::npos; end = pending_.find('\n', begin)) {
    const auto line = trimmed(std::string_view(pending_).substr(begin, end - begin));
    if (!line.empty()) take_line(line, chunk);
    if (broken_) return chunk;
    if (is_document_) break;
    begin = end + 1;
  }
  pending_.erase(0, begin);
  scanned_ = pending_.size();
  return chunk;
}

void ProgramReader::take_line(std::string_view line, ModelChunk& chunk) {
  const auto value = json::parse(line, {.bytes_max = kReplyBytesMax, .depth_max = kReplyDepthMax});
  const bool is_object = value && value->is_object();
  if (is_object) {
    any_ = true;
    return on_object(*value, chunk);
  }
  if (noise_ == Noise::ignored) return;
  if (!any_ && !value && !is_document_ && line.starts_with('{')) {
    is_document_ = true;
    return;
  }
  broken(value ? "The program wrote JSON that is no object."
               : "The program wrote something that is no JSON: " + value.error().message);
}

std::variant<ModelReply, Failure> ProgramReader::finish(const HttpOutcome& http) {
  const auto* failure = std::get_if<Failure>(&http);
  if (const auto* reply = std::get_if<HttpReply>(&http); reply != nullptr && !reply->body.empty()) feed(reply->body);
  ModelChunk ignored;
  if (const auto rest = trimmed(pending_); !broken_ && !rest.empty()) {
    const std::string last(rest);
    pending_.clear();
    // A document that cannot be read is not taken for the beginning of one again.
    any_ = any_ || is_document_ || failure == nullptr;
    take_line(last, ignored);
  }
  const bool stopped = failure != nullptr && failure->kind != FailureClass::exit_code;
  if (told_ && !stopped) return *told_;
  if (failure != nullptr) return explain(*failure);
  if (broken_) return *broken_;
  return result();
}

void ProgramReader::told(Failure failure) {
  if (!told_) told_ = std::move(failure);
}

void ProgramReader::add_text(std::string_view text, ModelChunk& chunk) {
  text_ += text;
  chunk.text += text;
}

void ProgramReader::broken(std::string message) {
  if (!broken_) broken_ = Failure{FailureClass::malformed_reply, std::move(message), {}};
}

}  // namespace hillstar::providers
