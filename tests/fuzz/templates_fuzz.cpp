// SPDX-License-Identifier: Apache-2.0
// Templates: references lie inside their text, and filling them in never fails on what results hold.
#include <boost/json.hpp>

#include "runtime/workflow/item_list.hpp"
#include "runtime/workflow/references.hpp"
#include "tests/fuzz/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace workflow = hillstar::workflow;
  using hillstar::fuzz::hold;
  const auto text = hillstar::fuzz::text_of(data, size);
  std::size_t last = 0;
  for (const auto& reference : workflow::find_references(text)) {
    hold(reference.begin >= last && reference.begin < reference.end && reference.end <= text.size(),
         "references are in order and inside the text");
    last = reference.end;
  }
  if (!hillstar::json::is_utf8(text)) return 0;
  // The text is the template and also what is filled in, so that second-order expansion would show.
  hillstar::ExecuteNode command;
  hillstar::Value result;
  result.json = hillstar::Json::of(boost::json::object{{"output", text}, {"list", boost::json::array{1, text}}});
  command.bindings.push_back({"a", result});
  command.inputs = hillstar::Json::of(boost::json::object{{"b", text}});
  const hillstar::Value list{{}, hillstar::Json::of(boost::json::array{text, boost::json::object{{"c", text}}})};
  const auto read = [](const std::string&) -> hillstar::Result<std::string> { return std::string(); };
  const auto items = workflow::ItemList::of(list, read);
  hold(items && items->size() == 2, "a list of two is cut into two");
  hold(items->at(0).json == hillstar::Json::string(text), "and holds what went in");
  command.ref.item = 1;
  command.item = items->at(1);
  const auto rendered = workflow::render(hillstar::Json::string(text), command, read);
  hold(rendered.has_value(), "a template is filled in");
  hold(hillstar::json::is_utf8(rendered->text), "with text");
  (void)workflow::list_items(hillstar::Json::string(text), command, read);
  return 0;
}
