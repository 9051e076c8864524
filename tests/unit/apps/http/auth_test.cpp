// SPDX-License-Identifier: Apache-2.0
#include "apps/http/auth.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "apps/http/gate.hpp"

namespace hillstar::http {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

class Folder {
 public:
  Folder() { REQUIRE(::mkdtemp(path_.data()) != nullptr); }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/hillstar-test-XXXXXX";
};

Request request_with(Headers headers) {
  Request request;
  request.method = "GET";
  request.peer = "127.0.0.1";
  request.headers = std::move(headers);
  return request;
}

Errc refused(Headers headers, const std::string& local = "127.0.0.1", const AllowedNames& allowed = {}) {
  const auto checked = check_place(request_with(std::move(headers)), local, allowed);
  return checked ? Errc{} : checked.error().code;
}

}  // namespace

TEST_CASE("auth: authorities are read strictly") {
  CHECK(read_authority("LocalHost:80") == Authority{"localhost", 80});
  CHECK(read_authority("[::1]:8080") == Authority{"::1", 8080});
  CHECK(read_authority("a.example") == Authority{"a.example", std::nullopt});
  for (const char* text : {"", ":80", "a:", "a:b", "a:80x", "a:99999", "a b", "a/b", "u@a", "[::1", "[x]", "a:80:80"}) {
    CAPTURE(text);
    CHECK_FALSE(read_authority(text));
  }
}

TEST_CASE("auth: a name that is not ours is refused: it may lead here by a trick") {
  CHECK(refused({{"host", "127.0.0.1:80"}}) == Errc{});
  CHECK(refused({{"host", "localhost"}}) == Errc{});
  CHECK(refused({{"host", "[::1]:5"}}) == Errc{});
  CHECK(refused({{"host", "evil.example"}}) == Errc::forbidden);
  CHECK(refused({{"host", "localhost.evil.example"}}) == Errc::forbidden);
  CHECK(refused({{"host", "127.0.0.1.evil.example"}}) == Errc::forbidden);
  CHECK(refused({{"host", "192.0.2.1"}}) == Errc::forbidden);
  CHECK(refused({{"host", "192.0.2.1:80"}}, "::ffff:192.0.2.1") == Errc{});
  CHECK(refused({{"host", "localhost"}}, "192.0.2.1") == Errc::forbidden);
  CHECK(refused({{"host", "My.Example"}}, "192.0.2.1", {{"my.example"}, {}}) == Errc{});
  CHECK(refused({}) == Errc::usage);
  CHECK(refused({{"host", "localhost"}, {"host", "localhost"}}) == Errc::usage);
  CHECK(refused({{"host", "local host"}}) == Errc::usage);
}

TEST_CASE("auth: pages of other origins are refused") {
  const auto with = [](Headers more, const AllowedNames& allowed = {}) {
    more.emplace_back("host", "localhost:8080");
    return refused(std::move(more), "127.0.0.1", allowed);
  };
  CHECK(with({{"origin", "http://localhost:8080"}}) == Errc{});
  CHECK(with({{"origin", "http://localhost:8081"}}) == Errc::forbidden);
  CHECK(with({{"origin", "http://evil.example"}}) == Errc::forbidden);
  CHECK(with({{"origin", "null"}}) == Errc::forbidden);
  CHECK(with({{"origin", ""}}) == Errc::forbidden);
  CHECK(with({{"origin", "https://page.example"}}, {{}, {"https://page.example"}}) == Errc{});
  CHECK(with({{"origin", "http://page.example"}}, {{}, {"https://page.example"}}) == Errc::forbidden);
  CHECK(with({{"origin", "http://localhost:8080"}, {"origin", "http://evil.example"}}) == Errc::forbidden);
  CHECK(with({{"sec-fetch-site", "cross-site"}}) == Errc::forbidden);
  CHECK(with({{"sec-fetch-site", "cross-site"}, {"origin", "http://localhost:8080"}}) == Errc::forbidden);
  CHECK(with({{"sec-fetch-site", "same-origin"}}) == Errc{});
  CHECK(with({{"sec-fetch-site", "none"}}) == Errc{});
}

