// SPDX-License-Identifier: Apache-2.0
// Data to stdout, talk to stderr. The only place that prints.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "messages/error.hpp"
#include "messages/json.hpp"

namespace hillstar::cli {

enum class Format { text, json, jsonl };

enum class Tone { plain, good, bad, warning, faint, strong };

struct OutputOptions {
  Format format = Format::text;
  bool quiet = false;
  bool verbose = false;
  bool no_color = false;  ///< --no-color, or NO_COLOR set and not empty.
};

/// Not thread-safe: the main thread prints.
class Output {
 public:
  explicit Output(OutputOptions options);

  [[nodiscard]] Format format() const { return options_.format; }
  [[nodiscard]] bool is_json() const { return options_.format != Format::text; }
  [[nodiscard]] bool quiet() const { return options_.quiet; }
  [[nodiscard]] bool verbose() const { return options_.verbose; }
  [[nodiscard]] bool stderr_is_terminal() const { return stderr_terminal_; }
  [[nodiscard]] bool stdout_is_terminal() const { return stdout_terminal_; }

  /// A line of data. Text from nodes must have passed visible() if stdout is a terminal.
  void data(std::string_view line);
  void data(const Json& document) { data(document.text()); }
  /// Bytes of data as they are.
  void bytes(std::string_view bytes);
  /// A line of talk; dropped by --quiet.
  void say(std::string_view line);
  /// What every warning and error goes through on its way out: secrets are masked in what a message quotes.
  void mask_with(std::function<std::string(std::string_view)> mask) { mask_ = std::move(mask); }
  [[nodiscard]] std::string masked(std::string_view text) const { return mask_ ? mask_(text) : std::string(text); }
  /// A line of talk that --quiet keeps: warnings and what a person must do.
  void warn(std::string_view line);
  /// `error HS112 at ...` on stderr, and with -o json also as an object on stdout.
  void error(const Error& error);
  /// Pieces of the live board: straight to stderr.
  void draw(std::string_view bytes);

  /// Wraps `text` for stderr; unchanged where there is no colour.
  [[nodiscard]] std::string paint(Tone tone, std::string_view text) const;
  /// The same for stdout.
  [[nodiscard]] std::string paint_data(Tone tone, std::string_view text) const;

  /// True once stdout refused bytes: nobody reads, so long output may stop.
  [[nodiscard]] bool broken() const { return broken_; }
  /// True if stdout is a pipe that nobody reads any more, though nothing was written since. Asks the system.
  [[nodiscard]] bool reader_left() const;
  /// The error of stdout that is not a closed pipe, such as a full disk; 0 if there was none.
  [[nodiscard]] int write_error() const { return write_error_; }

 private:
  void write_stdout(std::string_view bytes);

  OutputOptions options_;
  bool stderr_terminal_;
  bool stdout_terminal_;
  bool broken_ = false;
  int write_error_ = 0;
  std::function<std::string(std::string_view)> mask_;
};

/// `text` in the escape sequences of `tone`.
std::string painted(Tone tone, std::string_view text);

}  // namespace hillstar::cli
