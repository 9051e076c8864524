// SPDX-License-Identifier: Apache-2.0
// The body of a request while an adapter writes it: fields in the order in which they were set, then what the author
// added. The same request always has the same bytes. Pure.
#pragma once

#include <boost/json/fwd.hpp>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "messages/error.hpp"
#include "messages/json.hpp"

namespace hillstar::providers {

class RequestBody {
 public:
  /// Members of objects keep the order in which they were made. Malformed UTF-8 is replaced.
  void set(std::string_view name, const boost::json::value& value);
  /// Null is not set. The document's own text is sent, so a number keeps its spelling.
  void set(std::string_view name, const Json& value);
  void set_text(std::string_view name, std::string_view text);
  [[nodiscard]] bool has(std::string_view name) const;

  /// Adds the author's fields: objects are merged deeply, and what was set stays. Fields in `owned` are the adapter's
  /// alone, set or not. Error tool_parameters: `extra` is neither an object nor null.
  Result<void> merge(const Json& extra, std::initializer_list<std::string_view> owned = {});

  [[nodiscard]] std::string text() const;

 private:
  void put(std::string_view name, std::string json);

  std::vector<std::pair<std::string, std::string>> fields_;  // name, JSON text
};

}  // namespace hillstar::providers
