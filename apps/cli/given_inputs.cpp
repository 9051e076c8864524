// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/given_inputs.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "apps/cli/environment.hpp"

namespace hillstar::cli {
namespace {

constexpr std::size_t kParamsBytesMax = 64U << 20U;
constexpr std::size_t kLabelsMax = 64;
constexpr std::size_t kLabelBytesMax = 256;

}  // namespace

Result<std::map<std::string, std::string>> given_parameters(const std::vector<std::string>& parameters) {
  std::map<std::string, std::string> given;
  for (const auto& parameter : parameters) {
    const auto equals = parameter.find('=');
    if (equals == std::string::npos || equals == 0)
      return Error{Errc::usage, "A parameter is written name=value.", "-p " + parameter, "For example: -p topic=cats."};
    given[parameter.substr(0, equals)] = parameter.substr(equals + 1);
  }
  return given;
}

Result<std::map<std::string, std::string>> labels_of(const std::vector<std::string>& given) {
  std::map<std::string, std::string> labels;
  for (const auto& label : given) {
    const auto equals = label.find('=');
    if (equals == std::string::npos || equals == 0 || label.size() > kLabelBytesMax)
      return Error{Errc::usage, fmt::format("A label is written name=value, with at most {} bytes.", kLabelBytesMax),
                   "--label " + label.substr(0, 40), "For example: --label team=blue."};
    labels[label.substr(0, equals)] = label.substr(equals + 1);
  }
  if (labels.size() > kLabelsMax)
    return Error{Errc::usage, fmt::format("A run has at most {} labels.", kLabelsMax), "--label", {}};
  return labels;
}

Result<Json> params_of(const std::string& file) {
  if (file.empty()) return Json();
  HILLSTAR_TRY(const auto text, read_file(file, Errc::inputs_invalid, kParamsBytesMax));
  auto parsed = json::parse(text);
  if (!parsed)
    return Error{Errc::inputs_invalid,
                 "The parameters are no JSON: " + parsed.error().message,
                 file + ":" + parsed.error().where,
                 {}};
  if (!parsed->is_object())
    return Error{Errc::inputs_invalid, "The parameters must be one JSON object.", file,
                 R"(For example {"topic": "cats"}.)"};
  return Json::of(*parsed);
}

}  // namespace hillstar::cli
