// SPDX-License-Identifier: Apache-2.0
#include "providers/http/url.hpp"

#include <algorithm>
#include <charconv>

namespace hillstar::providers {
namespace {

constexpr std::size_t kUrlBytesMax = 8 * 1024;
constexpr std::size_t kHostBytesMax = 253;  // RFC 1035, section 2.3.4
constexpr std::uint16_t kHttpPort = 80;
constexpr std::uint16_t kHttpsPort = 443;

Error refused(std::string_view url, const std::string& why) {
  // Only a part: user names and queries do not belong into a log.
  if (const auto user = url.rfind('@'); user != std::string_view::npos) url.remove_prefix(user + 1);
  const auto shown = url.substr(0, std::min<std::size_t>(url.find_first_of("?#"), 100));
  std::string clean;
  for (const char c : shown) clean += c > ' ' && c < 0x7F ? c : '?';
  return {Errc::provider_config,
          "Address '" + clean + "' is not usable: " + why + ".",
          {},
          "Write it as http://host:port or https://host."};
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

bool is_host_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}
bool is_ipv6_char(char c) { return (c >= 'a' && c <= 'f') || (c >= '0' && c <= '9') || c == ':' || c == '.'; }

}  // namespace

std::string Url::authority() const {
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != (tls ? kHttpsPort : kHttpPort)) text += ":" + std::to_string(port);
  return text;
}

std::string Url::origin() const {
  return (tls ? "https://" : "http://") + (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" +
         std::to_string(port);
}

Result<Url> parse_url(std::string_view text) {
  if (text.size() > kUrlBytesMax) return refused(text, "it is too long");
  const bool plain =
      std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && static_cast<unsigned char>(c) < 0x7F; });
  if (!plain) return refused(text, "it has blanks, control or non-ASCII characters");
  Url url;
  const auto scheme_end = text.find("://");
  const auto scheme = lower(text.substr(0, scheme_end == std::string_view::npos ? 0 : scheme_end));
  if (scheme != "http" && scheme != "https") return refused(text, "it does not start with http:// or https://");
  url.tls = scheme == "https";
  url.port = url.tls ? kHttpsPort : kHttpPort;

  std::string_view rest = text.substr(scheme_end + 3);
  if (rest.find('#') != std::string_view::npos) return refused(text, "it has a fragment");
  const auto authority_end = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, authority_end);
  url.target = rest.substr(authority_end);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  if (authority.find('@') != std::string_view::npos) return refused(text, "it has a user name");

  std::string_view port;
  if (authority.starts_with('[')) {
    const auto close = authority.find(']');
    if (close == std::string_view::npos) return refused(text, "the IPv6 host is not closed");
    url.host = lower(authority.substr(1, close - 1));
    port = authority.substr(close + 1);
    const bool ipv6 = std::all_of(url.host.begin(), url.host.end(), is_ipv6_char);
    if (!ipv6 || url.host.find(':') == std::string::npos) return refused(text, "the IPv6 host is malformed");
  } else {
    const auto colon = std::min(authority.find(':'), authority.size());
    url.host = lower(authority.substr(0, colon));
    port = authority.substr(colon);
    if (!std::all_of(url.host.begin(), url.host.end(), is_host_char)) return refused(text, "the host is malformed");
  }
  if (url.host.empty() || url.host.size() > kHostBytesMax) return refused(text, "the host is missing or too long");
  if (!port.empty()) {
    unsigned number = 0;
    const auto* begin = port.data() + 1;
    const auto* end = port.data() + port.size();
    const auto [stop, code] = std::from_chars(begin, end, number);
    if (port.front() != ':' || code != std::errc{} || stop != end || number == 0 || number > 65535)
      return refused(text, "the port is not in 1..65535");
    url.port = static_cast<std::uint16_t>(number);
  }
  return url;
}

std::string redirect_target(const Url& from, std::string_view location) {
  constexpr std::size_t kShownMax = 200;
  if (location.empty()) return "nowhere";
  std::string scheme = from.tls ? "https" : "http";
  location = location.substr(0, location.find_first_of("?#"));
  const auto scheme_end = location.find("://");
  const bool absolute = scheme_end != std::string_view::npos && scheme_end < location.find('/');
  if (absolute) scheme = lower(location.substr(0, scheme_end));
  std::string result;
  std::string_view path = location;
  if (absolute || location.starts_with("//")) {
    location.remove_prefix(absolute ? scheme_end + 3 : 2);
    const auto end = std::min(location.find_first_of("/\\"), location.size());
    auto authority = location.substr(0, end);
    if (const auto at = authority.rfind('@'); at != std::string_view::npos) authority.remove_prefix(at + 1);
    const auto url = parse_url(scheme + "://" + std::string(authority));
    const bool same = url && url->origin() == from.origin();
    path = location.substr(end);
    if (!same) result = scheme + "://" + (url ? url->authority() : std::string(authority));
    if (!same) path = {};
  }
  result += path;
  std::string clean;
  for (const char c : result.substr(0, kShownMax)) clean += c > ' ' && c < 0x7F ? c : '?';
  return clean.empty() ? "/" : clean;
}

Result<std::string> api_url(std::string_view base, std::string_view path) {
  while (base.ends_with('/')) base.remove_suffix(1);
  HILLSTAR_TRY(const Url url, parse_url(base));
  if (url.target.find('?') != std::string::npos) return refused(base, "a base address has no query");
  std::string full(base);
  if (url.target == "/") full += "/v1";
  full += path;
  return full;
}

}  // namespace hillstar::providers
