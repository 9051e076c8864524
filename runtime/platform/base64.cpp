// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/base64.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <cstddef>

#include "messages/error.hpp"

namespace hillstar {

std::string base64(std::string_view bytes) {
  constexpr std::size_t kBytesMax = std::size_t{1} << 30U;  // the library counts in int
  HILLSTAR_ASSERT(bytes.size() <= kBytesMax);
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // it adds a zero
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::string base64url(std::string_view bytes) {
  auto text = base64(bytes);
  text.resize(std::min(text.find('='), text.size()));
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

}  // namespace hillstar
