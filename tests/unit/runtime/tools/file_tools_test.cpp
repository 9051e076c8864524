// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <sys/stat.h>

#include "runtime/tools/standard_tools.hpp"
#include "tests/unit/runtime/tools/tool_bench.hpp"

using namespace hillstar;
using namespace hillstar::tools;
using namespace hillstar::testing;

TEST_CASE("file_read: text comes back with its path, and line ends translated") {
  ToolBench bench("file_read");
  put(bench.folder / "a b \xC3\xA4.txt", "one\r\ntwo\rthree\n");
  bench.parameters({{"path", "a b \xC3\xA4.txt"}});
  const auto reply = bench();
  REQUIRE(succeeded(reply));
  CHECK(reply.result.json.text() == "{\"file_path\":\"a b \xC3\xA4.txt\",\"output\":\"one\\ntwo\\nthree\\n\"}");
}

TEST_CASE("tools: a failure's message ends its sentence before the advice follows") {
  CHECK(failed(Error{Errc::io, "the disk is full", {}, "Free some."}).failure->message ==
        "the disk is full. Free some.");
  CHECK(failed(Error{Errc::io, "The disk is full.", {}, "Free some."}).failure->message ==
        "The disk is full. Free some.");
  CHECK(failed(Error{Errc::io, "the disk is full"}).failure->message == "the disk is full");
}

TEST_CASE("file_read: the input is the path if it is not empty") {
  ToolBench bench("file_read");
  put(bench.folder / "in.txt", "from input");
  put(bench.folder / "p.txt", "from parameters");
  bench.parameters({{"path", "p.txt"}});
  bench.input("in.txt");
  CHECK(member(bench, bench(), "output") == "from input");
  bench.input("");
  CHECK(member(bench, bench(), "output") == "from parameters");
  bench.input("0", false);
  CHECK(member(bench, bench(), "output") == "from parameters");
  bench.input("5", false);
  CHECK(kind_of(bench()) == FailureClass::invalid_input);
}