TEST_CASE("auth: the default port of the scheme is the same origin") {
  CHECK(refused({{"host", "localhost"}, {"origin", "http://localhost:80"}}) == Errc{});
  CHECK(refused({{"host", "localhost"}, {"origin", "https://localhost"}}) == Errc{});
  CHECK(refused({{"host", "localhost:443"}, {"origin", "https://localhost"}}) == Errc{});
  CHECK(refused({{"host", "localhost:443"}, {"origin", "http://localhost"}}) == Errc::forbidden);
}

TEST_CASE("auth: a token comes in a header, or as a subprotocol of a WebSocket, and from nowhere else") {
  CHECK(*token_of(request_with({{"authorization", "Bearer abc"}})).value() == "abc");
  CHECK(*token_of(request_with({{"authorization", "bearer  abc"}})).value() == "abc");
  CHECK_FALSE(token_of(request_with({})).value());
  CHECK_FALSE(token_of(request_with({{"authorization", "Basic abc"}})));
  CHECK_FALSE(token_of(request_with({{"authorization", "Bearer "}})));
  CHECK_FALSE(token_of(request_with({{"authorization", "Bearer a"}, {"authorization", "Bearer b"}})));
  CHECK_FALSE(token_of(request_with({{"authorization", "Bearer " + std::string(200, 'a')}})));
  const Headers socket{{"upgrade", "websocket"}, {"sec-websocket-protocol", "v1, bearer.abc"}};
  CHECK(*token_of(request_with(socket)).value() == "abc");
  CHECK(bearer_subprotocol(request_with(socket)) == "bearer.abc");
  CHECK_FALSE(token_of(request_with({{"sec-websocket-protocol", "bearer.abc"}})).value());
  auto asked = request_with({});
  asked.query.emplace_back("token", "abc");
  CHECK_FALSE(token_of(asked).value());
}

TEST_CASE("auth: new tokens have 256 bits and do not repeat") {
  const auto token = new_token();
  CHECK(token.size() == 47);
  CHECK(token.starts_with("hsa_"));
  CHECK(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
        std::string::npos);
  CHECK(new_token() != token);
  CHECK(new_token_id().size() == 8);
}

TEST_CASE("auth: a token file says what it holds, or what is wrong with it") {
  const TokenRow row{"0a1b2c3d", "ci", hash_of_token("x"), Scope::operate, UtcTime{5}, UtcTime{9}};
  const auto again = tokens_from(to_text({row}), "t");
  REQUIRE(again);
  CHECK(again->at(0).sha256 == row.sha256);
  CHECK(again->at(0).scope == Scope::operate);
  CHECK(again->at(0).expires_at == UtcTime{9});
  CHECK(to_text({row}).find("hsa_") == std::string::npos);
  CHECK(tokens_from(to_text({}), "t")->empty());
  auto root = row;
  root.name = "other";
  CHECK(tokens_from(to_text({row, root}), "t")->size() == 2);
  CHECK_FALSE(tokens_from(to_text({row, row}), "t"));
  for (const char* text : {"", "[]", "{", R"({"tokens":[{}]})", R"({"more":1})"}) {
    CAPTURE(text);
    CHECK_FALSE(tokens_from(text, "t"));
  }
  auto odd = row;
  odd.sha256 = "abc";
  CHECK_FALSE(tokens_from(to_text({odd}), "t"));
  odd = row;
  odd.scope = Scope::none;
  CHECK_FALSE(tokens_from(to_text({odd}), "t"));
}

