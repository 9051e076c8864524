// SPDX-License-Identifier: Apache-2.0
#include "persistence/blob_cache.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "runtime/platform/hash.hpp"

namespace hillstar::persistence {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

struct Folder {
  Folder() {
    std::string name = (fs::temp_directory_path() / "hillstar-cache-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~Folder() {
    std::error_code ignored;
    fs::permissions(path, fs::perms::owner_all, ignored);
    fs::remove_all(path, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path + "/c"), fs::directory_iterator()));
  }
  std::string path;
};

std::string text_of(std::size_t size, char letter) { return std::string(size, letter); }

}  // namespace

TEST_CASE("blob cache: what is put is read by its hash, whole and in pieces, and the same bytes are one blob") {
  const Folder folder;
  const auto cache = BlobCache::open(folder.path + "/c").value();
  for (const std::size_t size : {std::size_t{0}, std::size_t{5}, std::size_t{3} << 20U}) {
    const auto bytes = text_of(size, 'x');
    const auto name = cache->put_blob(bytes).value();
    CHECK(name == sha256_hex(bytes));
    const auto before = cache->bytes();
    const auto sink = cache->blob_sink();
    for (std::size_t at = 0; at < size; at += 10'007) REQUIRE(sink->append(std::string_view(bytes).substr(at, 10'007)));
    CHECK(sink->finish().value() == name);
    CHECK_FALSE(sink->append("more"));
    CHECK_FALSE(sink->finish());
    CHECK(cache->bytes() == before);
    CHECK(cache->has_blob(name));
    CHECK((cache->read_blob(name).value() == bytes));
  }
  CHECK(folder.files() == 3);
  CHECK_FALSE(cache->failure());
}

TEST_CASE("blob cache: what is not there is missing, and a sink that is given up leaves nothing") {
  const Folder folder;
  const auto cache = BlobCache::open(folder.path + "/c").value();
  const std::string none(64, '0');
  CHECK_FALSE(cache->has_blob(none));
  CHECK(cache->read_blob(none).error().code == Errc::blob_missing);
  CHECK(cache->read_blob("../../etc/passwd").error().code == Errc::blob_missing);
  REQUIRE(cache->blob_sink()->append("half"));
  CHECK(folder.files() == 0);
  CHECK(cache->bytes() == 0);
}

TEST_CASE("blob cache: shrinking takes the longest unused, and nothing that was used since") {
  const Folder folder;
  const auto cache = BlobCache::open(folder.path + "/c").value();
  const auto a = cache->put_blob(text_of(100, 'a')).value();
  const auto b = cache->put_blob(text_of(100, 'b')).value();
  const auto c = cache->put_blob(text_of(100, 'c')).value();
  CHECK(cache->has_blob(a));  // used: now b is the longest unused
  const auto later = Clock::now() + std::chrono::seconds(1);
  cache->shrink(300, later);
  CHECK(cache->bytes() == 300);
  cache->shrink(250, later);
  CHECK_FALSE(cache->has_blob(b));
  CHECK(cache->has_blob(a));
  CHECK(cache->has_blob(c));
  cache->shrink(0, Clock::now() - std::chrono::seconds(60));
  CHECK(cache->bytes() == 200);
  cache->shrink(0, Clock::now() + std::chrono::seconds(1));
  CHECK(cache->bytes() == 0);
  CHECK(folder.files() == 0);
  CHECK(cache->put_blob(text_of(100, 'b')).value() == b);
}

TEST_CASE("blob cache: bytes that changed are an error once, and can then be had again") {
  const Folder folder;
  const auto cache = BlobCache::open(folder.path + "/c").value();
  const auto name = cache->put_blob("what it was").value();
  std::ofstream(folder.path + "/c/" + name) << "what it is not";
  bool handed = false;
  const auto read = cache->copy_blob(name, [&handed](std::string_view) -> Result<void> {
    handed = true;
    return {};
  });
  REQUIRE_FALSE(read);
  CHECK(read.error().code == Errc::record_corrupt);
  CHECK_FALSE(handed);
  CHECK_FALSE(cache->has_blob(name));
  CHECK(cache->put_blob("what it was").value() == name);
  CHECK(cache->read_blob(name).value() == "what it was");
}

TEST_CASE("blob cache: what a process before left is gone, and a folder that cannot be is an error") {
  const Folder folder;
  fs::create_directories(folder.path + "/c/deep");
  std::ofstream(folder.path + "/c/old") << "old";
  const auto cache = BlobCache::open(folder.path + "/c").value();
  CHECK(folder.files() == 0);
  std::ofstream(folder.path + "/file") << "";
  CHECK_FALSE(BlobCache::open(folder.path + "/file/c"));
}

TEST_CASE("blob cache: a write that fails is told until one succeeds") {
  const Folder folder;
  const auto cache = BlobCache::open(folder.path + "/c").value();
  fs::remove_all(folder.path + "/c");
  REQUIRE_FALSE(cache->put_blob("x"));
  CHECK(cache->failure());
  fs::create_directories(folder.path + "/c");
  REQUIRE(cache->put_blob("x"));
  CHECK_FALSE(cache->failure());
}

TEST_CASE("blob cache: threads may put, read and shrink at once") {
  const Folder folder;
  const auto cache = BlobCache::open(folder.path + "/c").value();
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        const auto bytes = text_of(1'000, static_cast<char>('a' + (i + t) % 20));
        const auto name = cache->put_blob(bytes);
        if (!name || *name != sha256_hex(bytes)) ++wrong;
        if (t == 0) cache->shrink(5'000, Clock::now() - std::chrono::milliseconds(1));
        if (const auto read = name ? cache->read_blob(*name) : name; read && *read != bytes) ++wrong;
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(cache->bytes() <= 20'000);
}

}  // namespace hillstar::persistence
