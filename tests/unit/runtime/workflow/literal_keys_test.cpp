// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/literal_keys.hpp"

#include <doctest/doctest.h>

namespace hillstar::workflow {

TEST_CASE("literal keys: a credential in the file is taken out, and nothing else is touched") {
  CHECK(without_literal_keys(R"({ "model_config" : {"openai": {"api_key" : "sk-a\"b"}, "x": 1},  "id":"w" })") ==
        R"({ "model_config" : {"openai": {"api_key" : "[REDACTED]"}, "x": 1},  "id":"w" })");
  CHECK(without_literal_keys(
            R"({"model_config":{"custom_providers":{"a":{"auth_token":"t1"},"b":{"auth_token":"t2"}}}})") ==
        R"({"model_config":{"custom_providers":{"a":{"auth_token":"[REDACTED]"},"b":{"auth_token":"[REDACTED]"}}}})");
}

TEST_CASE("literal keys: names of variables, other places and other texts stay") {
  for (const char* text :
       {R"({"model_config":{"openai":{"api_key":"${OPENAI_API_KEY}"}}})",
        R"({"graph":{"nodes":{"api_key":{"tool":"checkpoint"}}}})", R"({"model_config":{"api_key":7}})",
        "{\"model_config\":{\"api_key\":\"unfinished", "api_key"})
    CHECK(without_literal_keys(text) == text);
}

}  // namespace hillstar::workflow
