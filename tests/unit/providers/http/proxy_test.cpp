// SPDX-License-Identifier: Apache-2.0
// Which proxy a request goes through.
#include "providers/http/proxy.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "providers/http/network.hpp"

using namespace hillstar;
using namespace hillstar::providers;

namespace {

Url url_of(const std::string& text) {
  auto url = parse_url(text);
  REQUIRE(url);
  return *url;
}

/// `host:port` of the proxy for `url`, `-` for none, or the error's message.
std::string chosen(const std::vector<std::string>& environment, const std::string& url) {
  const auto proxy = choose_proxy(proxy_settings(environment), url_of(url));
  if (!proxy) return proxy.error().message;
  return *proxy ? (*proxy)->authority() : "-";
}

std::string authorization(const std::string& value) {
  const auto proxy = choose_proxy(proxy_settings({"https_proxy=" + value}), url_of("https://h.example"));
  REQUIRE(proxy);
  REQUIRE(*proxy);
  return std::string((*proxy)->authorization.reveal());
}

struct Exemption {
  const char* list;
  const char* host;
  std::uint16_t port;
  bool exempt;
};

void check(std::initializer_list<Exemption> rows) {
  for (const auto& row : rows) {
    CAPTURE(row.list);
    CAPTURE(row.host);
    CHECK(is_exempt(row.list, row.host, row.port) == row.exempt);
  }
}

}  // namespace

TEST_CASE("proxy: each scheme has its variable, lower case first, and all_proxy stands in") {
  CHECK(chosen({}, "https://h.example") == "-");
  CHECK(chosen({"https_proxy=http://p:1"}, "https://h.example") == "p:1");
  CHECK(chosen({"HTTPS_PROXY=http://p:1"}, "https://h.example") == "p:1");
  CHECK(chosen({"HTTPS_PROXY=http://p:1", "https_proxy=http://q:2"}, "https://h.example") == "q:2");
  CHECK(chosen({"https_proxy=", "HTTPS_PROXY=http://p:1"}, "https://h.example") == "p:1");
  CHECK(chosen({"https_proxy=http://p:1"}, "http://h.example") == "-");
  CHECK(chosen({"http_proxy=http://p:1"}, "http://h.example") == "p:1");
  CHECK(chosen({"http_proxy=http://p:1"}, "https://h.example") == "-");
  CHECK(chosen({"ALL_PROXY=http://a:3"}, "https://h.example") == "a:3");
  CHECK(chosen({"all_proxy=http://a:3"}, "http://h.example") == "a:3");
  CHECK(chosen({"ALL_PROXY=http://a:3", "HTTPS_PROXY=http://p:1"}, "https://h.example") == "p:1");
  CHECK(chosen({"HTTPS_PROXYX=http://p:1", "XHTTPS_PROXY=http://p:1"}, "https://h.example") == "-");
}

TEST_CASE("proxy: HTTP_PROXY is not believed where a web server sets variables from a request") {
  CHECK(chosen({"HTTP_PROXY=http://p:1"}, "http://h.example") == "p:1");
  CHECK(chosen({"HTTP_PROXY=http://p:1", "REQUEST_METHOD=GET"}, "http://h.example") == "-");
  CHECK(chosen({"http_proxy=http://p:1", "REQUEST_METHOD=GET"}, "http://h.example") == "p:1");
}

TEST_CASE("proxy: addresses in many spellings") {
  const struct {
    const char* value;
    const char* authority;
  } rows[] = {{"http://p.example:8080", "p.example:8080"},
              {"p.example:8080", "p.example:8080"},
              {"HTTP://P.Example:8080/", "p.example:8080"},
              {"http://p.example", "p.example:80"},
              {"p.example", "p.example:80"},
              {"http://10.0.0.1:3128", "10.0.0.1:3128"},
              {"http://[fd00::1]:3128", "[fd00::1]:3128"},
              {"user:pass@p.example:1", "p.example:1"},
              {"http://u:p%40@p.example:1/", "p.example:1"}};
  for (const auto& row : rows) {
    CAPTURE(row.value);
    CHECK(chosen({std::string("https_proxy=") + row.value}, "https://h.example") == row.authority);
  }
}

