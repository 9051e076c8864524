// SPDX-License-Identifier: Apache-2.0
// What a node produced: JSON, with large or non-UTF-8 strings kept apart as blobs.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"
#include "messages/json.hpp"

namespace hillstar {

/// Strings above this size are blobs (architecture.md section 4).
inline constexpr std::size_t kInlineBytesMax = 64 * 1024;

/// Names bytes by their content. The blob is durable before any event that names it.
struct BlobRef {
  std::string at;  ///< JSON pointer of the null in Value::json that these bytes replace.
  std::uint64_t bytes = 0;
  bool binary = false;  ///< Not valid UTF-8: handed on as bytes to scripts and files, as U+FFFD elsewhere.
  std::string sha256;   ///< 64 lower-case hex digits.

  bool operator==(const BlobRef&) const = default;
};
BOOST_DESCRIBE_STRUCT(BlobRef, (), (at, bytes, binary, sha256))

struct Value {
  std::vector<BlobRef> blobs;
  Json json;

  bool operator==(const Value&) const = default;
};
BOOST_DESCRIBE_STRUCT(Value, (), (blobs, json))

/// Reads a whole blob by its SHA-256; verifies the hash. Thread-safe.
using ReadBlob = std::function<Result<std::string>(const std::string& sha256)>;

/// Takes a stream of bytes that may be large; what it stores is a blob.
class BlobSink {
 public:
  virtual ~BlobSink() = default;
  virtual Result<void> append(std::string_view bytes) = 0;
  /// Returns the SHA-256 in hex. Nothing may be appended afterwards.
  virtual Result<std::string> finish() = 0;
};

}  // namespace hillstar