TEST_CASE("file_read: bytes and long texts are blobs, and an empty file is empty text") {
  ToolBench bench("file_read");
  put(bench.folder / "bytes", "\x89PNG\r\n");
  bench.input("bytes");
  const auto bytes = bench();
  REQUIRE(bytes.result.blobs.size() == 1);
  CHECK(bytes.result.blobs[0].binary);
  CHECK(member(bench, bytes, "output") == "\x89PNG\r\n");
  put(bench.folder / "long", std::string(100'000, 'x'));
  bench.input("long");
  const auto text = bench();
  REQUIRE(text.result.blobs.size() == 1);
  CHECK_FALSE(text.result.blobs[0].binary);
  CHECK(member(bench, text, "output") == std::string(100'000, 'x'));
  put(bench.folder / "empty", "");
  bench.input("empty");
  CHECK(bench().result.json.text() == R"({"file_path":"empty","output":""})");
}

TEST_CASE("file_read: 64 MiB are read, one byte more is refused") {
  ToolBench bench("file_read");
  put(bench.folder / "big", "");
  REQUIRE(truncate((bench.folder / "big").c_str(), 64 << 20) == 0);
  bench.input("big");
  CHECK(succeeded(bench()));
  REQUIRE(truncate((bench.folder / "big").c_str(), (64 << 20) + 1) == 0);
  const auto reply = bench();
  CHECK(kind_of(reply) == FailureClass::output_limit);
  CHECK(reply.failure->message == "'big' is larger than the 64 MiB that file_read reads");
}

TEST_CASE("file_read: every way to fail is said in words") {
  ToolBench bench("file_read");
  CHECK(bench().failure->message == "file_read requires file path");
  bench.input("missing.txt");
  CHECK(kind_of(bench()) == FailureClass::not_found);
  CHECK(bench().failure->message == "cannot open 'missing.txt': no such file or directory");
  CHECK(bench().result.json.text() == R"({"error":"cannot open 'missing.txt': no such file or directory"})");
  bench.input("missing.txt\n");
  CHECK(bench().failure->message.find("ends in a line break") != std::string::npos);
  bench.input("/etc/hostname");
  CHECK(kind_of(bench()) == FailureClass::path_refused);
  CHECK(bench().failure->message.find("--allow-path /etc") != std::string::npos);
  bench.input(".");
  CHECK(kind_of(bench()) == FailureClass::io);
  REQUIRE(mkfifo((bench.folder / "pipe").c_str(), 0600) == 0);
  bench.input("pipe");
  CHECK(bench().failure->message == "'pipe' is not a regular file");
  bench.input(std::string("a\0b", 3));
  CHECK(kind_of(bench()) == FailureClass::invalid_input);
  bench.input("");
  bench.parameters({{"path", 5}});
  CHECK(bench().failure->message == "file_read: parameters.path must be a string");
}

TEST_CASE("file_read: an allowed folder opens") {
  ToolBench bench("file_read");
  const TempFolder other;
  put(other / "x", "other");
  bench.input(other / "x");
  CHECK(kind_of(bench()) == FailureClass::path_refused);
  bench.run->allow_paths = {other.path()};
  CHECK(member(bench, bench(), "output") == "other");
}

TEST_CASE("file_write: writes bytes, counts them, and makes folders") {
  ToolBench bench("file_write");
  bench.parameters({{"path", "bare.txt"}});
  bench.input("\xC3\xA4\xC3\xB6");
  CHECK(bench().result.json.text() == R"({"output":"Wrote 4 bytes to bare.txt"})");
  CHECK(bench().result.json.text() == R"({"output":"Wrote 4 bytes to bare.txt"})");
  CHECK(get(bench.folder / "bare.txt") == "\xC3\xA4\xC3\xB6");
  bench.parameters({{"path", "new/deep/file"}, {"content", "ignored"}});
  bench.input(std::string("\x00\xFF", 2));
  CHECK(member(bench, bench(), "output") == "Wrote 2 bytes to new/deep/file");
  CHECK(get(bench.folder / "new/deep/file") == std::string("\x00\xFF", 2));
  bench.input("");
  CHECK(member(bench, bench(), "output") == "Wrote 0 bytes to new/deep/file");
  CHECK(get(bench.folder / "new/deep/file").empty());
}

TEST_CASE("file_write: values other than text are written as JSON, also the falsy ones") {
  ToolBench bench("file_write");
  bench.parameters({{"path", "v.json"}});
  for (const std::string text : {"5", "0", "false", "[1,2]", "{}"}) {
    bench.input(text, false);
    CHECK(succeeded(bench()));
    CHECK(get(bench.folder / "v.json") == text);
  }
}

TEST_CASE("file_write: refuses what it cannot do without a trace") {
  ToolBench bench("file_write");
  CHECK(bench().failure->message == "file_write requires path and content");
  bench.parameters({{"path", "x"}});
  CHECK(bench().failure->message == "file_write requires path and content");
  bench.input("text");
  for (const std::string path : {"../escape.txt", "/hillstar-escape.txt"}) {
    bench.parameters({{"path", path}});
    CHECK(kind_of(bench()) == FailureClass::path_refused);
  }
  std::filesystem::create_directory(bench.folder / "dir");
  for (const std::string path : {"dir", "dir/", "."}) {
    bench.parameters({{"path", path}});
    CHECK(kind_of(bench()) == FailureClass::io);
  }
  put(bench.folder / "file", "");
  bench.parameters({{"path", "file/below"}});
  CHECK_FALSE(succeeded(bench()));
  CHECK(entries(bench.folder.path()) == 2);
}

TEST_CASE("file tools: a cancelled attempt has no effect") {
  ToolBench write("file_write");
  write.parameters({{"path", "x"}});
  write.input("text");
  write.cancel.set();
  CHECK(write().cancelled);
  CHECK(entries(write.folder.path()) == 0);
  ToolBench read("file_read");
  put(read.folder / "x", "text");
  read.input("x");
  read.cancel.set();
  CHECK(read().cancelled);
}
