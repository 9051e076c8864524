// SPDX-License-Identifier: Apache-2.0
// read<T> and write over Boost.Describe. One BOOST_DESCRIBE_STRUCT per type and both directions exist.
//
// Writing gives canonical JSON directly, without a tree: keys are sorted at compile time.
// Reading is strict: a missing or unknown field and a wrong type are errors that name their path.
// An empty optional, vector or map member is not written, nor a bool that is false, unless a new struct has true there;
// all of them may be absent, and then are what a new struct has.
#pragma once

#include <algorithm>
#include <array>
#include <boost/describe.hpp>
#include <boost/json.hpp>
#include <boost/mp11.hpp>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "messages/error.hpp"
#include "messages/ids.hpp"
#include "messages/json.hpp"
#include "messages/units.hpp"

namespace hillstar::json {
namespace detail {

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};
template <class T>
struct is_vector : std::false_type {};
template <class T>
struct is_vector<std::vector<T>> : std::true_type {};
template <class T>
struct is_id : std::false_type {};
template <class T>
struct is_id<Id<T>> : std::true_type {};
template <class T>
struct is_map : std::false_type {};
template <class T>
struct is_map<std::map<std::string, T>> : std::true_type {};

template <class T>
using Members = boost::describe::describe_members<T, boost::describe::mod_public | boost::describe::mod_inherited>;

/// Indices of T's members in the order of their names.
template <class T>
constexpr auto sorted_members() {
  constexpr std::size_t count = boost::mp11::mp_size<Members<T>>::value;
  std::array<std::size_t, count> order{};
  std::array<std::string_view, count> names{};
  std::size_t next = 0;
  boost::mp11::mp_for_each<Members<T>>([&](auto member) { names[next++] = member.name; });
  for (std::size_t i = 0; i < count; ++i) order[i] = i;
  for (std::size_t i = 1; i < count; ++i)
    for (std::size_t k = i; k > 0 && names[order[k]] < names[order[k - 1]]; --k) std::swap(order[k], order[k - 1]);
  return order;
}

Error type_error(std::string_view path, std::string_view expected, const boost::json::value& found);
Error missing_field(std::string_view path, std::string_view field);
Error unknown_field(std::string_view path, std::string_view field);

template <class T>
bool is_absent(const T& value) {
  if constexpr (is_optional<T>::value)
    return !value.has_value();
  else if constexpr (is_vector<T>::value || is_map<T>::value)
    return value.empty();
  else if constexpr (std::is_same_v<T, bool>)
    return !value;
  else
    return false;
}
/// A bool that is true unless something else is said: then false must be said.
template <class T, class Member>
bool is_true_in_new(Member T::*pointer) {
  if constexpr (std::is_same_v<Member, bool>) {
    static const T fresh{};
    return fresh.*pointer;
  } else {
    return false;
  }
}
template <class T>
constexpr bool may_be_absent =
    is_optional<T>::value || is_vector<T>::value || is_map<T>::value || std::is_same_v<T, bool>;

}  // namespace detail

/// Name of a described enum value, as written in the source.
template <class E>
std::string_view enum_name(E value) {
  const char* name = boost::describe::enum_to_string(value, "");
  return name;
}

