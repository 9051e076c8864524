// SPDX-License-Identifier: Apache-2.0
// SHA-256 over OpenSSL.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace hillstar {

using Sha256 = std::array<std::uint8_t, 32>;

Sha256 sha256(std::string_view bytes);
/// Hash of the concatenation, without building it.
Sha256 sha256(std::string_view a, std::string_view b, std::string_view c);
std::string sha256_hex(std::string_view bytes);
std::string to_hex(const Sha256& hash);

/// SHA-256 of a stream.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(Sha256Stream&&) noexcept;
  Sha256Stream& operator=(Sha256Stream&&) noexcept;
  void append(std::string_view bytes);
  Sha256 finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hillstar