TEST_CASE("auth: the file is read again when it changed, and not used while others may write it") {
  const Folder folder;
  const auto path = tokens_path(folder.path());
  const auto write = [&](const std::vector<TokenRow>& rows) {
    std::ofstream(path + ".new") << to_text(rows);
    ::chmod((path + ".new").c_str(), 0600);
    REQUIRE(::rename((path + ".new").c_str(), path.c_str()) == 0);
  };
  TokenFile file(path);
  const auto refusal = [&](const char* token) {
    const auto found = file.find(token, UtcTime{100});
    const auto* why = std::get_if<TokenFile::Refusal>(&found);
    return why == nullptr ? -1 : static_cast<int>(*why);
  };
  const int unknown = static_cast<int>(TokenFile::Refusal::unknown);
  CHECK(refusal("a") == unknown);
  CHECK_FALSE(file.trouble());
  write({{"1", "a", hash_of_token("a"), Scope::read, UtcTime{1}, std::nullopt},
         {"2", "b", hash_of_token("b"), Scope::admin, UtcTime{1}, UtcTime{100}}});
  CHECK(refusal("a") == -1);
  CHECK(refusal("b") == static_cast<int>(TokenFile::Refusal::expired));
  CHECK(refusal("") == unknown);
  CHECK(file.holds("1", UtcTime{100}));
  CHECK_FALSE(file.holds("2", UtcTime{100}));
  CHECK(file.holds("2", UtcTime{99}));
  write({});
  CHECK(refusal("a") == unknown);
  CHECK_FALSE(file.holds("1", UtcTime{100}));
  write({{"1", "a", hash_of_token("a"), Scope::read, UtcTime{1}, std::nullopt}});
  ::chmod(path.c_str(), 0666);
  CHECK(refusal("a") == unknown);
  CHECK(file.trouble()->code == Errc::permission_denied);
  std::ofstream(path) << "{";
  ::chmod(path.c_str(), 0600);
  CHECK(refusal("a") == unknown);
  CHECK(file.trouble()->code == Errc::io);
}

TEST_CASE("auth: the gate answers for whom no handler is called") {
  const Folder folder;
  const auto path = tokens_path(folder.path());
  std::ofstream(path) << to_text({{"1", "reader", hash_of_token("r"), Scope::read, UtcTime{1}, std::nullopt}});
  ::chmod(path.c_str(), 0600);
  const auto nothing = [](const auto&, const auto&) {};
  auto router = Router::of({{"GET", "/open", Scope::none, 0, nothing},
                            {"GET", "/runs/{run}", Scope::read, 0, nothing},
                            {"POST", "/runs", Scope::operate, 10, nothing}});
  REQUIRE(router);
  GateOptions options;
  options.requests_per_second = 0.001;
  options.burst = 7;
  Gate gate(std::move(router).value(), options, std::make_shared<TokenFile>(path), std::make_shared<SystemClock>());
  std::shared_ptr<Request> last;
  const auto status = [&](const char* method, const char* target, const char* token) {
    last = std::make_shared<Request>(request_with({{"host", "localhost"}}));
    last->method = method;
    if (*token != '\0') last->headers.emplace_back("authorization", std::string("Bearer ") + token);
    const auto seen = gate.look({last, target, "127.0.0.1"});
    const auto* refusal = std::get_if<Response>(&seen);
    return refusal == nullptr ? 0U : refusal->status;
  };
  CHECK(status("GET", "/runs/x?a=1", "r") == 0);
  CHECK(last->who.name == "reader");
  CHECK(last->params.at("run") == "x");
  CHECK(last->query.size() == 1);
  CHECK(status("GET", "/open", "") == 0);
  CHECK(status("GET", "/runs/x", "") == 401);
  CHECK(status("GET", "/runs/x", "wrong") == 401);
  CHECK(status("POST", "/runs", "r") == 403);
  CHECK(status("GET", "/nothing", "") == 404);
  CHECK(status("GET", "/runs", "") == 405);
  CHECK(status("GET", "/%", "") == 400);
  CHECK(status("OPTIONS", "/runs", "") == 204);
  CHECK(status("GET", "/open", "") == 429);
  CHECK(status("GET", "/runs/x", "r") == 0);
  CHECK(gate.still_holds("1"));
  CHECK_FALSE(gate.still_holds("2"));
}

}  // namespace hillstar::http