template <class T>
void write(std::string& out, const T& value) {
  using namespace detail;
  if constexpr (std::is_same_v<T, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (std::is_integral_v<T>) {
    std::array<char, 24> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    out.append(digits.data(), end);
  } else if constexpr (std::is_same_v<T, std::string>) {
    append_string(out, value);
  } else if constexpr (std::is_same_v<T, Json>) {
    out += value.text();
  } else if constexpr (is_id<T>::value) {
    append_string(out, value.str());
  } else if constexpr (std::is_same_v<T, UtcTime>) {
    append_string(out, to_rfc3339(value));
  } else if constexpr (std::is_same_v<T, Millis> || std::is_same_v<T, MicroUsd>) {
    write(out, static_cast<std::int64_t>([&] {
            if constexpr (std::is_same_v<T, Millis>)
              return value.count();
            else
              return value.count;
          }()));
  } else if constexpr (std::is_enum_v<T>) {
    append_string(out, enum_name(value));
  } else if constexpr (is_optional<T>::value) {
    if (value)
      write(out, *value);
    else
      out += "null";
  } else if constexpr (is_vector<T>::value) {
    out += '[';
    bool first = true;
    for (const auto& element : value) {
      if (!first) out += ',';
      first = false;
      write(out, static_cast<const typename T::value_type&>(element));
    }
    out += ']';
  } else if constexpr (is_map<T>::value) {
    out += '{';
    bool first = true;
    for (const auto& [key, element] : value) {
      if (!first) out += ',';
      first = false;
      append_string(out, key);
      out += ':';
      write(out, element);
    }
    out += '}';
  } else {
    out += '{';
    bool first = true;
    static constexpr auto order = sorted_members<T>();
    boost::mp11::mp_for_each<boost::mp11::mp_iota_c<order.size()>>([&](auto i) {
      using Member = boost::mp11::mp_at_c<Members<T>, order[i]>;
      const auto& member = value.*Member::pointer;
      if (is_absent(member) && !is_true_in_new<T>(Member::pointer)) return;
      if (!first) out += ',';
      first = false;
      out += '"';
      out += Member::name;
      out += "\":";
      write(out, member);
    });
    out += '}';
  }
}

template <class T>
std::string to_text(const T& value) {
  std::string out;
  write(out, value);
  return out;
}

template <class T>
Result<T> read(const boost::json::value& value, const std::string& path = {});

namespace detail {

template <class T>
Result<T> read_struct(const boost::json::value& value, const std::string& path) {
  if (!value.is_object()) return type_error(path, "an object", value);
  T result{};
  const auto& object = value.get_object();
  std::size_t found = 0;
  std::optional<Error> failure;
  boost::mp11::mp_for_each<Members<T>>([&](auto member) {
    if (failure) return;
    using Field = std::remove_reference_t<decltype(result.*member.pointer)>;
    const auto* entry = object.if_contains(member.name);
    if (entry == nullptr) {
      if constexpr (!may_be_absent<Field>) failure = missing_field(path, member.name);
      return;
    }
    ++found;
    auto field = read<Field>(*entry, path + "/" + member.name);
    if (field)
      result.*member.pointer = std::move(field).value();
    else
      failure = std::move(field).error();
  });
  if (failure) return *std::move(failure);
  if (found != object.size()) {
    for (const auto& [key, element] : object) {
      bool known = false;
      boost::mp11::mp_for_each<Members<T>>(
          [&, name = std::string_view(key)](auto member) { known = known || name == member.name; });
      if (!known) return unknown_field(path, key);
    }
  }
  return result;
}

}  // namespace detail

template <class T>
Result<T> read(const boost::json::value& value, const std::string& path) {
  using namespace detail;
  if constexpr (std::is_same_v<T, bool>) {
    if (!value.is_bool()) return type_error(path, "true or false", value);
    return value.get_bool();
  } else if constexpr (std::is_integral_v<T>) {
    boost::system::error_code code;
    const auto number = value.is_number() && !value.is_double() ? value.to_number<T>(code) : T{};
    if (!value.is_number() || value.is_double() || code) return type_error(path, "an integer in range", value);
    return number;
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!value.is_string()) return type_error(path, "a string", value);
    return std::string(value.get_string());
  } else if constexpr (std::is_same_v<T, Json>) {
    return Json::of(value);
  } else if constexpr (is_id<T>::value) {
    if (!value.is_string()) return type_error(path, "a string", value);
    return T(std::string(value.get_string()));
  } else if constexpr (std::is_same_v<T, UtcTime>) {
    const auto time = value.is_string() ? from_rfc3339(value.get_string()) : std::nullopt;
    if (!time) return type_error(path, "a UTC time", value);
    return *time;
  } else if constexpr (std::is_same_v<T, Millis> || std::is_same_v<T, MicroUsd>) {
    HILLSTAR_TRY(const auto count, read<std::int64_t>(value, path));
    return T{count};
  } else if constexpr (std::is_enum_v<T>) {
    T result{};
    if (!value.is_string() || !boost::describe::enum_from_string(std::string(value.get_string()).c_str(), result))
      return type_error(path, "one of the known names", value);
    return result;
  } else if constexpr (is_optional<T>::value) {
    if (value.is_null()) return T{};
    HILLSTAR_TRY(auto inner, read<typename T::value_type>(value, path));
    return T(std::move(inner));
  } else if constexpr (is_vector<T>::value) {
    if (!value.is_array()) return type_error(path, "an array", value);
    T result;
    result.reserve(value.get_array().size());
    for (const auto& element : value.get_array()) {
      HILLSTAR_TRY(auto item, read<typename T::value_type>(element, path + "/" + std::to_string(result.size())));
      result.push_back(std::move(item));
    }
    return result;
  } else if constexpr (is_map<T>::value) {
    if (!value.is_object()) return type_error(path, "an object", value);
    T result;
    for (const auto& [key, element] : value.get_object()) {
      HILLSTAR_TRY(auto item, read<typename T::mapped_type>(element, path + "/" + std::string(key)));
      result.emplace(std::string(key), std::move(item));
    }
    return result;
  } else {
    return read_struct<T>(value, path);
  }
}

}  // namespace hillstar::json
