// SPDX-License-Identifier: Apache-2.0
#include "runtime/state/request.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <optional>
#include <utility>

#include "runtime/state/cells.hpp"

namespace hillstar::state {
namespace {

namespace bj = boost::json;
using Names = std::vector<std::string_view>;

/// What the input may bring; the rest only the parameters say.
const Names kMembers = {"key", "value", "expected_version", "by", "operations"};

const Names& needed_by(StateOp op) {
  static const Names kKey = {"key"};
  static const Names kPut = {"key", "value"};
  static const Names kCas = {"key", "value", "expected_version"};
  static const Names kBatch = {"operations"};
  static const Names kNothing;
  switch (op) {
    case StateOp::put:
      return kPut;
    case StateOp::cas:
      return kCas;
    case StateOp::batch:
      return kBatch;
    case StateOp::list:
      return kNothing;
    case StateOp::get:
    case StateOp::add:
    case StateOp::remove:
      break;
  }
  return kKey;
}

bool goes_with(std::string_view member, StateOp op) {
  if (member == "operations") return op == StateOp::batch;
  if (op == StateOp::batch) return false;
  if (member == "value") return op == StateOp::put || op == StateOp::cas;
  if (member == "by") return op == StateOp::add;
  if (member == "expected_version") return !only_reads(op);
  return true;
}

bool has(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string_view view(bj::string_view text) { return {text.data(), text.size()}; }

std::string shown(const bj::value& value) { return json::to_utf8(json::canonical(value).substr(0, 80)); }

template <class E>
std::optional<E> word(const bj::value& value) {
  E found{};
  if (!value.is_string() || !boost::describe::enum_from_string(value.get_string().c_str(), found)) return std::nullopt;
  return found;
}

template <class E>
std::string words() {
  std::string text;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<E>>(
      [&](auto entry) { text += (text.empty() ? "" : ", ") + std::string(entry.name); });
  return text;
}

std::optional<std::uint64_t> version_in(const bj::value& value) {
  if (value.is_int64() && value.get_int64() >= 0) return static_cast<std::uint64_t>(value.get_int64());
  if (value.is_uint64()) return value.get_uint64();
  if (!value.is_string()) return std::nullopt;
  const auto text = view(value.get_string());
  std::uint64_t version = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return version;
}

std::optional<Json> number_of(const bj::value& value) {
  if (value.is_number()) return Json::of(value);
  if (!value.is_string()) return std::nullopt;
  const auto parsed = json::parse(view(value.get_string()));
  return parsed && parsed->is_number() ? std::optional(Json::of(*parsed)) : std::nullopt;
}

/// One operation as somebody wrote it, or as templates filled it.
class OperationReader {
 public:
  OperationReader(StateOp op, std::string at) : at_(std::move(at)) { operation_.op = op; }

  Result<void> take(std::string_view name, const bj::value& value) {
    const auto where = at_ + "/" + std::string(name);
    const auto wrong = [&](const std::string& expected) {
      return Error{Errc::inputs_invalid, "'" + std::string(name) + "' is " + expected + ", not " + shown(value), where};
    };
    if (!goes_with(name, operation_.op))
      return Error{Errc::inputs_invalid, "'" + std::string(name) + "' has no meaning for this operation", where};
    if (name == "key") {
      if (!value.is_string()) return wrong("a text");
      operation_.key = view(value.get_string());
    } else if (name == "value") {
      operation_.value = Json::of(value);
    } else if (name == "by") {
      const auto by = number_of(value);
      if (!by) return wrong("a number");
      operation_.by = *by;
    } else {
      operation_.expected_version = version_in(value);
      if (!operation_.expected_version) return wrong("a version: 0, 1, 2, ...");
    }
    taken_.push_back(name);
    return {};
  }

  Result<StateOperation> finish() {
    for (const auto name : needed_by(operation_.op))
      if (!has(taken_, name)) return Error{Errc::inputs_invalid, "'" + std::string(name) + "' is missing", at_};
    if (operation_.op == StateOp::add && !has(taken_, "by")) operation_.by = Json::from_canonical("1");
    return std::move(operation_);
  }

 private:
  std::string at_;
  StateOperation operation_;
  Names taken_;
};

Result<std::vector<StateOperation>> operations_of(const bj::value& list, const std::string& at) {
  if (!list.is_array())
    return Error{Errc::inputs_invalid, "'operations' is a list of operations, not " + shown(list), at};
  if (list.get_array().size() > kOperationsMax)
    return Error{Errc::inputs_invalid, "a batch has at most " + std::to_string(kOperationsMax) + " operations", at};
  std::vector<StateOperation> operations;
  for (std::size_t i = 0; i < list.get_array().size(); ++i) {
    const auto here = at + "/" + std::to_string(i);
    const auto* object = list.get_array()[i].if_object();
    const auto* name = object == nullptr ? nullptr : object->if_contains("op");
    const auto op = name == nullptr ? std::nullopt : word<StateOp>(*name);
    if (!op || only_reads(*op) || *op == StateOp::batch)
      return Error{Errc::inputs_invalid, "an operation of a batch is an object with 'op': put, cas, add or remove",
                   here};
    OperationReader reader(*op, here);
    for (const auto& [key, value] : *object) {
      if (view(key) == "op") continue;
      if (!has(operation_names(), view(key)))
        return Error{Errc::inputs_invalid, "an operation has no member '" + std::string(key) + "'", here};
      HILLSTAR_CHECK(reader.take(view(key), value));
    }
    HILLSTAR_TRY(auto operation, reader.finish());
    operations.push_back(std::move(operation));
  }
  return operations;
}

/// A text that comes from a template, where the author says that it holds JSON.
Result<bj::value> as_json(const bj::value& value) {
  if (!value.is_string()) return value;
  auto parsed = json::parse(view(value.get_string()));
  if (parsed) return *std::move(parsed);
  return Error{Errc::inputs_invalid, "the value is no JSON: " + parsed.error().message + " ('json' is true)", "/value"};
}

bool wants_json(const bj::value& parameters) {
  const auto* json = json::member(parameters, "json");
  return json != nullptr && json->is_bool() && json->get_bool();
}

}  // namespace

const std::vector<std::string_view>& parameter_names() {
  static const Names kNames = {"op", "scope",      "key",         "value", "expected_version",
                               "by", "operations", "on_conflict", "json"};
  return kNames;
}

const std::vector<std::string_view>& operation_names() {
  static const Names kNames = {"op", "key", "value", "expected_version", "by"};
  return kNames;
}

StateScope scope_of(const bj::value& parameters) {
  const auto* scope = json::member(parameters, "scope");
  return scope == nullptr ? StateScope::run : word<StateScope>(*scope).value_or(StateScope::run);
}

StateOp op_of(const bj::value& parameters) {
  const auto* op = json::member(parameters, "op");
  return op == nullptr ? StateOp::get : word<StateOp>(*op).value_or(StateOp::get);
}

std::string_view input_member(StateOp op) {
  switch (op) {
    case StateOp::add:
      return "by";
    case StateOp::batch:
      return "operations";
    case StateOp::put:
    case StateOp::cas:
      return "value";
    case StateOp::get:
    case StateOp::remove:
    case StateOp::list:
      break;
  }
  return "key";
}

void check_parameters(const bj::object& parameters, const std::vector<std::string>* given, const Complain& complain) {
  const bj::value whole(parameters);
  const auto check_word = [&](const char* name, bool known, const std::string& all) {
    const auto* value = parameters.if_contains(name);
    if (value != nullptr && !known)
      complain({std::string("/") + name, "expected one of " + all + ", found " + shown(*value)});
  };
  const auto* op_word = parameters.if_contains("op");
  if (op_word == nullptr || !word<StateOp>(*op_word)) {
    if (op_word == nullptr) return complain({"", "parameter 'op' is missing: write one of " + words<StateOp>()});
    return check_word("op", false, words<StateOp>());
  }
  const auto op = op_of(whole);
  if (const auto* value = parameters.if_contains("scope"))
    check_word("scope", word<StateScope>(*value).has_value(), words<StateScope>());
  if (const auto* value = parameters.if_contains("on_conflict"))
    check_word("on_conflict", word<OnConflict>(*value).has_value(), words<OnConflict>());
  if (const auto* value = parameters.if_contains("json"); value != nullptr && !value->is_bool())
    complain({"/json", "expected true or false, found " + shown(*value)});
  OperationReader reader(op, "");
  for (const auto name : kMembers) {
    const auto* value = parameters.if_contains(name);
    const bool comes = given != nullptr && std::find(given->begin(), given->end(), name) != given->end();
    const auto at = "/" + std::string(name);
    if (value != nullptr && comes) complain({at, "'" + std::string(name) + "' is given twice: here, and in 'input'"});
    if (value == nullptr) {
      if (comes && !goes_with(name, op))
        complain({"", "'" + std::string(name) + "' in 'input' has no meaning for the operation '" +
                          std::string(view(op_word->get_string())) + "'"});
      if (given != nullptr && !comes && has(needed_by(op), name))
        complain({"", "'" + std::string(name) + "' is missing: write it here, or as a member of 'input'"});
      continue;
    }
    if (name == "operations" && goes_with(name, op)) {
      if (const auto read = operations_of(*value, at); !read) complain({read.error().where, read.error().message});
    } else if (const auto taken = reader.take(name, *value); !taken) {
      complain({taken.error().where, taken.error().message});
    }
  }
}

Result<StateRequest> request_of(const Json& parameters, const Json& members) {
  const auto given = parameters.value();
  const auto filled = members.value();
  if (!given.is_object() || !(filled.is_object() || filled.is_null()))
    return Error{Errc::inputs_invalid, "the input is no object of members"};
  StateRequest request;
  request.scope = scope_of(given);
  request.op = op_of(given);
  if (const auto* what = json::member(given, "on_conflict"))
    request.on_conflict = word<OnConflict>(*what).value_or(OnConflict::fail);
  if (filled.is_object())
    for (const auto& [key, value] : filled.get_object())
      if (!has(kMembers, view(key)))
        return Error{Errc::inputs_invalid, "the input has no member '" + std::string(key) + "'",
                     "/" + std::string(key)};
  OperationReader reader(request.op, "");
  for (const auto name : kMembers) {
    // A null value is a value; any other member that is null is not there.
    const auto find = [&](const bj::value& object) -> const bj::value* {
      const auto* value = object.is_object() ? object.get_object().if_contains(name) : nullptr;
      return value != nullptr && value->is_null() && name != "value" ? nullptr : value;
    };
    const auto* fixed = find(given);
    const auto* value = find(filled);
    if (fixed != nullptr && value != nullptr)
      return Error{Errc::inputs_invalid, "'" + std::string(name) + "' is given twice", "/" + std::string(name)};
    if (fixed == nullptr && value == nullptr) continue;
    bj::value read = fixed != nullptr ? *fixed : *value;
    if (name == "value" && value != nullptr && wants_json(given)) {
      HILLSTAR_TRY(read, as_json(*value));
    }
    if (name == "operations" && request.op == StateOp::batch) {
      if (read.is_string()) {
        HILLSTAR_TRY(read, as_json(read));
      }
      HILLSTAR_TRY(request.operations, operations_of(read, "/operations"));
    } else {
      HILLSTAR_CHECK(reader.take(name, read));
    }
  }
  if (request.op == StateOp::batch) return request;
  HILLSTAR_TRY(auto operation, reader.finish());
  request.operations.push_back(std::move(operation));
  return request;
}

}  // namespace hillstar::state
