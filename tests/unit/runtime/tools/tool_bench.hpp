// SPDX-License-Identifier: Apache-2.0
// A workspace and a context in which one tool call can be made.
#pragma once

#include <boost/json.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/platform/hash.hpp"
#include "runtime/tools/standard_tools.hpp"
#include "tests/unit/runtime/platform/temp_folder.hpp"

namespace hillstar::testing {

class MemorySink final : public BlobSink {
 public:
  explicit MemorySink(std::map<std::string, std::string>& blobs) : blobs_(blobs) {}
  Result<void> append(std::string_view bytes) override {
    bytes_ += bytes;
    return {};
  }
  Result<std::string> finish() override {
    auto hash = sha256_hex(bytes_);
    blobs_[hash] = bytes_;
    return hash;
  }

 private:
  std::map<std::string, std::string>& blobs_;
  std::string bytes_;
};

struct ToolBench {
  TempFolder folder;
  std::shared_ptr<tools::RunContext> run = std::make_shared<tools::RunContext>();
  tools::CancelFlag cancel;
  std::map<std::string, std::string> blobs;
  std::string live;
  tools::ToolCall call;

  explicit ToolBench(const std::string& tool) {
    run->run = "01ARYZ6S41TSV4RRFFQ69G5FAV";
    run->workflow = "flow";
    run->workspace = folder.path();
    run->environment = {"PATH=/usr/bin:/bin", "HOME=" + folder.path()};
    call.tool = tool;
    call.node = "node";
    call.idempotency_key = run->run + "/node";
    call.attempt_key = run->run + "/node/1";
    call.input.is_null = true;
    call.parameters = Json::of(boost::json::object());
  }

  void input(const std::string& text, bool is_text = true) { call.input = {false, is_text, text}; }
  void parameters(boost::json::object object) { call.parameters = Json::of(object); }

  tools::ToolReply operator()() {
    tools::ToolContext context;
    context.run = run;
    context.cancel = &cancel;
    context.new_blob = [this] { return std::make_unique<MemorySink>(blobs); };
    context.progress = [this](std::string_view piece) { live += piece; };
    return tools::standard_catalog().at(call.tool).run(call, context);
  }
};

/// Text of a member of the result; the JSON of what is no string; the bytes of a blob.
inline std::string member(const ToolBench& bench, const tools::ToolReply& reply, const std::string& key) {
  for (const auto& blob : reply.result.blobs)
    if (blob.at == "/" + key) return bench.blobs.at(blob.sha256);
  const auto value = reply.result.json.value();
  const auto* found = value.is_object() ? value.get_object().if_contains(key) : nullptr;
  if (found == nullptr) return "(absent)";
  return found->is_string() ? std::string(found->get_string()) : json::canonical(*found);
}
inline FailureClass kind_of(const tools::ToolReply& reply) {
  // No tool ends with this one, so it stands for success.
  return reply.failure ? reply.failure->kind : FailureClass::min_success;
}
inline bool succeeded(const tools::ToolReply& reply) { return !reply.failure && !reply.cancelled; }

}  // namespace hillstar::testing
