// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/item_list.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace hillstar;
using namespace hillstar::workflow;

namespace {

Value list(const std::string& text) { return {{}, Json::from_canonical(text)}; }

ItemList cut(const Value& value) {
  return *ItemList::of(value, [](const std::string&) -> Result<std::string> { return std::string(); });
}

}  // namespace

TEST_CASE("item list: cut where the items end, whatever the items hold") {
  const auto items = cut(list(R"(["a,]\"[",{"k":[1,{"m":","}]},[],-1.5,null])"));
  REQUIRE(items.size() == 5);
  CHECK(items.at(0).json.text() == R"("a,]\"[")");
  CHECK(items.at(1).json.text() == R"({"k":[1,{"m":","}]})");
  CHECK(items.at(2).json.text() == "[]");
  CHECK(items.at(3).json.text() == "-1.5");
  CHECK(items.at(4).json.is_null());
  CHECK(items.at(5).json.is_null());
}

TEST_CASE("item list: an empty list, and what is no list, has no items") {
  for (const char* text : {"[]", "null", "{}", "\"[1,2]\"", "7"}) {
    CAPTURE(text);
    CHECK(cut(list(text)).size() == 0);
    CHECK(cut(list(text)).at(0).json.is_null());
  }
}

TEST_CASE("item list: one that is a blob is read once, however many items are asked for") {
  constexpr std::uint32_t kItems = 20'000;
  std::string text = "[";
  for (std::uint32_t i = 0; i < kItems; ++i) text += (i == 0 ? "" : ",") + std::to_string(i);
  text += "]";
  int reads = 0;
  const auto items =
      ItemList::of(Value{{{"", text.size(), false, "sha"}}, {}}, [&](const std::string& sha256) -> Result<std::string> {
        ++reads;
        CHECK(sha256 == "sha");
        return text;
      });
  REQUIRE(items);
  REQUIRE(items->size() == kItems);
  for (std::uint32_t i = 0; i < kItems; ++i) REQUIRE(items->at(i).json.text() == std::to_string(i));
  CHECK(reads == 1);
}

TEST_CASE("item list: fails if its blob cannot be read") {
  const auto items = ItemList::of(Value{{{"", 9, false, "sha"}}, {}}, [](const std::string&) -> Result<std::string> {
    return Error{Errc::blob_missing, "no such blob"};
  });
  REQUIRE_FALSE(items);
  CHECK(items.error().code == Errc::blob_missing);
}
