// SPDX-License-Identifier: Apache-2.0
// The head of an HTTP/1.1 request, as bytes. Pure; nothing in a field can end a line.
#pragma once

#include "messages/error.hpp"
#include "messages/secret.hpp"
#include "providers/http/transport.hpp"
#include "providers/http/url.hpp"

namespace hillstar::providers {

/// Request line and fields, Host, Content-Length, Accept-Encoding and Authorization included, up to the blank line.
/// Secret, because it holds the key. `proxy`: it goes to a proxy that reads it, with the whole address and the proxy's
/// password; else nullptr. Error provider_config: a method, field or key with characters that HTTP does not allow
/// there.
Result<Secret> request_head(const HttpRequest& request, const Url& url, const Proxy* proxy = nullptr);

}  // namespace hillstar::providers
