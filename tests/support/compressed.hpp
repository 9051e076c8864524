// SPDX-License-Identifier: Apache-2.0
// Compressed bodies as servers make them, for tests.
#pragma once

#include <zlib.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace hillstar::testing {

enum class Format { gzip, zlib, bare };

/// The pieces, each flushed so that its receiver can read it at once; joined they are one body.
inline std::vector<std::string> compressed_pieces(const std::vector<std::string>& pieces, Format format) {
  z_stream stream{};
  const int bits = format == Format::gzip ? 15 + 16 : format == Format::zlib ? 15 : -15;
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, bits, 9, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("deflateInit2");
  std::vector<std::string> result;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    std::string out(deflateBound(&stream, pieces[i].size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(pieces[i].data()));
    stream.avail_in = static_cast<uInt>(pieces[i].size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, i + 1 == pieces.size() ? Z_FINISH : Z_SYNC_FLUSH);
    out.resize(out.size() - stream.avail_out);
    result.push_back(std::move(out));
  }
  deflateEnd(&stream);
  return result;
}

inline std::string compressed(std::string_view text, Format format = Format::gzip) {
  return compressed_pieces({std::string(text)}, format).front();
}

}  // namespace hillstar::testing
