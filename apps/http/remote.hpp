// SPDX-License-Identifier: Apache-2.0
// A service elsewhere, asked over HTTP: the other side of apps/http/api.hpp.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "messages/error.hpp"
#include "messages/secret.hpp"
#include "providers/http/transport.hpp"

namespace hillstar::http {

/// True for what --server takes, and no folder is called.
bool is_service_url(std::string_view text);

/// The error that a problem document tells of; host_protocol if it is none. `from`: who says it.
Error error_in(const std::string& body, const std::string& from);

/// Do versions differ in their first number?
bool is_other_major(std::string_view theirs, std::string_view ours);

/// Thread-safe. Waits where the service says that it is asked too often. Errors of the service come back as they were
/// made there; host_unreachable if it does not answer.
class Remote {
 public:
  /// Says hello. The token is in HILLSTAR_TOKEN, or in the file that HILLSTAR_TOKEN_FILE names. Errors: usage (the
  /// address, or one that would carry the token unencrypted), unauthenticated (no token), host_unreachable,
  /// host_protocol (nobody who speaks this).
  static Result<std::shared_ptr<Remote>> open(const std::string& url, const std::vector<std::string>& environment);

  struct Page {
    std::string body;
    bool more = false;  ///< There is a next one.
  };
  [[nodiscard]] Result<Page> get(const std::string& path) const;
  /// Any method. `patience`: until the answer begins.
  [[nodiscard]] Result<std::string> send(const std::string& method, const std::string& path, const std::string& body,
                                         Millis patience) const;
  [[nodiscard]] Result<std::string> post(const std::string& path, const std::string& body,
                                         std::vector<std::pair<std::string, std::string>> headers = {}) const;
  /// A stream of events, piece by piece on a thread of the transport; `done` once it has ended.
  [[nodiscard]] std::shared_ptr<providers::Cancellation> stream(const std::string& path,
                                                                std::function<void(std::string_view)> on_piece,
                                                                std::function<void()> done) const;

 private:
  Remote(std::string url, Secret token, const std::vector<std::string>& environment);
  [[nodiscard]] providers::HttpRequest request(std::string method, const std::string& path) const;
  [[nodiscard]] Result<providers::HttpReply> ask(const providers::HttpRequest& request) const;

  std::string url_;
  Secret token_;
  std::unique_ptr<providers::Transport> transport_;
};

}  // namespace hillstar::http
