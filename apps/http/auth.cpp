// SPDX-License-Identifier: Apache-2.0
#include "apps/http/auth.hpp"

#include <algorithm>
#include <charconv>

namespace hillstar::http {
namespace {

constexpr std::string_view kBearerProtocol = "bearer.";
constexpr std::size_t kTokenBytesMax = 128;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lowered(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), lower);
  return result;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::size_t count_of(const Request& request, std::string_view name) {
  return static_cast<std::size_t>(std::count_if(request.headers.begin(), request.headers.end(),
                                                [&](const auto& header) { return header.first == name; }));
}

Error forbidden(std::string message, std::string where, std::string hint) {
  return {Errc::forbidden, std::move(message), std::move(where), std::move(hint)};
}

Error no_token(std::string message) {
  return {Errc::unauthenticated, std::move(message), "authorization",
          "`hillstar-actors token create` makes one; send it as `Authorization: Bearer ...`."};
}

/// An address that stands in for the wildcard of mapped ones.
std::string_view unmapped(std::string_view address) {
  constexpr std::string_view kMapped = "::ffff:";
  return address.starts_with(kMapped) ? address.substr(kMapped.size()) : address;
}

/// `https://host:port`, with the port that the scheme means if it names none.
std::optional<Authority> read_origin(std::string_view origin) {
  std::optional<Authority> found;
  for (const auto& [scheme, port] : {std::pair{std::string_view("http://"), std::uint16_t{80}},
                                     std::pair{std::string_view("https://"), std::uint16_t{443}}}) {
    if (!origin.starts_with(scheme)) continue;
    found = read_authority(origin.substr(scheme.size()));
    if (found && !found->port) found->port = port;
  }
  return found;
}

bool is_same_origin(std::string_view origin, Authority host) {
  const auto from = read_origin(origin);
  if (!from) return false;
  if (!host.port) host.port = origin.starts_with("https://") ? 443 : 80;
  return *from == host;
}

bool is_own_name(const std::string& host, const std::string& local) {
  const auto own = unmapped(local);
  if (host == own) return true;
  return is_loopback(own) && (host == "localhost" || is_loopback(host));
}

}  // namespace

bool is_loopback(std::string_view address) {
  const auto plain = unmapped(address);
  if (plain == "::1") return true;
  return plain.starts_with("127.") && std::count(plain.begin(), plain.end(), '.') == 3 &&
         plain.find_first_not_of("0123456789.") == std::string_view::npos;
}

std::optional<Authority> read_authority(std::string_view text) {
  Authority authority;
  auto rest = text;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    authority.host = lowered(text.substr(1, close - 1));
    if (authority.host.find_first_not_of("0123456789abcdef:.") != std::string::npos) return std::nullopt;
    rest = text.substr(close + 1);
  } else {
    const auto colon = std::min(text.find(':'), text.size());
    authority.host = lowered(text.substr(0, colon));
    if (authority.host.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz.-_") != std::string::npos)
      return std::nullopt;
    rest = text.substr(colon);
  }
  if (authority.host.empty()) return std::nullopt;
  if (rest.empty()) return authority;
  std::uint16_t port = 0;
  const auto* end = rest.data() + rest.size();
  const auto [stop, code] = std::from_chars(rest.data() + 1, end, port);
  if (rest[0] != ':' || rest.size() < 2 || code != std::errc() || stop != end) return std::nullopt;
  authority.port = port;
  return authority;
}

Result<void> check_place(const Request& request, const std::string& local, const AllowedNames& allowed) {
  const auto host = read_authority(request.header("host").value_or(""));
  if (!host || count_of(request, "host") != 1)
    return Error{Errc::usage, "A request needs one Host header that names this server.", "host", {}};
  const auto named = std::any_of(allowed.hosts.begin(), allowed.hosts.end(),
                                 [&](const std::string& name) { return lowered(name) == host->host; });
  if (!named && !is_own_name(host->host, local))
    return forbidden("This server is not known under the name of the Host header.", "host",
                     "`serve --allow-host NAME` lets it answer to another name.");
  if (request.header("sec-fetch-site") == "cross-site" && !request.header("origin"))
    return forbidden("Pages of other sites may not ask this server.", "sec-fetch-site", {});
  const auto origin = request.header("origin");
  if (!origin) return {};
  const bool known = std::find(allowed.origins.begin(), allowed.origins.end(), *origin) != allowed.origins.end();
  if (count_of(request, "origin") == 1 && (known || is_same_origin(*origin, *host))) {
    if (known || request.header("sec-fetch-site") != "cross-site") return {};
  }
  return forbidden("Pages of this origin may not ask this server.", "origin",
                   "`serve --allow-origin ORIGIN` lets them.");
}

std::string bearer_subprotocol(const Request& request) {
  if (lowered(request.header("upgrade").value_or("")) != "websocket") return {};
  auto rest = request.header("sec-websocket-protocol").value_or("");
  while (!rest.empty()) {
    const auto end = std::min(rest.find(','), rest.size());
    const auto protocol = trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (protocol.starts_with(kBearerProtocol)) return std::string(protocol);
  }
  return {};
}

Result<std::optional<std::string>> token_of(const Request& request) {
  if (const auto given = request.header("authorization")) {
    constexpr std::string_view kScheme = "bearer ";
    if (count_of(request, "authorization") != 1 || lowered(given->substr(0, kScheme.size())) != kScheme)
      return no_token("The Authorization header holds no bearer token.");
    const auto token = trimmed(given->substr(kScheme.size()));
    if (token.empty() || token.size() > kTokenBytesMax) return no_token("The bearer token is none.");
    return std::optional(std::string(token));
  }
  const auto protocol = bearer_subprotocol(request);
  if (protocol.empty()) return std::optional<std::string>();
  const auto token = protocol.substr(kBearerProtocol.size());
  if (token.empty() || token.size() > kTokenBytesMax) return no_token("The bearer token is none.");
  return std::optional(token);
}

Result<TokenRow> admit(const Request& request, Scope needed, TokenFile& tokens, UtcTime now) {
  HILLSTAR_TRY(const auto token, token_of(request));
  if (!token) return no_token("This needs a token.");
  const auto found = tokens.find(*token, now);
  if (const auto* refusal = std::get_if<TokenFile::Refusal>(&found))
    return no_token(*refusal == TokenFile::Refusal::expired ? "The token has expired." : "The token is not known.");
  const auto& row = std::get<TokenRow>(found);
  if (row.scope < needed)
    return forbidden("The token's scope is " + std::string(scope_name(row.scope)) + ", and this needs " +
                         std::string(scope_name(needed)) + ".",
                     "authorization", "`hillstar-actors token create --scope` makes a token that may.");
  return row;
}

}  // namespace hillstar::http
