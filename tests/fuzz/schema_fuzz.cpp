// SPDX-License-Identifier: Apache-2.0
// A schema on the first line, a reply behind it: whatever they are, there is one answer, it is short, and it is the
// same for every way to write the same reply.
#include <boost/json.hpp>

#include "messages/json.hpp"
#include "runtime/policy/json_schema.hpp"
#include "runtime/policy/reply_schema.hpp"
#include "tests/fuzz/target.hpp"

namespace {

using hillstar::fuzz::hold;
namespace policy = hillstar::policy;

/// Sentences around the mismatches, each of which has a pointer and a message.
constexpr std::size_t kProblemBytesMax = 4096;

void check_remarks(const hillstar::Json& schema) {
  const auto remarks = policy::check_schema(schema);
  hold(remarks.size() <= policy::kRemarksMax, "not all that is wrong with a schema is told");
  for (const auto& remark : remarks) hold(!remark.message.empty(), "a remark says something");
  if (policy::is_strict_schema(schema)) hold(schema.value().is_object(), "a strict schema is an object");
}

policy::JsonReply read(const hillstar::ModelRequest& request, std::string text) {
  hillstar::ModelReply reply;
  reply.text = std::move(text);
  auto found = policy::read_json_reply(request, reply);
  hold(found.problem.size() <= kProblemBytesMax, "a problem is told in few words");
  hold(hillstar::json::is_utf8(found.problem), "a problem is text");
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = hillstar::fuzz::text_of(data, size);
  const auto line = bytes.find('\n');
  const auto schema = hillstar::json::parse(bytes.substr(0, line));
  if (!schema || line == std::string_view::npos) return 0;
  hillstar::ModelRequest request;
  request.format = hillstar::ReplyFormat::json_schema;
  request.schema = hillstar::Json::of(*schema);
  check_remarks(request.schema);

  const std::string text(bytes.substr(line + 1));
  const auto first = read(request, text);
  const auto value = hillstar::json::parse(text);
  if (!value) return 0;
  const auto found = policy::mismatches(request.schema, *value);
  hold(found.size() <= policy::kMismatchesMax, "not all mismatches are told");
  hold(found.empty() == first.problem.empty(), "a reply has a problem if it does not fit");
  const auto canonical = hillstar::json::canonical(*value);
  hold(hillstar::json::canonical(first.json.value()) == canonical, "the reply is what was written");
  hold(read(request, canonical).problem.empty() == first.problem.empty(), "the order of members changes nothing");
  if (text.find("```") != std::string::npos) return 0;
  hold(read(request, "```json\n" + text + "\n```").problem == first.problem, "a fence changes nothing");
  return 0;
}
