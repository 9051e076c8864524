// SPDX-License-Identifier: Apache-2.0
// One JSON object of a workflow file: its fields by name and type; what is wrong goes to the Problems.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/workflow/fields.hpp"
#include "runtime/workflow/problems.hpp"

namespace hillstar::workflow {

struct Range {
  double least = 0;
  double most = 0;
  std::string_view unit = {};  ///< For the message, such as `seconds`; may be empty.
};

/// `an array`, `true`, `a number`: what was found, for a message.
std::string kind_of(const boost::json::value& value);
/// Refuses what is no object.
const boost::json::object* as_object(const boost::json::value& value, const Place& at, Problems& problems);
/// An array of strings; other elements are refused.
std::vector<std::string> strings_of(const boost::json::value& value, const Place& at, Problems& problems);
std::optional<double> number_of(const boost::json::value& value, const Range& range, const Place& at,
                                Problems& problems);
std::optional<std::int64_t> integer_of(const boost::json::value& value, const Range& range, const Place& at,
                                       Problems& problems);
/// The place of `word` in `names`; refuses others with the nearest name.
std::optional<std::size_t> word_of(const boost::json::value& value, const std::vector<std::string_view>& names,
                                   const Place& at, Problems& problems);

/// Getters return nothing if the field is absent, and nothing with a diagnostic if its type is wrong.
class FieldReader {
 public:
  FieldReader(const boost::json::object& object, const Place& at, Problems& problems)
      : object_(object), at_(at), problems_(problems) {}

  /// Warns about fields that the section does not have.
  void check_names(Section section) const;
  [[nodiscard]] const boost::json::value* find(std::string_view name) const;
  [[nodiscard]] const boost::json::object* object(std::string_view name) const;
  [[nodiscard]] const boost::json::array* array(std::string_view name) const;
  [[nodiscard]] std::optional<std::string> string(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> strings(std::string_view name) const;
  [[nodiscard]] std::optional<bool> boolean(std::string_view name) const;
  [[nodiscard]] std::optional<double> number(std::string_view name, const Range& range) const;
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view name, const Range& range) const;
  [[nodiscard]] std::optional<std::size_t> word(std::string_view name,
                                                const std::vector<std::string_view>& names) const;
  [[nodiscard]] const Place& place() const { return at_; }
  [[nodiscard]] Problems& problems() const { return problems_; }
  void missing(std::string_view name, std::string hint) const;

 private:
  const boost::json::object& object_;
  const Place& at_;
  Problems& problems_;
};

}  // namespace hillstar::workflow
