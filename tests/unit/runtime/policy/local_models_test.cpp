// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/local_models.hpp"

#include <doctest/doctest.h>

using hillstar::policy::model_for_seat;

TEST_CASE("local models: chat seats take the best known family, then any model that chats") {
  CHECK(model_for_seat("router-planner", {"llama:8b", "glm-4", "Qwen3:4b", "qwen2"}) == "Qwen3:4b");
  CHECK(model_for_seat("router-planner", {"kimi-k2", "deepseek-r1"}) == "deepseek-r1");
  CHECK(model_for_seat("router-anything", {"nomic-embed-text", "llama:8b", "phi"}) == "llama:8b");
  CHECK_FALSE(model_for_seat("router-planner", {"nomic-embed-text", "bge-m3"}));
  CHECK_FALSE(model_for_seat("router-planner", {}));
  CHECK_FALSE(model_for_seat("router-planner", {""}));
}

TEST_CASE("local models: what runs in a cloud is on no machine of ours") {
  CHECK(model_for_seat("router-planner", {"glm-5:cloud", "qwen3:480b-cloud", "phi"}) == "phi");
  CHECK_FALSE(model_for_seat("router-planner", {"minimax-m2.5:cloud"}));
}

TEST_CASE("local models: the embedding seat takes embedding models only") {
  CHECK(model_for_seat("router-embedding", {"qwen3", "all-minilm", "nomic-embed-text"}) == "nomic-embed-text");
  CHECK(model_for_seat("router-embedding", {"all-minilm", "bge-m3"}) == "bge-m3");
  CHECK_FALSE(model_for_seat("router-embedding", {"qwen3", "llama"}));
}
