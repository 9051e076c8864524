// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/report_texts.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>

#include "persistence/memory_store.hpp"
#include "runtime/platform/hash.hpp"

namespace hillstar::cli::doc {
namespace {

struct Reader {
  persistence::MemoryStore store;
  policy::Redactor redactor{{"zebra-crossing-42"}};
  Texts texts{store, redactor};

  BlobRef blob(std::string_view bytes, std::string at = "/output") {
    return {std::move(at), bytes.size(), false, *store.put_blob(bytes)};
  }
};

Value value_of(const boost::json::value& document, std::vector<BlobRef> blobs = {}) {
  return {std::move(blobs), Json::of(document)};
}

}  // namespace

TEST_CASE("report texts: a short text is whole and has no hash") {
  Reader reader;
  const auto text = reader.texts.of("Output", "short");
  CHECK(text.text == "short");
  CHECK(text.bytes == 5);
  CHECK(text.sha256.empty());
}

TEST_CASE("report texts: a text at the limit is whole, one byte more is cut") {
  Reader reader;
  const std::string at(kTextBytesMax, 'x');
  CHECK(reader.texts.of("Output", at).sha256.empty());
  const auto text = reader.texts.of("Output", at + "y");
  CHECK(text.text == at);
  CHECK(text.bytes == kTextBytesMax + 1);
  CHECK(text.sha256 == sha256_hex(at + "y"));
}

TEST_CASE("report texts: no character is cut in two") {
  Reader reader;
  const auto text = reader.texts.of("Output", std::string(kTextBytesMax - 1, 'x') + "\u00e9 and more");
  CHECK(text.text == std::string(kTextBytesMax - 1, 'x'));
  CHECK(json::is_utf8(text.text));
}

TEST_CASE("report texts: a secret is masked wherever it stands, also at the cut") {
  Reader reader;
  for (const std::size_t before : {std::size_t{0}, std::size_t{8190}, kTextBytesMax - 5, kTextBytesMax - 1}) {
    const auto bytes = std::string(before, ' ') + "zebra-crossing-42" + std::string(kTextBytesMax, '.');
    const auto text = reader.texts.of("Output", bytes);
    CHECK(text.text.find("zebra") == std::string::npos);
    CHECK_FALSE(text.sha256.empty());
    const auto kept = reader.blob(bytes);
    std::vector<Text> shown;
    reader.texts.add_result(shown, value_of(boost::json::object{{"output", nullptr}}, {kept}));
    REQUIRE(shown.size() == 1);
    CHECK(shown.front().text == text.text);
    CHECK(shown.front().sha256 == kept.sha256);
  }
}

TEST_CASE("report texts: of a result its output and its error output are shown, else all of it") {
  Reader reader;
  std::vector<Text> shown;
  reader.texts.add_result(shown,
                          value_of(boost::json::object{{"output", "out"}, {"error", "err"}, {"return_code", 1}}));
  REQUIRE(shown.size() == 2);
  CHECK(shown[0].text == "out");
  CHECK(shown[1].label == "Error output");
  CHECK(shown[1].text == "err");
  shown.clear();
  reader.texts.add_result(shown, value_of(boost::json::array{1, 2}));
  REQUIRE(shown.size() == 1);
  CHECK(shown[0].text == "[\n  1,\n  2\n]");
  shown.clear();
  reader.texts.add_result(shown, {});
  CHECK(shown.empty());
}

TEST_CASE("report texts: a blob that is gone is said, not shown as empty") {
  Reader reader;
  std::vector<Text> shown;
  reader.texts.add_result(
      shown, value_of(boost::json::object{{"output", nullptr}}, {{"/output", 9, false, std::string(64, 'a')}}));
  REQUIRE(shown.size() == 1);
  CHECK(shown[0].text.empty());
  CHECK(shown[0].left_out.find("HS212") != std::string::npos);
  CHECK(reader.texts.request(std::string(64, 'b')).left_out.find("HS212") != std::string::npos);
}

TEST_CASE("report texts: once the report is full, texts are left out") {
  Reader reader;
  const std::string whole(kTextBytesMax, 'x');
  for (std::size_t i = 0; i < kAllTextBytesMax / kTextBytesMax; ++i)
    REQUIRE(reader.texts.of("Output", whole).left_out.empty());
  const auto text = reader.texts.of("Output", "one more");
  CHECK(text.text.empty());
  CHECK(text.left_out == "left out: the report is full");
}

}  // namespace hillstar::cli::doc
