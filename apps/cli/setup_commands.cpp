// SPDX-License-Identifier: Apache-2.0
// explain, version: about this program itself.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "apps/cli/commands.hpp"
#include "apps/cli/protocol.hpp"
#include "apps/cli/version.hpp"

namespace hillstar::embedded {
/// All pages of docs/errors, one after the other; each begins with its heading `# HS112 ...`.
extern const std::string_view error_pages;
}  // namespace hillstar::embedded

namespace hillstar::cli {
namespace {

/// Page starts are headings of the first order; a page may hold code with `# `, but no `# HS`.
constexpr std::string_view kPageStart = "# HS";

std::string_view page_of(const std::string& number) {
  const auto pages = embedded::error_pages;
  const std::string heading = "# " + number;
  for (std::size_t at = pages.find(heading); at != std::string_view::npos; at = pages.find(heading, at + 1)) {
    const auto after = at + heading.size();
    const bool starts = at == 0 || pages[at - 1] == '\n';
    const bool whole = after >= pages.size() || pages[after] < '0' || pages[after] > '9';
    if (!starts || !whole) continue;
    const auto next = pages.find("\n" + std::string(kPageStart), after);
    return pages.substr(at, next == std::string_view::npos ? next : next + 1 - at);
  }
  return {};
}

std::string known_numbers() {
  const auto pages = embedded::error_pages;
  std::string numbers;
  for (std::size_t at = pages.find(kPageStart); at != std::string_view::npos; at = pages.find(kPageStart, at + 1))
    if (at == 0 || pages[at - 1] == '\n')
      numbers += (numbers.empty() ? "" : " ") + std::string(pages.substr(at + 2, 5));
  return numbers;
}

}  // namespace

Result<Exit> explain_error(Context& context, const std::string& asked) {
  std::string number = asked;
  std::transform(number.begin(), number.end(), number.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  if (!number.empty() && number.front() >= '0' && number.front() <= '9') number = "HS" + number;
  auto page = page_of(number);
  if (page.empty())
    return Error{Errc::not_found, "There is no page about '" + asked + "'.", {}, "Pages: " + known_numbers() + "."};
  while (!page.empty() && page.back() == '\n') page.remove_suffix(1);
  if (context.output.is_json())
    context.output.data(Json::of(boost::json::object{{"code", number}, {"page", std::string(page)}}));
  else
    context.output.data(page);
  return Exit::done;
}

std::string_view version() { return HILLSTAR_VERSION; }

std::string_view engine_name() { return "hillstar-actors " HILLSTAR_VERSION; }

Result<Exit> show_version(Context& context) {
  if (context.output.is_json()) {
    context.output.data(Json::of(boost::json::object{{"name", "hillstar-actors"},
                                                     {"version", std::string(version())},
                                                     {"compiler", "gcc " __VERSION__},
                                                     {"protocol", kProtocolVersion}}));
  } else {
    context.output.data(engine_name());
  }
  return Exit::done;
}

}  // namespace hillstar::cli
