// SPDX-License-Identifier: Apache-2.0
#include "providers/http/proxy.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <charconv>

namespace hillstar::providers {
namespace {

namespace ip = boost::asio::ip;

constexpr std::size_t kProxyBytesMax = 4 * 1024;
constexpr std::size_t kNoProxyBytesMax = 64 * 1024;

std::string_view value_of(const std::vector<std::string>& environment, std::string_view name) {
  for (const std::string_view entry : environment)
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=')
      return entry.substr(name.size() + 1);
  return {};
}

ProxyVariable first_set(const std::vector<std::string>& environment, std::initializer_list<std::string_view> names) {
  for (const auto name : names)
    if (const auto value = value_of(environment, name); !value.empty())
      return {std::string(name), Secret(std::string(value))};
  return {};
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = lower(c);
  return result;
}

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char small = lower(c);
  return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

/// `p%40ss` -> `p@ss`. Nothing: an escape is malformed, or stands for a control character.
std::optional<std::string> unescaped(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (text.size() - i < 3 || digit(text[i + 1]) < 0 || digit(text[i + 2]) < 0) return std::nullopt;
      c = static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    }
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) return std::nullopt;
    result += c;
  }
  return result;
}

/// `user:password` as it stands in a URL, as RFC 7617 wants it in a header field.
std::optional<Secret> basic(std::string_view user_info) {
  const auto colon = std::min(user_info.find(':'), user_info.size());
  const auto user = unescaped(user_info.substr(0, colon));
  const auto password = unescaped(user_info.substr(std::min(colon + 1, user_info.size())));
  if (!user || !password || user->find(':') != std::string::npos) return std::nullopt;
  const Secret both(*user + ":" + *password);
  const auto* bytes = reinterpret_cast<const unsigned char*>(both.reveal().data());
  std::string encoded((both.reveal().size() + 2) / 3 * 4 + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()), bytes, static_cast<int>(both.reveal().size()));
  encoded.resize(static_cast<std::size_t>(size));
  return Secret("Basic " + encoded);
}

Result<Proxy> parse_proxy(const ProxyVariable& variable) {
  const auto refused = [&](const char* why) {
    return Error{Errc::provider_config,
                 "The proxy in the variable " + variable.name + " is not usable: " + why + ".",
                 {},
                 "Write it as http://host:port, with user:password@ before the host if the proxy asks for it."};
  };
  std::string_view text = variable.value.reveal();
  if (text.size() > kProxyBytesMax) return refused("it is too long");
  if (const auto scheme_end = text.find("://"); scheme_end != std::string_view::npos) {
    if (lower(text.substr(0, scheme_end)) != "http") return refused("only http:// proxies are known");
    text.remove_prefix(scheme_end + 3);
  }
  Proxy proxy;
  proxy.variable = variable.name;
  if (const auto at = text.rfind('@'); at != std::string_view::npos) {
    auto authorization = basic(text.substr(0, at));
    if (!authorization) return refused("its user name or password is malformed");
    proxy.authorization = std::move(*authorization);
    text.remove_prefix(at + 1);
  }
  while (text.ends_with('/')) text.remove_suffix(1);
  if (text.find_first_of("/?#") != std::string_view::npos) return refused("it has a path");
  // The error of parse_url quotes what it was given.
  auto url = parse_url("http://" + std::string(text));
  if (!url) return refused("its host or port is malformed");
  proxy.host = std::move(url->host);
  proxy.port = url->port;
  return proxy;
}

std::optional<ip::address> address_in(std::string_view text) {
  boost::system::error_code code;
  auto address = ip::make_address(text, code);
  if (code) return std::nullopt;
  if (address.is_v6() && address.to_v6().is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, address.to_v6());
  return address;
}

template <class Bytes>
bool same_bits(const Bytes& a, const Bytes& b, unsigned bits) {
  for (std::size_t i = 0; i < a.size() && bits > 0; ++i) {
    const unsigned here = std::min(bits, 8U);
    if (((a[i] ^ b[i]) >> (8U - here)) != 0) return false;
    bits -= here;
  }
  return true;
}

