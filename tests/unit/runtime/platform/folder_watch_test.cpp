// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/folder_watch.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "runtime/platform/hash.hpp"

using namespace hillstar;
namespace fs = std::filesystem;

namespace {

/// The machine's time, moved by hand.
struct MovedClock final : Clock {
  Millis moved{0};  ///< Of the time that passes, and
  Millis aged{0};   ///< of the time of the day, by which files are old.
  SystemClock real;
  [[nodiscard]] UtcTime utc_now() const override { return real.utc_now() + aged; }
  [[nodiscard]] std::chrono::steady_clock::time_point steady_now() const override { return real.steady_now() + moved; }
};

struct Folder {
  Folder() {
    std::string name = (fs::temp_directory_path() / "hillstar_watch_XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = fs::path(name) / "in";
    fs::create_directory(path);
  }
  ~Folder() {
    std::error_code code;
    fs::remove_all(path.parent_path(), code);
  }
  void put(const std::string& name, const std::string& text) const { std::ofstream(path / name) << text; }
  fs::path path;
};

const std::function<bool()> kNever = [] { return false; };

struct Watched {
  explicit Watched(const Folder& folder, std::string pattern = "", bool inotify = true)
      : watch({folder.path.string(), std::move(pattern), Millis(2'000), inotify}, clock) {}

  /// Names of what is handed out, after a while.
  std::string names(Millis later = Millis(0)) {
    clock.moved += later;
    last = watch.look(kNever);
    std::string text;
    for (const auto& file : last.files) text += file.name + " ";
    return text;
  }
  /// True if something is told about the folder; waits for it as long as a test may take.
  [[nodiscard]] bool is_told(int milliseconds) const {
    pollfd wait{watch.descriptor(), POLLIN, 0};
    return ::poll(&wait, 1, milliseconds) == 1;
  }

  MovedClock clock;
  FolderWatch watch;
  FolderLook last;
};

}  // namespace

TEST_CASE("folder watch: what is there, and what comes, is handed out once it rests") {
  const Folder folder;
  for (const bool inotify : {true, false}) {
    CAPTURE(inotify);
    folder.put("a.csv", "one");
    Watched watched(folder, "", inotify);
    CHECK(watched.names().empty());
    CHECK(watched.last.wait > Millis(0));
    CHECK(watched.last.wait <= Millis(2'000));
    CHECK(watched.names(Millis(2'000)) == "a.csv ");
    const auto& file = watched.last.files.front();
    CHECK(file.sha256 == sha256_hex("one"));
    CHECK(file.bytes == 3);
    CHECK(file.path == (folder.path / "a.csv").string());
    CHECK(watched.names(Millis(5'000)).empty());
    CHECK(watched.last.wait == (inotify ? kWatchCheck : kWatchPoll));
    folder.put("b.csv", "two");
    folder.put("a.csv", "changed");
    CHECK(watched.names().empty());
    CHECK(watched.names(Millis(2'000)) == "a.csv b.csv ");
    fs::remove(folder.path / "b.csv");
    CHECK(watched.names(Millis(2'000)).empty());
    watched.watch.again("a.csv");
    watched.watch.again("b.csv");
    CHECK(watched.names() == "a.csv ");
    fs::remove(folder.path / "a.csv");
  }
}

TEST_CASE("folder watch: a file that is still written does not count") {
  const Folder folder;
  Watched watched(folder);
  std::ofstream file(folder.path / "slow");
  for (int i = 0; i < 5; ++i) {
    file << "piece" << std::flush;
    CHECK(watched.names(Millis(1'500)).empty());
  }
  file.close();
  CHECK(watched.names(Millis(2'000)) == "slow ");
  CHECK(watched.last.files.front().bytes == 25);
}

TEST_CASE("folder watch: what has rested for long counts at the first look") {
  const Folder folder;
  folder.put("old", "x");
  Watched watched(folder);
  watched.clock.aged = Millis(2'000);
  CHECK(watched.names() == "old ");
}

TEST_CASE("folder watch: inotify says at once that something came") {
  const Folder folder;
  Watched watched(folder);
  watched.names();
  REQUIRE(watched.watch.descriptor() >= 0);
  CHECK_FALSE(watched.is_told(0));
  folder.put("a", "x");
  CHECK(watched.is_told(10'000));
  watched.names();
  CHECK_MESSAGE(!watched.is_told(0), "what was told is read: nobody spins");
}

TEST_CASE("folder watch: patterns, hidden files, links and folders") {
  const Folder folder;
  folder.put("a.csv", "1");
  folder.put("b.txt", "2");
  folder.put(".hidden.csv", "3");
  std::ofstream(folder.path.parent_path() / "outside.csv") << "secret";
  fs::create_symlink(folder.path.parent_path() / "outside.csv", folder.path / "link.csv");
  fs::create_symlink(folder.path / "a.csv", folder.path / "inner.csv");
  fs::create_directory(folder.path / "folder.csv");
  REQUIRE(::mkfifo((folder.path / "pipe.csv").c_str(), 0600) == 0);
  Watched watched(folder, "*.csv");
  watched.names();
  CHECK(watched.names(Millis(2'000)) == "a.csv ");
  Watched all(folder);
  all.names();
  CHECK(all.names(Millis(2'000)) == "a.csv b.txt ");
}

TEST_CASE("folder watch: a folder that comes later, goes, and comes back") {
  const Folder folder;
  fs::remove(folder.path);
  Watched watched(folder);
  CHECK(watched.names().empty());
  REQUIRE(watched.last.problems.size() == 1);
  CHECK(watched.last.wait == kWatchPoll);
  watched.names();
  CHECK_MESSAGE(watched.last.problems.empty(), "said once");
  fs::create_directory(folder.path);
  folder.put("a", "x");
  watched.names();
  CHECK(watched.names(Millis(2'000)) == "a ");
  fs::remove_all(folder.path);
  watched.names();
  CHECK(watched.last.problems.size() == 1);
  fs::create_directory(folder.path);
  folder.put("b", "y");
  watched.names();
  CHECK(watched.names(Millis(2'000)) == "b ");
  SUBCASE("or is replaced by another") {
    fs::rename(folder.path, folder.path.parent_path() / "old");
    fs::create_directory(folder.path);
    folder.put("c", "z");
    watched.names();
    CHECK(watched.names(Millis(2'000)) == "c ");
  }
}

TEST_CASE("folder watch: large files are read in pieces, and many are handed out in turns") {
  const Folder folder;
  const std::string large(5'000'000, 'x');
  folder.put("large", large);
  Watched watched(folder);
  watched.names();
  int asked = 0;
  watched.clock.moved += Millis(2'000);
  const auto given_up = watched.watch.look([&] { return ++asked > 3; });
  CHECK(given_up.files.empty());
  CHECK(watched.names() == "large ");
  CHECK(watched.last.files.front().sha256 == sha256_hex(large));
  fs::remove(folder.path / "large");
  for (std::size_t i = 0; i < kFilesPerLook + 5; ++i) folder.put("f" + std::to_string(i), std::to_string(i));
  watched.names();
  watched.names(Millis(2'000));
  CHECK(watched.last.files.size() == kFilesPerLook);
  CHECK(watched.last.wait == Millis(0));
  watched.names();
  CHECK(watched.last.files.size() == 5);
}

TEST_CASE("folder watch: names that are not UTF-8 are passed over, and said once") {
  const Folder folder;
  folder.put("bad\xff", "x");
  folder.put("good", "y");
  Watched watched(folder);
  watched.names();
  CHECK(watched.last.problems.size() == 1);
  CHECK(watched.names(Millis(2'000)) == "good ");
  CHECK(watched.last.problems.empty());
}
