// SPDX-License-Identifier: Apache-2.0
// JSON Schema, as far as replies of models are held to it: Draft 7, and what schemas of later drafts use most
// (`$defs`, `prefixItems`, `dependentRequired`, `dependentSchemas`). Pure, and bounded whatever schema and value are.
//
// `format` is a note, as in the drafts. `$ref` stays within the schema: nothing is ever fetched.
// Source: draft-handrews-json-schema-validation-01, JSON Schema 2020-12.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <vector>

#include "messages/json.hpp"

namespace hillstar::policy {

struct SchemaRemark {
  std::string pointer;  ///< Within the schema.
  std::string message;
  std::string hint;
  bool is_error = true;  ///< False: the keyword is not checked here.
};
/// What is wrong with a schema, in its order; at most kRemarksMax.
inline constexpr std::size_t kRemarksMax = 20;
std::vector<SchemaRemark> check_schema(const Json& schema);

struct Mismatch {
  std::string pointer;  ///< Within the value; empty: the value itself.
  std::string message;  ///< "expected a number, found \"twelve\"".
};
/// Mismatches that are told of one value.
inline constexpr std::size_t kMismatchesMax = 5;
/// Pairs of a schema and a value that one check looks at, long texts and lists counting more; beyond them it fails.
inline constexpr std::size_t kSchemaStepsMax = 2'000'000;
/// The first mismatches; empty: the value fits. A schema that check_schema finds fault with may give any answer.
std::vector<Mismatch> mismatches(const Json& schema, const boost::json::value& value);

/// True if every object of the schema names all its properties as required and allows no others: what the strict mode
/// of some providers asks for.
bool is_strict_schema(const Json& schema);

}  // namespace hillstar::policy
