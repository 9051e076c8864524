// SPDX-License-Identifier: Apache-2.0
// Records: what is decoded is encoded to a record that says the same; exports are refused or hold.
#include "persistence/event_codec.hpp"
#include "persistence/export.hpp"
#include "tests/fuzz/target.hpp"

namespace {

namespace persistence = hillstar::persistence;
using hillstar::fuzz::hold;

/// A record's line, or the export line around it.
void check(std::string_view line) {
  constexpr std::string_view kExportStart = R"({"event":)";
  if (line.starts_with(kExportStart)) {
    line.remove_prefix(kExportStart.size());
    line = line.substr(0, line.rfind(R"(,"hash":)"));
  }
  const hillstar::RunId run("01JDCKP8Q0M7T3X5Z9B2N4V6W8");
  const auto decoded = persistence::decode(line, run);
  if (!decoded) return;
  const auto record = persistence::encode(run, decoded->seq, decoded->at, decoded->event, {});
  const auto again = persistence::decode(record.line, run);
  hold(again.has_value(), "an encoded event is decoded");
  hold(persistence::encode(run, again->seq, again->at, again->event, {}).line == record.line, "to the same record");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto text = hillstar::fuzz::text_of(data, size);
  (void)persistence::check_export(text);
  while (!text.empty()) {
    const auto end = text.find('\n');
    check(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return 0;
}
