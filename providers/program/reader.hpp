// SPDX-License-Identifier: Apache-2.0
// What a program writes to stdout, cut into JSON objects: one on each line, or one over all of them.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "providers/adapter.hpp"

namespace hillstar::providers {

class ProgramReader : public ReplyReader {
 public:
  /// Lines that are no JSON object are a broken reply, or, for programs that mix talk into it, passed over.
  enum class Noise { refused, ignored };
  explicit ProgramReader(Noise noise) : noise_(noise) {}

  ModelChunk feed(std::string_view bytes) final;
  /// `http` is how the program ended. What it said of a failure itself counts for more than its exit code.
  std::variant<ModelReply, Failure> finish(const HttpOutcome& http) final;
  [[nodiscard]] const std::string& partial() const final { return text_; }

 protected:
  virtual void on_object(const boost::json::value& object, ModelChunk& chunk) = 0;
  /// The program ended well, and nothing was refused.
  virtual std::variant<ModelReply, Failure> result() = 0;
  /// Puts a meaning into the failure of a program that ended badly; the default leaves it as it is.
  [[nodiscard]] virtual Failure explain(Failure failure) const { return failure; }

  /// The program says that the call failed. The first word stays.
  void told(Failure failure);
  void add_text(std::string_view text, ModelChunk& chunk);
  /// In place of what came before; it is no piece of a stream.
  void set_text(std::string_view text) { text_ = text; }
  void broken(std::string message);

 private:
  void take_line(std::string_view line, ModelChunk& chunk);

  Noise noise_;
  std::string pending_;       // the line, or document, that has not ended
  std::size_t scanned_ = 0;   // of it, without a line end
  bool is_document_ = false;  // the first line was no value by itself
  bool any_ = false;
  std::string text_;
  std::optional<Failure> told_;
  std::optional<Failure> broken_;
};

}  // namespace hillstar::providers
