// SPDX-License-Identifier: Apache-2.0
#include "apps/http/remote.hpp"

#include <boost/json.hpp>
#include <charconv>
#include <chrono>
#include <future>
#include <thread>

#include "apps/cli/environment.hpp"
#include "apps/cli/version.hpp"
#include "messages/json.hpp"

namespace hillstar::http {
namespace {

constexpr std::size_t kTokenBytesMax = 4'096;
constexpr std::size_t kVersionBytesMax = 40;
constexpr Millis kAnswerPatience{120'000};
/// Of one request that the service refuses since there are too many of them,
constexpr std::chrono::seconds kThrottlePatience{120};
/// and the longest single wait. Quotas have room again much later, and are no reason to wait.
constexpr std::chrono::seconds kPauseMax{5};
/// A stream may last as long as a run; the service sends something from time to time.
constexpr Millis kStreamPatience{std::int64_t{30} * 24 * 3'600'000};
constexpr std::uint64_t kStreamBytesMax = 1ULL << 50U;

std::string host_of(std::string_view url) {
  auto rest = url.substr(url.find("//") + 2);
  rest = rest.substr(0, rest.find('/'));
  if (rest.starts_with('[')) return std::string(rest.substr(0, rest.find(']') + 1));
  return std::string(rest.substr(0, rest.find(':')));
}

bool stays_here(std::string_view url) {
  const auto host = host_of(url);
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

Result<Secret> token_in(const std::vector<std::string>& environment) {
  auto token = cli::variable(environment, "HILLSTAR_TOKEN").value_or("");
  if (token.empty()) {
    const auto file = cli::variable(environment, "HILLSTAR_TOKEN_FILE").value_or("");
    if (file.empty())
      return Error{Errc::unauthenticated,
                   "There is no token for the service.",
                   {},
                   "Set HILLSTAR_TOKEN, or HILLSTAR_TOKEN_FILE to a file that holds it; `hillstar-actors token create` "
                   "makes one where the store is."};
    HILLSTAR_TRY(token, cli::read_file(file, Errc::io, kTokenBytesMax));
  }
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r' || token.back() == ' ')) token.pop_back();
  return Secret(std::move(token));
}

/// What the service refused, as it said it.
Error refusal_in(const providers::HttpReply& reply, const std::string& url) {
  auto error = error_in(reply.body, url);
  if (error.code == Errc::host_protocol) error.message += " Its status is " + std::to_string(reply.status) + ".";
  if (error.code == Errc::unauthenticated && error.where.empty()) error.where = url;
  return error;
}

/// How long a client that asks too often is to wait; nothing if that is long, or not why it was refused.
std::optional<std::chrono::seconds> pause_asked(const providers::HttpReply& reply) {
  constexpr int kTooManyRequests = 429;
  if (reply.status != kTooManyRequests) return std::nullopt;
  const auto text = reply.header("ratelimit-reset");
  int seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (seconds < 1 || seconds > kPauseMax.count()) return std::nullopt;
  return std::chrono::seconds(seconds);
}

}  // namespace

Error error_in(const std::string& text, const std::string& from) {
  const auto body = json::parse(text);
  const auto said = [&](std::string_view key) {
    const auto* member = body ? json::member(*body, key) : nullptr;
    return member != nullptr && member->is_string() ? std::string(member->get_string()) : std::string();
  };
  const auto code = said("code");
  std::uint16_t number = 0;
  if (!code.starts_with("HS") || std::from_chars(code.data() + 2, code.data() + code.size(), number).ec != std::errc())
    return {Errc::host_protocol, "The service answers in words that are not its.", from,
            "Is this the address of `hillstar-actors serve`?"};
  return {static_cast<Errc>(number), said("title"), said("where"), said("hint")};
}

bool is_service_url(std::string_view text) { return text.starts_with("http://") || text.starts_with("https://"); }

Remote::Remote(std::string url, Secret token, const std::vector<std::string>& environment)
    : url_(std::move(url)), token_(std::move(token)) {
  providers::TransportOptions options;
  options.network = providers::network_settings(environment);
  transport_ = providers::make_beast_transport(options);
}

bool is_other_major(std::string_view theirs, std::string_view ours) {
  const auto major = [](std::string_view text) { return text.substr(0, text.find('.')); };
  return major(theirs) != major(ours);
}

Result<std::shared_ptr<Remote>> Remote::open(const std::string& given, const std::vector<std::string>& environment) {
  std::string url = given;
  while (url.ends_with('/')) url.pop_back();
  if (!is_service_url(url) || host_of(url).empty() || url.find_first_of("?#@ ") != std::string::npos)
    return Error{Errc::usage, "This is no address of a service.", given, "Write it like https://host:8787."};
  if (url.starts_with("http://") && !stays_here(url))
    return Error{Errc::usage, "The token would cross the network unencrypted.", given,
                 "Use https://; http:// is for this machine alone."};
  HILLSTAR_TRY(auto token, token_in(environment));
  auto remote = std::shared_ptr<Remote>(new Remote(std::move(url), std::move(token), environment));
  HILLSTAR_TRY(const auto hello, remote->get("/"));
  const auto said = json::parse(hello.body);
  const auto* name = said ? json::member(*said, "name") : nullptr;
  if (name == nullptr || !name->is_string() || name->get_string() != "hillstar-actors")
    return Error{Errc::host_protocol, "Another program answers there.", given,
                 "Is this the address of `hillstar-actors serve`?"};
  const auto* version = json::member(*said, "version");
  const auto theirs = version != nullptr && version->is_string() ? std::string(version->get_string()) : std::string();
  if (is_other_major(theirs, cli::version()))
    return Error{Errc::host_protocol,
                 "The service is version " + json::to_utf8(theirs.substr(0, kVersionBytesMax)) + ", this program " +
                     std::string(cli::version()) + ".",
                 given, "Use the same major version on both sides."};
  return remote;
}

providers::HttpRequest Remote::request(std::string method, const std::string& path) const {
  providers::HttpRequest request;
  request.method = std::move(method);
  request.url = url_ + path;
  request.bearer = token_;
  request.first_byte_timeout = kAnswerPatience;
  return request;
}

Result<providers::HttpReply> Remote::ask(const providers::HttpRequest& request) const {
  const auto give_up = std::chrono::steady_clock::now() + kThrottlePatience;
  for (;;) {
    std::promise<providers::HttpOutcome> promise;
    auto answer = promise.get_future();
    providers::HttpCallbacks callbacks;
    callbacks.done = [&promise](providers::HttpOutcome outcome) { promise.set_value(std::move(outcome)); };
    const auto handle = transport_->send(request, std::move(callbacks));
    auto outcome = answer.get();
    if (const auto* failure = std::get_if<Failure>(&outcome))
      return Error{Errc::host_unreachable, "The service does not answer: " + failure->message + ".", url_,
                   "Is it running, and is this its address?"};
    auto& reply = std::get<providers::HttpReply>(outcome);
    if (reply.status >= 200 && reply.status < 300) return std::move(reply);
    // Refused before anything was done: a command asks as fast as it may.
    const auto pause = pause_asked(reply);
    if (!pause || std::chrono::steady_clock::now() + *pause > give_up) return refusal_in(reply, url_);
    std::this_thread::sleep_for(*pause);
  }
}

Result<Remote::Page> Remote::get(const std::string& path) const {
  HILLSTAR_TRY(auto reply, ask(request("GET", path)));
  const bool more = reply.header("link").find("rel=\"next\"") != std::string_view::npos;
  return Page{std::move(reply.body), more};
}

Result<std::string> Remote::post(const std::string& path, const std::string& body,
                                 std::vector<std::pair<std::string, std::string>> headers) const {
  auto asked = request("POST", path);
  asked.body = body;
  asked.headers = std::move(headers);
  asked.headers.emplace_back("content-type", "application/json");
  HILLSTAR_TRY(auto reply, ask(asked));
  return std::move(reply.body);
}

Result<std::string> Remote::send(const std::string& method, const std::string& path, const std::string& body,
                                 Millis patience) const {
  auto asked = request(method, path);
  asked.first_byte_timeout = patience;
  asked.total_timeout = std::max(asked.total_timeout, patience);
  if (!body.empty()) {
    asked.body = body;
    asked.headers.emplace_back("content-type", "application/json");
  }
  HILLSTAR_TRY(auto reply, ask(asked));
  return std::move(reply.body);
}

std::shared_ptr<providers::Cancellation> Remote::stream(const std::string& path,
                                                        std::function<void(std::string_view)> on_piece,
                                                        std::function<void()> done) const {
  auto asked = request("GET", path);
  asked.headers.emplace_back("accept", "text/event-stream");
  asked.total_timeout = kStreamPatience;
  asked.body_bytes_max = kStreamBytesMax;
  providers::HttpCallbacks callbacks;
  callbacks.on_body = std::move(on_piece);
  callbacks.done = [done = std::move(done)](const providers::HttpOutcome&) { done(); };
  return transport_->send(std::move(asked), std::move(callbacks));
}

}  // namespace hillstar::http