bool is_number(std::string_view text, unsigned max, unsigned& number) {
  const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  return !text.empty() && code == std::errc{} && stop == text.data() + text.size() && number <= max;
}

bool is_in_network(const ip::address& host, std::string_view entry) {
  const auto slash = entry.find('/');
  const auto network = address_in(entry.substr(0, slash));
  if (!network || network->is_v4() != host.is_v4()) return false;
  unsigned bits = host.is_v4() ? 32 : 128;
  if (slash != std::string_view::npos && !is_number(entry.substr(slash + 1), bits, bits)) return false;
  return host.is_v4() ? same_bits(host.to_v4().to_bytes(), network->to_v4().to_bytes(), bits)
                      : same_bits(host.to_v6().to_bytes(), network->to_v6().to_bytes(), bits);
}

/// Takes `[...]` and `:port` off the entry. False: it is about another port, or malformed.
bool takes_port(std::string_view& entry, std::uint16_t port) {
  std::string_view digits;
  if (entry.starts_with('[')) {
    const auto close = entry.find(']');
    if (close == std::string_view::npos) return false;
    digits = entry.substr(close + 1);
    entry = entry.substr(1, close - 1);
  } else if (const auto colon = entry.find(':'); colon != std::string_view::npos && colon == entry.rfind(':')) {
    digits = entry.substr(colon);
    entry = entry.substr(0, colon);
  }
  if (digits.empty()) return true;
  unsigned number = 0;
  return digits.starts_with(':') && is_number(digits.substr(1), 65535, number) && number == port;
}

bool matches(std::string_view entry, std::string_view host, std::uint16_t port) {
  if (entry == "*") return true;
  if (!takes_port(entry, port)) return false;
  if (entry == "*") return true;
  if (const auto address = address_in(host)) return is_in_network(*address, entry);
  if (entry.starts_with("*.")) entry.remove_prefix(1);
  if (entry.starts_with('.')) entry.remove_prefix(1);
  if (entry.ends_with('.')) entry.remove_suffix(1);
  if (entry.empty() || entry.size() > host.size()) return false;
  const auto above = host.size() - entry.size();
  return lower(host.substr(above)) == lower(entry) && (above == 0 || host[above - 1] == '.');
}

}  // namespace

std::string Proxy::authority() const {
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

ProxySettings proxy_settings(const std::vector<std::string>& environment) {
  ProxySettings settings;
  settings.http = first_set(environment, {"http_proxy"});
  if (settings.http.name.empty() && value_of(environment, "REQUEST_METHOD").empty())
    settings.http = first_set(environment, {"HTTP_PROXY"});
  settings.https = first_set(environment, {"https_proxy", "HTTPS_PROXY"});
  settings.all = first_set(environment, {"all_proxy", "ALL_PROXY"});
  settings.no_proxy = first_set(environment, {"no_proxy", "NO_PROXY"}).value.reveal();
  return settings;
}

bool is_loopback_host(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (const auto address = address_in(host)) return address->is_loopback();
  const auto name = lower(host);
  return name == "localhost" || name.ends_with(".localhost");
}

bool is_exempt(std::string_view list, std::string_view host, std::uint16_t port) {
  if (host.ends_with('.')) host.remove_suffix(1);
  list = list.substr(0, kNoProxyBytesMax);
  while (!list.empty()) {
    const auto end = std::min(list.find_first_of(", \t"), list.size());
    if (end > 0 && matches(list.substr(0, end), host, port)) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

Result<std::optional<Proxy>> choose_proxy(const ProxySettings& settings, const Url& url) {
  const auto& own = url.tls ? settings.https : settings.http;
  const auto& variable = own.name.empty() ? settings.all : own;
  if (variable.name.empty()) return std::optional<Proxy>();
  if (!settings.loopback && is_loopback_host(url.host)) return std::optional<Proxy>();
  if (is_exempt(settings.no_proxy, url.host, url.port)) return std::optional<Proxy>();
  HILLSTAR_TRY(auto proxy, parse_proxy(variable));
  return std::optional<Proxy>(std::move(proxy));
}

}  // namespace hillstar::providers
