// SPDX-License-Identifier: Apache-2.0
#include "providers/http/request_head.hpp"

#include <algorithm>

namespace hillstar::providers {
namespace {

/// Characters of a method or field name (RFC 9110, section 5.6.2).
bool is_token(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

bool is_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c == '\t' || (c >= ' ' && static_cast<unsigned char>(c) < 0x7F); });
}

bool is_accept_encoding(std::string_view name) {
  constexpr std::string_view kName = "accept-encoding";
  return std::equal(name.begin(), name.end(), kName.begin(), kName.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
}

}  // namespace

Result<Secret> request_head(const HttpRequest& request, const Url& url, const Proxy* proxy) {
  if (!is_token(request.method)) return Error{Errc::provider_config, "The HTTP method is malformed."};
  std::string head;
  // One allocation, so that no copy of the key is left behind by a growing string.
  std::size_t size =
      512 + request.method.size() + url.target.size() + 2 * url.host.size() + request.bearer.reveal().size();
  if (proxy != nullptr) size += proxy->authorization.reveal().size();
  for (const auto& [name, value] : request.headers) size += name.size() + value.size() + 4;
  head.reserve(size);
  head.append(request.method).append(" ");
  if (proxy != nullptr) head.append("http://").append(url.authority());
  head.append(url.target).append(" HTTP/1.1\r\nHost: ").append(url.authority()).append("\r\n");
  if (proxy != nullptr && !proxy->authorization.empty())
    head.append("Proxy-Authorization: ").append(proxy->authorization.reveal()).append("\r\n");
  bool says_encoding = false;
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name) || !is_value(value))
      return Error{Errc::provider_config, "A header field of the request has characters that HTTP does not allow."};
    head.append(name).append(": ").append(value).append("\r\n");
    says_encoding = says_encoding || is_accept_encoding(name);
  }
  if (!says_encoding) head.append("Accept-Encoding: gzip\r\n");
  if (!request.body.empty() || request.method != "GET")
    head.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
  if (!request.bearer.empty()) {
    if (!is_value(request.bearer.reveal()))
      return Error{Errc::provider_config,
                   "The API key has characters that HTTP does not allow, such as a line end.",
                   {},
                   "Check the environment variable that holds it."};
    if (!request.key_header.empty() && !is_token(request.key_header))
      return Error{Errc::provider_config,
                   "The name of the key's header field has characters that HTTP does not allow."};
    if (request.key_header.empty())
      head.append("Authorization: Bearer ");
    else
      head.append(request.key_header).append(": ");
    head.append(request.bearer.reveal()).append("\r\n");
  }
  head += "\r\n";
  return Secret(std::move(head));
}

}  // namespace hillstar::providers
