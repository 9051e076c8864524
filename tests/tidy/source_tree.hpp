// SPDX-License-Identifier: Apache-2.0
// The files of this project as text. For the tests that hold the source to its rules.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hillstar::tidy {

struct SourceFile {
  std::string path;                ///< From the repository root, such as `runtime/run/run.hpp`.
  std::vector<std::string> lines;  ///< Without line ends.

  [[nodiscard]] bool is_cpp() const { return path.ends_with(".cpp") || path.ends_with(".hpp"); }
  [[nodiscard]] bool is_header() const { return path.ends_with(".hpp"); }
  [[nodiscard]] bool is_script() const { return path.ends_with(".sh") || path.ends_with(".py"); }
  [[nodiscard]] bool is_doc() const { return path.ends_with(".md"); }
  [[nodiscard]] bool in(std::string_view folder) const;
  [[nodiscard]] std::string text() const;
};

/// Every text file below the repository's folders, and those beside them; without what was built. Sorted by path.
const std::vector<SourceFile>& source_tree();
bool exists(const std::string& path);

/// `line` without what follows `//` and with the contents of literals blanked out.
std::string code_of(std::string_view line);
/// Columns of a UTF-8 line.
std::size_t columns(std::string_view line);
bool contains(std::string_view text, std::string_view part);

/// Collects what breaks a rule, so that one run shows everything.
class Findings {
 public:
  void add(const SourceFile& file, std::size_t line_index, std::string_view message);
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::size_t count_ = 0;
};

}  // namespace hillstar::tidy
