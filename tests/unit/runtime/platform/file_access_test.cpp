// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/file_access.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "tests/unit/runtime/platform/temp_folder.hpp"

using namespace hillstar;
using namespace hillstar::testing;
namespace fs = std::filesystem;

namespace {

std::string read_through(const FileAccess& access, const std::string& path) {
  const auto file = access.open_to_read(path);
  if (!file) return number(file.error().code);
  char buffer[64];
  const auto got = read(file->get(), buffer, sizeof buffer);
  return {buffer, static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
}

Result<void> write_through(const FileAccess& access, const std::string& path, std::string_view bytes) {
  const auto place = access.place_to_write(path);
  if (!place) return place.error();
  return replace_file(*place, bytes, path);
}

mode_t mode_of(const std::string& path) {
  struct stat info {};
  CHECK(stat(path.c_str(), &info) == 0);
  return info.st_mode & 07777U;
}

/// A workspace `ws`, an allowed folder `data` and a secret beside them.
struct House {
  TempFolder top;
  std::string ws = top / "ws";
  std::string data = top / "data";
  House() {
    fs::create_directories(ws + "/sub");
    fs::create_directory(data);
    put(ws + "/in.txt", "inside");
    put(ws + "/sub/deep.txt", "deep");
    put(data + "/d.txt", "data");
    put(top / "secret.txt", "secret");
  }
};

const std::string kRefused = "HS301";
const std::string kNotFound = "HS701";

}  // namespace

TEST_CASE("each_piece: hands on all bytes in order, from where it is told, until nobody wants more") {
  TempFolder folder;
  const auto path = folder.path() + "/long";
  std::string text;
  while (text.size() < 600'000) text += std::to_string(text.size()) + " ";
  std::ofstream(path) << text;
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  for (const std::uint64_t from : {0U, 1U, 300'000U, 700'000U}) {
    std::string got;
    std::size_t pieces = 0;
    REQUIRE(each_piece(
        file.get(), from,
        [&](std::string_view piece) -> Result<bool> {
          got += piece;
          return ++pieces > 0;
        },
        path));
    CHECK(got == (from < text.size() ? text.substr(from) : ""));
  }
  std::size_t pieces = 0;
  REQUIRE(each_piece(
      file.get(), 0, [&](std::string_view) -> Result<bool> { return ++pieces < 2; }, path));
  CHECK(pieces == 2);
  const auto refused = [](std::string_view) -> Result<bool> { return Error{Errc::too_large, "enough"}; };
  CHECK(each_piece(file.get(), 0, refused, path).error().code == Errc::too_large);
  const Descriptor unreadable(::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  CHECK_FALSE(each_piece(unreadable.get(), 0, refused, path).has_value());
}

TEST_CASE("file access: files beneath the workspace open, by whatever name") {
  const House house;
  for (const auto way : {FileAccess::Way::best, FileAccess::Way::walk}) {
    const FileAccess access(house.ws, {}, way);
    CHECK(read_through(access, "in.txt") == "inside");
    CHECK(read_through(access, "./sub//deep.txt") == "deep");
    CHECK(read_through(access, house.ws + "/in.txt") == "inside");
    CHECK(read_through(access, "sub/../in.txt") == "inside");
    CHECK(read_through(access, "../ws/in.txt") == "inside");
    CHECK(read_through(access, "missing") == kNotFound);
    CHECK(read_through(access, "in.txt/x") == kNotFound);
  }
}

TEST_CASE("file access: nothing outside opens") {
  const House house;
  fs::create_symlink("../secret.txt", house.ws + "/relative");
  fs::create_symlink(house.top / "secret.txt", house.ws + "/absolute");
  fs::create_directory_symlink("..", house.ws + "/up");
  fs::create_symlink("/proc/self/root/etc/passwd", house.ws + "/magic");
  fs::create_symlink("loop", house.ws + "/loop");
  for (const auto way : {FileAccess::Way::best, FileAccess::Way::walk}) {
    const FileAccess access(house.ws, {house.data}, way);
    for (const std::string path :
         {"../secret.txt", "sub/../../secret.txt", "relative", "absolute", "up/secret.txt", "magic", "/etc/passwd",
          "/proc/self/environ", "loop", "sub/../../data/../secret.txt"}) {
      CAPTURE(path);
      CHECK(read_through(access, path) == kRefused);
      const auto place = access.place_to_write(path == "loop" ? "../x" : path);
      REQUIRE_FALSE(place);
      CHECK(place.error().code == Errc::path_refused);
    }
    CHECK(read_through(access, house.top / "secret.txt") == kRefused);
    CHECK(read_through(access, house.ws + "-evil/x") == kRefused);
  }
}

TEST_CASE("file access: the refusal says how to allow the path") {
  const House house;
  const FileAccess access(house.ws, {});
  const auto refused = access.open_to_read("../data/d.txt");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().hint == "To allow it, add --allow-path " + house.data + ", or \"file_access\": [\"" +
                                    house.data + "\"] to the workflow.");
}

TEST_CASE("file access: allowed folders open, directly and through links into them") {
  const House house;
  fs::create_directory_symlink(house.data, house.ws + "/link");
  fs::create_symlink("sub/deep.txt", house.ws + "/inner");
  fs::create_symlink(house.ws + "/in.txt", house.ws + "/inner_absolute");
  for (const auto way : {FileAccess::Way::best, FileAccess::Way::walk}) {
    const FileAccess access(house.ws, {house.data + "/", "/no/such/folder"}, way);
    CHECK(read_through(access, house.data + "/d.txt") == "data");
    CHECK(read_through(access, "../data/d.txt") == "data");
    CHECK(read_through(access, "link/d.txt") == "data");
    CHECK(read_through(access, "inner") == "deep");
    CHECK(read_through(access, "inner_absolute") == "inside");
  }
}

TEST_CASE("file access: folders, pipes and devices are no files, and none of them blocks") {
  const House house;
  REQUIRE(mkfifo((house.ws + "/pipe").c_str(), 0600) == 0);
  const FileAccess access(house.ws, {"/dev"});
  for (const auto& path :
       {std::string("sub"), std::string("pipe"), std::string("/dev/zero"), std::string("."), house.ws}) {
    CAPTURE(path);
    const auto file = access.open_to_read(path);
    REQUIRE_FALSE(file);
    CHECK(file.error().code == Errc::io);
    CHECK_FALSE(access.place_to_write(path));
  }
}

TEST_CASE("file access: empty paths and NUL are refused by name") {
  const House house;
  const FileAccess access(house.ws, {});
  for (const auto& path : {std::string(), std::string("in.txt\0.png", 11)}) {
    const auto file = access.open_to_read(path);
    REQUIRE_FALSE(file);
    CHECK(file.error().code == Errc::tool_parameters);
    CHECK_FALSE(access.place_to_write(path));
  }
  CHECK_FALSE(access.open_to_read(std::string(10'000, 'x')));
  CHECK_FALSE(access.place_to_write(std::string(1'000'000, '/')));
}

TEST_CASE("file access: a folder that is swapped for a link out never lets a write or read escape") {
  const House house;
  fs::create_directory(house.top / "outside");
  put(house.top / "outside/f", "outside");
  fs::create_directory(house.ws + "/d");
  put(house.ws + "/d/f", "inside");
  fs::create_directory_symlink(house.top / "outside", house.ws + "/evil");
  std::atomic<bool> done{false};
  std::thread swapper([&] {
    while (!done)
      syscall(SYS_renameat2, AT_FDCWD, (house.ws + "/d").c_str(), AT_FDCWD, (house.ws + "/evil").c_str(),
              RENAME_EXCHANGE);
  });
  for (const auto way : {FileAccess::Way::best, FileAccess::Way::walk}) {
    const FileAccess access(house.ws, {}, way);
    for (int i = 0; i < 1500; ++i) {
      const auto text = read_through(access, "d/f");
      REQUIRE_MESSAGE(text.find("outside") == std::string::npos, text);
      if (i % 5 == 0) (void)write_through(access, "d/f", "inside").has_value();
    }
  }
  done = true;
  swapper.join();
  CHECK(get(house.top / "outside/f") == "outside");
  CHECK(entries(house.top / "outside") == 1);
}

TEST_CASE("file access: writing makes folders, bare names work, modes are kept") {
  const House house;
  const auto old_mask = umask(022);
  for (const auto way : {FileAccess::Way::best, FileAccess::Way::walk}) {
    const FileAccess access(house.ws, {}, way);
    fs::remove_all(house.ws + "/a");
    CHECK(write_through(access, "bare.txt", "1"));
    CHECK(write_through(access, "a/b/c/new.txt", "2"));
    CHECK(write_through(access, house.ws + "/a/abs.txt", "3"));
    CHECK(get(house.ws + "/bare.txt") == "1");
    CHECK(get(house.ws + "/a/b/c/new.txt") == "2");
    CHECK(get(house.ws + "/a/abs.txt") == "3");
    CHECK(mode_of(house.ws + "/a/abs.txt") == 0644);
    chmod((house.ws + "/bare.txt").c_str(), 0750);
    CHECK(write_through(access, "bare.txt", "again"));
    CHECK(get(house.ws + "/bare.txt") == "again");
    CHECK(mode_of(house.ws + "/bare.txt") == 0750);
    CHECK(entries(house.ws + "/a/b/c") == 1);
  }
  umask(old_mask);
}

TEST_CASE("file access: a link at the end is written through if it stays beneath") {
  const House house;
  fs::create_symlink("sub/deep.txt", house.ws + "/inner");
  fs::create_symlink("sub/not_yet.txt", house.ws + "/dangling");
  fs::create_symlink("../../secret.txt", house.ws + "/sub/out");
  for (const auto way : {FileAccess::Way::best, FileAccess::Way::walk}) {
    const FileAccess access(house.ws, {}, way);
    CHECK(write_through(access, "inner", "new"));
    CHECK(get(house.ws + "/sub/deep.txt") == "new");
    CHECK(fs::is_symlink(house.ws + "/inner"));
    CHECK(write_through(access, "dangling", "made"));
    CHECK(get(house.ws + "/sub/not_yet.txt") == "made");
    CHECK_FALSE(write_through(access, "sub/out", "no"));
    CHECK(get(house.top / "secret.txt") == "secret");
  }
}

TEST_CASE("file access: a loop of links ends") {
  const House house;
  fs::create_symlink("two", house.ws + "/one");
  fs::create_symlink("one", house.ws + "/two");
  CHECK_FALSE(write_through(FileAccess(house.ws, {}), "one", "x"));
}

TEST_CASE("file access: a write that hits a size limit leaves the old file and nothing else") {
  const House house;
  const FileAccess access(house.ws, {});
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{4096, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const auto written = write_through(access, "in.txt", std::string(100'000, 'x'));
  setrlimit(RLIMIT_FSIZE, &before);
  REQUIRE_FALSE(written);
  CHECK(written.error().code == Errc::io);
  CHECK(get(house.ws + "/in.txt") == "inside");
  CHECK(entries(house.ws) == 2);
}

TEST_CASE("file access: a full disk leaves the old file and nothing else") {
  const TempFolder folder;
  if (mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=64k") != 0) {
    MESSAGE("no right to mount a small disk; the size limit's test stands in");
    return;
  }
  put(folder / "old.txt", "old");
  const FileAccess access(folder.path(), {});
  const auto written = write_through(access, "old.txt", std::string(200'000, 'x'));
  const auto content = get(folder / "old.txt");
  const auto left = entries(folder.path());
  umount(folder.path().c_str());
  REQUIRE_FALSE(written);
  CHECK(written.error().message.find("no space left on device") != std::string::npos);
  CHECK(content == "old");
  CHECK(left == 1);
}

TEST_CASE("file access: read-only files and folders are respected") {
  if (geteuid() == 0) {
    MESSAGE("the superuser may write everywhere");
    return;
  }
  const House house;
  const FileAccess access(house.ws, {});
  chmod((house.ws + "/in.txt").c_str(), 0400);
  const auto file = write_through(access, "in.txt", "x");
  REQUIRE_FALSE(file);
  CHECK(file.error().code == Errc::permission_denied);
  chmod((house.ws + "/sub").c_str(), 0500);
  const auto folder = write_through(access, "sub/new.txt", "x");
  chmod((house.ws + "/sub").c_str(), 0700);
  REQUIRE_FALSE(folder);
  CHECK(folder.error().code == Errc::permission_denied);
}

TEST_CASE("file access: folders resolve beneath only") {
  const House house;
  fs::create_directory_symlink("sub", house.ws + "/link");
  const FileAccess access(house.ws, {});
  CHECK(access.folder("").value_or("") == house.ws);
  CHECK(access.folder("link").value_or("") == house.ws + "/sub");
  CHECK_FALSE(access.folder("../data"));
  CHECK_FALSE(access.folder("missing"));
  CHECK_FALSE(access.folder("in.txt"));
}
