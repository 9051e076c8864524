// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/sandbox_folders.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/unit/runtime/platform/temp_folder.hpp"

using namespace hillstar;
using namespace hillstar::testing;

namespace {

bool has(const std::vector<std::string>& list, const std::string& path) {
  return std::find(list.begin(), list.end(), path) != list.end();
}

/// Granted by itself or by a folder around it.
bool covers(const std::vector<std::string>& list, const std::string& path) {
  return std::any_of(list.begin(), list.end(),
                     [&](const std::string& folder) { return path == folder || path.starts_with(folder + "/"); });
}

/// A person whose home is a folder of the test's.
struct Person {
  TempFolder folder;
  std::string home = folder / "home/anna";
  SandboxPlaces places;

  Person() {
    make("project");
    make(".ssh");
    make(".config/hillstar");
    places.environment = {"HOME=" + home, "PATH=/usr/bin:/bin"};
    places.workspace = home + "/project";
    places.cwd = places.workspace;
  }
  std::string make(const std::string& name) const {
    std::filesystem::create_directories(home + "/" + name);
    return home + "/" + name;
  }
  void set(const std::string& variable) { places.environment.push_back(variable); }
  [[nodiscard]] SandboxFolders look() const { return sandbox_folders(places); }
  [[nodiscard]] std::vector<std::string> read() const { return look().files.read; }
};

}  // namespace

TEST_CASE("sandbox_folders: the system is readable, homes and devices are not") {
  Person anna;
  const auto read = anna.read();
  for (const std::string path : {"/usr", "/etc", "/proc", "/sys"}) CHECK_MESSAGE(has(read, path), path);
  for (const std::string path : {"/", "/home", "/root", "/dev", "/tmp"}) CHECK_MESSAGE(!has(read, path), path);
  for (const char* name : {"", "/.ssh", "/.config/hillstar", "/../bob"})
    CHECK_FALSE_MESSAGE(covers(read, anna.home + name), name);
  const auto files = anna.look().files;
  CHECK(has(files.devices, "/dev/null"));
  CHECK_FALSE(covers(files.devices, "/dev/sda"));
  CHECK(files.list == std::vector<std::string>{"/dev"});
}

TEST_CASE("sandbox_folders: writable are the workspace, what is named, and places for temporary files") {
  Person anna;
  std::filesystem::create_directories(anna.folder / "home/bob");
  for (const char* name : {"project/results", "shared"}) anna.make(name);
  anna.places.write = {"/opt", "results", "~/shared", anna.home + "/../bob", "/not/there"};
  const auto written = anna.look().files.write;
  for (const auto& path :
       {anna.places.workspace, std::string("/opt"), anna.places.workspace + "/results", anna.home + "/shared",
        anna.folder / "home/bob", std::string("/tmp"), std::string("/var/tmp")})
    CHECK_MESSAGE(has(written, path), path);
  anna.places.cwd = "/srv";
  CHECK(has(anna.look().files.write, "/srv"));
  for (const auto& path : {anna.home, std::string("/"), anna.folder.path()}) {
    anna.places.cwd = path;
    CHECK_FALSE(has(anna.look().files.write, path));
  }
}

TEST_CASE("sandbox_folders: a place for temporary files is writable, a home is none") {
  Person anna;
  const auto temporary = anna.make("scratch");
  anna.set("TMPDIR=" + temporary);
  CHECK(has(anna.look().files.write, temporary));
  anna.places.environment.back() = "TMPDIR=" + anna.home;
  CHECK_FALSE(has(anna.look().files.write, anna.home));
}

TEST_CASE("sandbox_folders: software of the person is readable, what lies beside it is not") {
  Person anna;
  anna.set("PYTHONPATH=" + anna.make("lib/python") + "::relative:" + anna.home + ":" + anna.make("more"));
  anna.places.environment[1] = "PATH=" + anna.make("bin") + ":" + anna.make(".local/bin") + ":" +
                               anna.make("tool/bin") + ":" + anna.home + ":/usr/bin";
  for (const char* name :
       {".local/lib", ".local/share/keyrings", "tool/lib", "tool/private", ".pyenv", "lib/other", ".config/git"})
    anna.make(name);
  put(anna.home + "/.gitconfig", "");
  put(anna.home + "/.config/git/config", "");
  put(anna.home + "/.config/git/credentials", "");
  const auto read = anna.read();
  for (const char* name : {"bin", ".local/bin", ".local/lib", "tool/bin", "tool/lib", ".pyenv", "lib/python", "more",
                           ".gitconfig", ".config/git/config"})
    CHECK_MESSAGE(covers(read, anna.home + "/" + name), name);
  for (const char* name : {"", "tool/private", ".local/share/keyrings", "lib/other", ".config/git/credentials", ".ssh"})
    CHECK_FALSE_MESSAGE(covers(read, anna.home + "/" + name), name);
}

TEST_CASE("sandbox_folders: a virtual environment brings along the installation it was made from") {
  Person anna;
  anna.make("pythons/3.12/bin");
  put(anna.home + "/pythons/3.12/bin/python3", "");
  chmod((anna.home + "/pythons/3.12/bin/python3").c_str(), 0755);
  const auto environment = anna.make("project/.venv/bin");
  put(anna.home + "/project/.venv/pyvenv.cfg", "");
  std::filesystem::create_symlink(anna.home + "/pythons/3.12/bin/python3", environment + "/python");
  CHECK(covers(anna.read(), anna.home + "/pythons/3.12/lib"));
  CHECK_FALSE(covers(anna.read(), anna.home + "/pythons/3.11"));
}