TEST_CASE("proxy: what is not usable is an error that names the variable and nothing of its value") {
  for (const char* value :
       {"https://p:1", "socks5://canary@p:1", "http://", "http://canary@", "http://p:0", "http://p:99999", "http://p:x",
        "http://p/canary", "http://p?canary", "p p", "http://canary:can%zzary@p:1", "http://canary:%0d%0a@p:1",
        "http://canary:%4@p:1", "http://ca%3Anary:x@p:1", "http://[::1:3", "\x01", "http://h\xC3\xA4:1"}) {
    CAPTURE(value);
    const auto proxy = choose_proxy(proxy_settings({std::string("HTTPS_PROXY=") + value}), url_of("https://h.example"));
    REQUIRE(!proxy);
    CHECK(proxy.error().code == Errc::provider_config);
    CHECK(proxy.error().message.find("HTTPS_PROXY") != std::string::npos);
    CHECK(to_string(proxy.error()).find("canary") == std::string::npos);
  }
  CHECK(!choose_proxy(proxy_settings({"https_proxy=" + std::string(5000, 'p')}), url_of("https://h.example")));
}

TEST_CASE("proxy: names and passwords become one header value") {
  CHECK(authorization("http://p:1").empty());
  CHECK(authorization("http://Aladdin:open%20sesame@p:1") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  CHECK(authorization("Aladdin:open sesame@p:1") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  CHECK(authorization("http://user@p:1") == "Basic dXNlcjo=");
  CHECK(authorization("http://a:b:c@p:1") == "Basic YTpiOmM=");
  CHECK(authorization("http://a:b@c@p:1") == "Basic YTpiQGM=");
}

TEST_CASE("proxy: this machine is called directly unless the proxy is asked for it") {
  const std::vector<std::string> environment = {"all_proxy=http://p:1"};
  for (const char* url : {"http://localhost:8080", "https://LOCALHOST", "http://127.0.0.1", "http://127.9.8.7:1",
                          "http://[::1]:1", "http://api.localhost", "http://localhost.", "http://[::ffff:127.0.0.1]"}) {
    CAPTURE(url);
    CHECK(chosen(environment, url) == "-");
    auto settings = proxy_settings(environment);
    settings.loopback = true;
    CHECK(choose_proxy(settings, url_of(url)).value().has_value());
  }
  for (const char* url : {"http://localhost.example", "http://notlocalhost", "http://128.0.0.1", "http://[::2]"})
    CHECK(chosen(environment, url) == "p:1");
}

TEST_CASE("proxy: NO_PROXY knows names, suffixes, ports and the star") {
  check({
      {"example.com", "example.com", 443, true},
      {"example.com", "www.example.com", 443, true},
      {"example.com", "a.b.example.com", 443, true},
      {"example.com", "notexample.com", 443, false},
      {"example.com", "example.com.evil", 443, false},
      {"example.com", "com", 443, false},
      {".example.com", "example.com", 443, true},
      {".example.com", "www.example.com", 443, true},
      {".example.com", "notexample.com", 443, false},
      {"*.example.com", "www.example.com", 443, true},
      {"*.example.com", "notexample.com", 443, false},
      {"example.com.", "example.com", 443, true},
      {"example.com", "example.com.", 443, true},
      {"EXAMPLE.com", "example.COM", 443, true},
      {"example.com:443", "example.com", 443, true},
      {"example.com:443", "www.example.com", 443, true},
      {"example.com:443", "example.com", 8443, false},
      {"example.com:0443", "example.com", 443, true},
      {"example.com:x", "example.com", 443, false},
      {"example.com:", "example.com", 443, false},
      {"example.com:99999", "example.com", 443, false},
      {"*", "anything.example", 1, true},
      {"*:443", "anything.example", 443, true},
      {"*:443", "anything.example", 444, false},
      {"a.example, b.example", "b.example", 1, true},
      {"a.example,b.example", "a.example", 1, true},
      {"a.example b.example", "b.example", 1, true},
      {"a.example\tb.example", "b.example", 1, true},
      {",, ,a.example,", "a.example", 1, true},
      {",, ,", "a.example", 1, false},
      {"", "a.example", 1, false},
      {".", "a.example", 1, false},
      {"*.", "a.example", 1, false},
      {"ex*", "example", 1, false},
  });
}

TEST_CASE("proxy: NO_PROXY knows addresses and networks") {
  check({
      {"10.0.0.1", "10.0.0.1", 1, true},
      {"10.0.0.1", "10.0.0.10", 1, false},
      {"0.0.1", "10.0.0.1", 1, false},
      {"10.0.0.1:80", "10.0.0.1", 80, true},
      {"10.0.0.1:80", "10.0.0.1", 81, false},
      {"10.0.0.0/8", "10.255.1.2", 1, true},
      {"10.0.0.0/8", "11.0.0.0", 1, false},
      {"10.1.2.3/8", "10.9.9.9", 1, true},
      {"192.168.4.0/22", "192.168.7.255", 1, true},
      {"192.168.4.0/22", "192.168.8.0", 1, false},
      {"10.0.0.0/32", "10.0.0.0", 1, true},
      {"10.0.0.0/32", "10.0.0.1", 1, false},
      {"0.0.0.0/0", "8.8.8.8", 1, true},
      {"10.0.0.0/33", "10.0.0.0", 1, false},
      {"10.0.0.0/", "10.0.0.0", 1, false},
      {"10.0.0.0/-1", "10.0.0.0", 1, false},
      {"10.0.0.0/8x", "10.0.0.0", 1, false},
      {"10.0.0.0/8", "ten.example", 1, false},
      {"10.0.0.0/8", "10.example", 1, false},
      {"fd00::/8", "fd12::1", 1, true},
      {"fd00::/8", "fe12::1", 1, false},
      {"fd00::1", "fd00:0:0::1", 1, true},
      {"[fd00::1]", "fd00::1", 1, true},
      {"[fd00::1]:80", "fd00::1", 80, true},
      {"[fd00::1]:80", "fd00::1", 81, false},
      {"[fd00::1", "fd00::1", 1, false},
      {"fd00::/129", "fd00::1", 1, false},
      {"::/0", "8.8.8.8", 1, false},
      {"10.0.0.0/8", "::ffff:10.0.0.1", 1, true},
  });
}

TEST_CASE("proxy: NO_PROXY is heeded before the proxy is even read") {
  CHECK(chosen({"https_proxy=http://p:1", "no_proxy=x,h.example"}, "https://h.example") == "-");
  CHECK(chosen({"https_proxy=http://p:1", "NO_PROXY=h.example"}, "https://h.example") == "-");
  CHECK(chosen({"https_proxy=http://p:1", "NO_PROXY=h.example", "no_proxy=x"}, "https://h.example") == "p:1");
  // An exempt host does not stumble over a proxy that is malformed.
  CHECK(chosen({"https_proxy=socks5://p:1", "NO_PROXY=h.example"}, "https://h.example") == "-");
}

TEST_CASE("proxy: thousands of networks and names agree with a plain reading of the rule") {
  const auto* given = std::getenv("HILLSTAR_SEED");
  const auto seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  MESSAGE("HILLSTAR_SEED=" << seed);
  std::mt19937_64 random(seed);
  const auto dotted = [](std::uint32_t n) {
    return std::to_string(n >> 24U) + "." + std::to_string(n >> 16U & 255U) + "." + std::to_string(n >> 8U & 255U) +
           "." + std::to_string(n & 255U);
  };
  for (int i = 0; i < 5000; ++i) {
    const auto bits = static_cast<unsigned>(random() % 33);
    const auto network = static_cast<std::uint32_t>(random());
    // Often a neighbour of the network's edge.
    const auto flip = random() % 3 == 0 ? 0U : 1U << (random() % 32);
    const auto host = network ^ flip;
    const bool within = bits == 0 || (network >> (32U - bits)) == (host >> (32U - bits));
    REQUIRE_MESSAGE(is_exempt(dotted(network) + "/" + std::to_string(bits), dotted(host), 80) == within,
                    dotted(network) << "/" << bits << " " << dotted(host));
  }
  const std::vector<std::string> labels = {"a", "b", "ab", "example", "com"};
  const auto name = [&](std::size_t most) {
    std::string text = labels[random() % labels.size()];
    for (auto n = random() % most; n > 0; --n) text += "." + labels[random() % labels.size()];
    return text;
  };
  for (int i = 0; i < 5000; ++i) {
    const auto host = name(5);
    const auto entry = name(3);
    const auto whole = "." + host;
    const bool within = whole.ends_with("." + entry);
    const auto list = "x.invalid," + std::string(random() % 2 == 0 ? "." : "") + entry + ", 10.0.0.0/8";
    REQUIRE_MESSAGE(is_exempt(list, host, 443) == within, list << " " << host);
  }
}

TEST_CASE("network settings: certificates come from the variables that OpenSSL knows") {
  const auto settings = network_settings({"SSL_CERT_FILE=/a.pem", "SSL_CERT_DIR=/b", "https_proxy=http://p:1"});
  CHECK(settings.ca_file == "/a.pem");
  CHECK(settings.ca_folder == "/b");
  CHECK(settings.proxy.https.name == "https_proxy");
  CHECK(network_settings({}).ca_file.empty());
}
