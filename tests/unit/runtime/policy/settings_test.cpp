// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/settings.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <set>

namespace hillstar::policy {

TEST_CASE("settings: names, options and variables are there once, and standards are values") {
  std::set<std::string_view> names;
  std::set<std::string_view> variables;
  for (const auto& setting : settings()) {
    CAPTURE(setting.name);
    CHECK(names.insert(setting.name).second);
    CHECK((setting.variable.empty() || variables.insert(setting.variable).second));
    CHECK_FALSE(setting.meaning.empty());
    CHECK_FALSE((setting.options.empty() && setting.variable.empty()));
    CHECK(find_setting(setting.name) == &setting);
    if (setting.standard.empty()) continue;
    const auto standard = checked_setting(setting, setting.standard);
    REQUIRE(standard);
    CHECK(*standard == setting.standard);
    CHECK(setting_of_json(setting, setting_to_json(setting, *standard)).value() == *standard);
  }
}

TEST_CASE("settings: a project decides neither where keys go nor what is trusted") {
  for (const char* name :
       {"registry", "router_url", "anthropic_base_url", "env_file", "keyring", "redact_off", "redact_on", "air_gapped"})
    CHECK(find_setting(name)->project == ProjectMay::never);
  for (const char* name : {"store", "output_dir"}) CHECK(find_setting(name)->project == ProjectMay::inside);
}

TEST_CASE("settings: what a person types is checked") {
  const auto value = [](const char* name, std::string_view text) {
    return checked_setting(*find_setting(name), text).value_or("refused");
  };
  CHECK(value("quiet", "yes") == "true");
  CHECK(value("quiet", "0") == "false");
  CHECK(value("quiet", "maybe") == "refused");
  CHECK(value("output", "jsonl") == "jsonl");
  CHECK(value("output", "xml") == "refused");
  CHECK(value("output", "") == "refused");
  CHECK(value("max_concurrency", "1000000") == "1000000");
  for (const char* wrong : {"0", "1000001", "-1", "+1", "01", "1.5", "99999999999999999999", "x", ""})
    CHECK(value("max_concurrency", wrong) == "refused");
  CHECK(value("priority", "high") == "high");
  CHECK(value("priority", "100") == "100");
  CHECK(value("priority", "101") == "refused");
  CHECK(value("store", "a b") == "a b");
  CHECK(value("store", "a\nb") == "refused");
  CHECK(value("store", std::string(4'096, 'x')) != "refused");
  CHECK(value("store", std::string(4'097, 'x')) == "refused");
  CHECK(value("router_url", "http://localhost:9000") == "http://localhost:9000");
  for (const char* wrong : {"localhost", "ftp://x", "http://", "http://a b"})
    CHECK(value("router_url", wrong) == "refused");
  CHECK(value("redact_on", "email_address,iban") == "email_address,iban");
  CHECK(value("redact_on", "nonsense") == "refused");
}

TEST_CASE("settings: values of files have the type of the setting") {
  const auto value = [](const char* name, const boost::json::value& json) {
    return setting_of_json(*find_setting(name), json).value_or("refused");
  };
  CHECK(value("quiet", true) == "true");
  CHECK(value("quiet", "true") == "refused");
  CHECK(value("max_concurrency", 7) == "7");
  CHECK(value("max_concurrency", "7") == "refused");
  CHECK(value("max_concurrency", 7.5) == "refused");
  CHECK(value("max_concurrency", -7) == "refused");
  CHECK(value("priority", 7) == "7");
  CHECK(value("priority", "low") == "low");
  CHECK(value("store", "x") == "x");
  CHECK(value("store", nullptr) == "refused");
  CHECK(value("store", boost::json::array{"x"}) == "refused");
}

TEST_CASE("settings: a password in an address is not shown") {
  const auto& url = *find_setting("router_url");
  CHECK(shown_setting(url, "https://me:geheim@host/x") == "https://***@host/x");
  CHECK(shown_setting(url, "https://host/a@b") == "https://host/a@b");
  const auto refused = checked_setting(url, "ftp://me:geheim@host");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("geheim") == std::string::npos);
}

TEST_CASE("settings: an unknown name leads to the nearest one") {
  CHECK(find_setting("stor") == nullptr);
  CHECK(unknown_setting("stor").hint == "Did you mean 'store'?");
  CHECK(unknown_setting("stor").code == Errc::not_found);
}

}  // namespace hillstar::policy
