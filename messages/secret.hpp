// SPDX-License-Identifier: Apache-2.0
// A credential in memory: no printer, no JSON, no comparison; wiped on destruction.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace hillstar {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  Secret(Secret&& other) noexcept : text_(std::move(other.text_)) { other.wipe(); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      wipe();
      text_ = std::move(other.text_);
      other.wipe();
    }
    return *this;
  }
  ~Secret() { wipe(); }

  [[nodiscard]] bool empty() const { return text_.empty(); }
  /// For the request header, and nowhere else.
  [[nodiscard]] std::string_view reveal() const { return text_; }

 private:
  void wipe() {
    // volatile: the compiler may not drop a store to memory that is about to be freed.
    for (volatile char* c = text_.data(); c != text_.data() + text_.size(); ++c) *c = 0;
    text_.clear();
  }
  std::string text_;
};

}  // namespace hillstar