TEST_CASE("sandbox_folders: a program that is named by its path can be run, with what lies beside it") {
  Person anna;
  anna.make("tools");
  put(anna.home + "/tools/fit", "");
  put(anna.home + "/run.sh", "");
  anna.places.program = anna.home + "/tools/fit";
  CHECK(covers(anna.read(), anna.home + "/tools/fit.conf"));
  anna.places.program = anna.home + "/run.sh";
  CHECK(has(anna.read(), anna.home + "/run.sh"));
  CHECK_FALSE(covers(anna.read(), anna.home + "/.ssh"));
}

TEST_CASE("sandbox_folders: the repository around the workspace is readable") {
  Person anna;
  anna.make("repo/.git");
  anna.places.workspace = anna.make("repo/analysis/one");
  CHECK(has(anna.read(), anna.home + "/repo"));
  std::filesystem::remove(anna.home + "/repo/.git");
  CHECK_FALSE(has(anna.read(), anna.home + "/repo"));
  anna.make(".git");  // a home that is a repository stays a home
  CHECK_FALSE(has(anna.read(), anna.home));
}

TEST_CASE("sandbox_folders: what is asked for by name is readable, from the home or the workspace") {
  Person anna;
  for (const char* name : {"project/data", "data"}) anna.make(name);
  anna.places.read = {"~/data", "data", "/srv"};
  const auto read = anna.read();
  for (const auto& path : {anna.home + "/data", anna.places.workspace + "/data", std::string("/srv")})
    CHECK_MESSAGE(has(read, path), path);
}

TEST_CASE("sandbox_folders: links are followed before they are judged") {
  Person anna;
  std::filesystem::create_directory_symlink(anna.home, anna.folder / "software");
  anna.set("PYTHONPATH=" + (anna.folder / "software"));
  CHECK_FALSE(covers(anna.read(), anna.home));
  CHECK_FALSE(covers(anna.read(), anna.folder / "software"));
}

TEST_CASE("sandbox_folders: variables, which a project may set, open no place for keys") {
  Person anna;
  for (const char* name : {".ssh", ".aws/sso", ".gnupg", ".local/share/keyrings", ".mamba/lib"}) {
    const auto place = anna.make(name);
    anna.places.environment = {"HOME=" + anna.home, "PATH=" + place, "PYTHONPATH=" + place, "TMPDIR=" + place};
    CHECK_MESSAGE(covers(anna.read(), place) == (std::string(name) == ".mamba/lib"), name);
    CHECK_MESSAGE(has(anna.look().files.write, place) == (std::string(name) == ".mamba/lib"), name);
  }
}

TEST_CASE("sandbox_folders: links that a script may have laid open nothing for the next one") {
  Person anna;
  const auto secret = anna.make(".ssh/keys");
  put(secret + "/python", "");
  put(secret + "/run", "");
  chmod((secret + "/run").c_str(), 0755);
  const auto work = anna.places.workspace;
  const auto lay = [&](const std::string& name, const std::string& target) {
    std::filesystem::create_symlink(target, work + "/" + name);
  };
  const auto is_closed = [&] {
    const auto files = anna.look().files;
    return !covers(files.read, secret) && !covers({files.write.begin() + 4, files.write.end()}, secret);
  };
  lay("cwd", anna.home + "/.ssh");
  lay("run", secret + "/run");
  lay("deep", work + "/cwd");
  anna.make("project/.venv/bin");
  put(work + "/.venv/pyvenv.cfg", "");
  lay(".venv/bin/python", secret + "/python");
  std::filesystem::create_directory_symlink(work, anna.home + "/way");  // the person's own
  CHECK(is_closed());
  anna.places.cwd = work + "/cwd";
  CHECK(is_closed());
  anna.places.cwd = anna.home + "/way/deep/keys";
  CHECK(is_closed());
  anna.places.cwd = work;
  anna.places.program = work + "/run";
  CHECK(is_closed());
  anna.places.read = anna.places.write = {"cwd", "deep", "cwd/keys", "~/way/cwd"};
  CHECK(is_closed());
  anna.set("PYTHONPATH=" + work + "/cwd:" + anna.home + "/way/cwd");
  anna.set("TMPDIR=" + work + "/cwd");
  anna.places.environment[1] = "PATH=" + work + "/cwd:" + anna.home + "/way/deep/keys";
  CHECK(is_closed());
  anna.places.read = {"~/.ssh/keys"};  // by its own name
  CHECK_FALSE(is_closed());
}

TEST_CASE("sandbox_folders: homes and the store are hidden, where they exist") {
  Person anna;
  auto folders = anna.look();
  CHECK(has(folders.hidden, anna.home));
  CHECK(folders.store.empty());
  const auto store = anna.make("project/.hillstar/store");
  CHECK(anna.look().store == store);
  anna.set("HILLSTAR_STORE=" + anna.make("kept"));
  CHECK(anna.look().store == anna.home + "/kept");
  CHECK(has(anna.look().hidden, anna.home + "/kept"));
  anna.places.store = anna.make("other");
  CHECK(anna.look().store == anna.home + "/other");
}

TEST_CASE("sandbox_folders: without a home, and with a useless one, there is still a list") {
  Person anna;
  for (const std::string home : {"", "/", "relative", "/not/there"}) {
    anna.places.environment = {"HOME=" + home};
    CHECK(has(anna.read(), "/usr"));
    CHECK(has(anna.look().files.write, anna.places.workspace));
  }
}
