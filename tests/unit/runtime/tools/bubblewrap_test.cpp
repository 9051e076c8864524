// SPDX-License-Identifier: Apache-2.0
#include "runtime/tools/bubblewrap.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace hillstar;
using namespace hillstar::tools;

namespace {

BubblewrapView view() {
  BubblewrapView made;
  made.program = "/usr/bin/bwrap";
  made.folders.files.read = {"/usr", "/home/a/.pyenv"};
  made.folders.files.write = {"/home/a/flow", "/tmp", "/var/tmp", "/dev/shm", "/data/out"};
  made.folders.files.devices = {"/dev/null", "/dev/nvidia0"};
  made.folders.hidden = {"/home/a", "/home", "/home/a/flow/.hillstar/store"};
  made.folders.store = "/home/a/flow/.hillstar/store";
  made.cwd = "/home/a/flow";
  return made;
}

std::string line(const BubblewrapView& given) {
  std::string text;
  for (const auto& word : bubblewrap_command(given, {"/bin/sh", "-c", "a b"})) text += word + " ";
  return text;
}

std::size_t place(const std::string& text, const std::string& part) {
  const auto at = text.find(part);
  CHECK_MESSAGE(at != std::string::npos, part << " in " << text);
  return at;
}

}  // namespace

TEST_CASE("bubblewrap: later mounts lie over earlier ones: system, homes, software, work, store, command") {
  const auto text = line(view());
  CHECK(text.starts_with("/usr/bin/bwrap --die-with-parent "));
  std::size_t last = 0;
  for (const std::string part :
       {"--ro-bind / / ", "--proc /proc ", "--tmpfs /tmp ", "--tmpfs /home ", "--tmpfs /home/a ",
        "--ro-bind-try /home/a/.pyenv /home/a/.pyenv ", "--bind-try /home/a/flow /home/a/flow ",
        "--bind-try /data/out /data/out ", "--tmpfs /home/a/flow/.hillstar/store ", "--chdir /home/a/flow ",
        "-- /bin/sh -c a b "}) {
    const auto at = place(text, part);
    CHECK(at > last);
    last = at;
  }
}

TEST_CASE("bubblewrap: places of its own are not the machine's") {
  const auto text = line(view());
  for (const char* part : {"--bind-try /tmp", "--bind-try /var/tmp", "--bind-try /dev/shm", "bind-try /usr",
                           "/dev/null", "--unshare-net", "--seccomp", "--cap-add"})
    CHECK_MESSAGE(text.find(part) == std::string::npos, part);
  place(text, "--dev-bind-try /dev/nvidia0 /dev/nvidia0 ");
}

TEST_CASE("bubblewrap: network, filter and root have their words") {
  auto given = view();
  given.no_network = given.has_filter = given.is_root = true;
  const auto text = line(given);
  place(text, "--unshare-net ");
  place(text, "--seccomp 4 -- ");
  CHECK(place(text, "--cap-drop ALL ") < place(text, "--cap-add CAP_DAC_OVERRIDE "));
}
