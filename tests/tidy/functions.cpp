// SPDX-License-Identifier: Apache-2.0
#include "tests/tidy/functions.hpp"

#include <cctype>
#include <string_view>

#include "tests/tidy/source_tree.hpp"

namespace hillstar::tidy {
namespace {

bool has_word(std::string_view text, std::string_view word) {
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const auto end = at + word.size();
    const bool starts = at == 0 || std::isalnum(static_cast<unsigned char>(text[at - 1])) == 0;
    const bool ends = end == text.size() || std::isalnum(static_cast<unsigned char>(text[end])) == 0;
    if (starts && ends) return true;
  }
  return false;
}

/// Reads the text between two braces or semicolons: what does the next `{` open?
class Scanner {
 public:
  void take(char c, std::size_t line) {
    if (c == '{') {
      open();
    } else if (c == '}') {
      close(line);
    } else if (c == ';' && !in_function() && round_ == 0) {
      statement_.clear();
    } else {
      if (c == '(') ++round_;
      if (c == ')' && round_ > 0) --round_;
      if (statement_.empty() && std::isspace(static_cast<unsigned char>(c)) != 0) return;
      if (statement_.empty()) statement_line_ = line;
      statement_ += c;
    }
  }

  std::vector<Function> found;

 private:
  [[nodiscard]] bool in_function() const { return function_depth_ != 0; }

  void open() {
    ++depth_;
    if (in_function()) return;
    // clang-format puts a space before the brace of a body and none before that of an initialiser.
    const bool initialiser = !statement_.empty() && statement_.back() != ' ';
    const bool scope = has_word(statement_, "namespace") || has_word(statement_, "extern") ||
                       ((has_word(statement_, "class") || has_word(statement_, "struct") ||
                         has_word(statement_, "enum") || has_word(statement_, "union")) &&
                        !contains(statement_, "("));
    if (initialiser || round_ > 0) {
      initialisers_.push_back(depth_);
      return;
    }
    if (!scope && contains(statement_, ")")) {
      function_depth_ = depth_;
      first_ = statement_line_;
      return;
    }
    statement_.clear();
  }

  void close(std::size_t line) {
    if (!initialisers_.empty() && initialisers_.back() == depth_) {
      initialisers_.pop_back();
      statement_ += "} ";
    } else if (depth_ == function_depth_) {
      found.push_back({{}, first_, line});
      function_depth_ = 0;
      statement_.clear();
      round_ = 0;
    } else if (!in_function()) {
      statement_.clear();
    }
    if (depth_ > 0) --depth_;
  }

  std::string statement_;
  std::vector<std::size_t> initialisers_;
  std::size_t statement_line_ = 0;
  std::size_t first_ = 0;
  std::size_t depth_ = 0;
  std::size_t function_depth_ = 0;  ///< 0: outside functions.
  std::size_t round_ = 0;           ///< Open parentheses.
};

/// True if the line opens a raw string that it does not close; `ending` is what closes it.
bool opens_raw_string(std::string_view line, std::string& ending) {
  const auto at = line.rfind("R\"");
  if (at == std::string_view::npos) return false;
  const auto paren = line.find('(', at);
  if (paren == std::string_view::npos) return false;
  ending = ")" + std::string(line.substr(at + 2, paren - at - 2)) + "\"";
  return line.find(ending, paren) == std::string_view::npos;
}

}  // namespace

std::vector<Function> functions_of(const std::vector<std::string>& lines) {
  Scanner scanner;
  std::string raw_ending;
  bool in_raw = false;
  bool in_macro = false;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string_view line = lines[i];
    if (in_raw) {
      const auto at = line.find(raw_ending);
      if (at == std::string_view::npos) continue;
      line.remove_prefix(at + raw_ending.size());
      in_raw = false;
    }
    const bool directive = in_macro || line.starts_with('#');
    in_macro = directive && line.ends_with('\\');
    if (directive) continue;
    std::string text(line);
    if (opens_raw_string(line, raw_ending)) {
      in_raw = true;
      text = text.substr(0, text.rfind("R\""));
    } else if (const auto raw = text.find("R\""); raw != std::string::npos && !raw_ending.empty()) {
      // A raw string on one line: its braces do not count.
      const auto end = text.find(raw_ending, raw);
      if (end != std::string::npos) text.erase(raw, end + raw_ending.size() - raw);
    }
    for (const char c : code_of(text)) scanner.take(c, i);
    scanner.take(' ', i);
  }
  for (auto& function : scanner.found) function.head = lines[function.first];
  return std::move(scanner.found);
}

}  // namespace hillstar::tidy
