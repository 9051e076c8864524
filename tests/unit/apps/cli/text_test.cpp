// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/text.hpp"

#include <doctest/doctest.h>

namespace hillstar::cli {

TEST_CASE("visible: escape sequences, carriage returns and direction marks can be seen and do nothing") {
  CHECK(visible("a\x1b[2Jb") == "a\\x1b[2Jb");
  CHECK(visible("one\rtwo") == "one\\x0dtwo");
  CHECK(visible("one\r\ntwo\tx") == "one\ntwo\tx");
  CHECK(visible("ab\u202egnp") == "ab\\u202egnp");
  CHECK(visible(std::string("nul\0", 4)) == "nul\\x00");
  CHECK(visible("\u009b31m") == "\\x9b31m");
}

TEST_CASE("visible: bytes that are no UTF-8 become replacement characters") {
  CHECK(visible("a\xff\xfe") == "a\ufffd\ufffd");
}

TEST_CASE("one_line: escape sequences are dropped, white space collapses, nothing is wider than asked") {
  CHECK(one_line("  \x1b[31mred\x1b[0m\n\n  text ", 40) == "red text");
  CHECK(one_line("\x1b]0;title\x07shown", 40) == "shown");
  CHECK(one_line("abcdef", 6) == "abcdef");
  CHECK(one_line("abcdefg", 6) == "abcde…");
  CHECK(one_line("abc", 0).empty());
  CHECK(columns(one_line("日本語のテキスト", 7)) <= 7);
}

TEST_CASE("one_line: an unfinished escape sequence ends with the text") {
  CHECK(one_line("a\x1b", 9) == "a");
  CHECK(one_line("a\x1b[31", 9) == "a");
  CHECK(one_line("a\x1b]0;t", 9) == "a");
}

TEST_CASE("columns: wide characters count two, combining ones none") {
  CHECK(columns("abc") == 3);
  CHECK(columns("日本") == 4);
  CHECK(columns("e\u0301") == 1);
  CHECK(pad("日", 4) == "日  ");
}

TEST_CASE("last_line: blank lines at the end do not count") {
  CHECK(last_line("one\ntwo\n\n ") == "two");
  CHECK(last_line("50%\r100%") == "100%");
  CHECK(last_line("\n \n").empty());
}

TEST_CASE("duration: the unit grows with the time") {
  CHECK(duration(Millis(12)) == "0.012 s");
  CHECK(duration(Millis(1'240)) == "1.24 s");
  CHECK(duration(Millis(12'340)) == "12.3 s");
  CHECK(duration(Millis(123'000)) == "2 m 03 s");
  CHECK(duration(Millis(3'720'000)) == "1 h 02 m");
  CHECK(duration(Millis(-5)) == "0.000 s");
}

TEST_CASE("money: four decimals, more for tiny amounts") {
  CHECK(money({12'300}) == "$0.0123");
  CHECK(money({7}) == "$0.000007");
  CHECK(money({2'500'000}) == "$2.5000");
}

TEST_CASE("table: columns are aligned and lines have no blanks at their end") {
  const auto lines = table({{"A", "LONG"}, {"日本", ""}, {"x", "y"}});
  CHECK(lines == std::vector<std::string>{"A     LONG", "日本", "x     y"});
}

}  // namespace hillstar::cli
