// SPDX-License-Identifier: Apache-2.0
// Programs that try to get out. What the kernel here cannot close is passed over, with a message.
#include "runtime/platform/sandbox.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "runtime/platform/network_cell.hpp"
#include "runtime/platform/process.hpp"
#include "runtime/platform/sandbox_abilities.hpp"
#include "tests/unit/runtime/platform/temp_folder.hpp"

using namespace hillstar;
using namespace hillstar::testing;

namespace {

const SandboxAbilities& abilities() {
  static const auto found = probe_sandbox(SandboxProbe::whole);
  return found;
}

bool has_landlock(int version) {
  if (abilities().landlock < version) MESSAGE("not tried: this kernel's Landlock is too old");
  return abilities().landlock >= version;
}

bool has_filter() {
  if (!abilities().seccomp) MESSAGE("not tried: system calls cannot be filtered here");
  return abilities().seccomp;
}

using Lines = std::vector<std::string>;

/// A workspace with a secret beside it.
struct Cage {
  TempFolder folder;
  SandboxLayers layers;
  std::optional<NetworkCell> cell;
  std::string out;  ///< Of both streams.

  Cage() {
    std::filesystem::create_directory(folder / "work");
    put(folder / "secret", "secret");
    layers.drops_rights = true;
    layers.limits.core_bytes = 0;
  }
  Cage& files() {
    SandboxFiles files;
    for (const char* path : {"/usr", "/bin", "/lib", "/lib64", "/etc", "/proc", "/sys", "/opt", "/root/.pyenv"})
      files.read.emplace_back(path);
    files.write = {folder / "work", "/dev/shm", folder / "not there"};
    files.devices = {"/dev/null", "/dev/urandom"};
    files.list = {"/dev"};
    layers.files = std::move(files);
    layers.scopes_signals = true;
    return *this;
  }
  Cage& filter() {
    layers.filters_calls = true;
    return *this;
  }
  /// Runs a shell line in the workspace; true if it succeeded.
  bool runs(const std::string& line) {
    const auto confinement = Confinement::make(layers, abilities().landlock, cell ? &*cell : nullptr);
    if (!confinement) FAIL(confinement.error().message);
    ProcessSpec spec;
    spec.program = "/bin/sh";
    spec.arguments = {"/bin/sh", "-c", line};
    spec.environment = {"PATH=/usr/bin:/bin", "SEEN=1"};
    spec.cwd = folder / "work";
    spec.confinement = &*confinement;
    spec.time_limit = Millis(30'000);
    ProcessOutput output;
    out.clear();
    output.on_stdout = [&](std::string_view piece) {
      out += piece;
      return Result<void>();
    };
    output.on_stderr = output.on_stdout;
    const auto end = run_process(spec, output, nullptr);
    REQUIRE_MESSAGE(end.kind == ProcessEndKind::exited, out);
    return end.code == 0;
  }
  bool python(const std::string& program) {
    put(folder / "work/program.py", program);
    return runs("exec /usr/bin/python3 program.py");
  }
};

/// Where an abstract socket of the test listens.
struct Listener {
  Descriptor socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::string name = "hillstar-test-" + std::to_string(getpid());
  Listener() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    const auto size = offsetof(sockaddr_un, sun_path) + 1 + name.size();
    REQUIRE(bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size)) == 0);
    REQUIRE(listen(socket.get(), 8) == 0);
  }
};

}  // namespace

TEST_CASE("sandbox: without layers nothing is different") {
  Cage cage;
  cage.layers = {};
  CHECK(cage.runs("cat ../secret && echo x > ../made && grep -q 'NoNewPrivs:.0' /proc/self/status"));
  CHECK(get(cage.folder / "made") == "x\n");
}

TEST_CASE("sandbox: files are written in the workspace and nowhere else") {
  if (!has_landlock(kLandlockRefer)) return;
  Cage cage;
  cage.files();
  CHECK(
      cage.runs("mkdir -p a/b && echo x > a/b/c && mv a/b/c c && ln c d && ln -s c e && mkfifo f && rm -r a && cat e"));
  CHECK(cage.out == "x\n");
  const auto outside = cage.folder / "made";
  for (const std::string& line :
       Lines{"echo x > ../made", "echo x > " + outside, "mkdir ../made", "cp c ../made", "mv c ../made", "ln c ../made",
             "ln -s .. up; echo x > up/made", "ln -s ../made l; echo x > l", "mkfifo ../made", "ln -s c ../made",
             "cd /proc/self/root" + cage.folder.path() + " && echo x > made", "touch /etc/made /usr/made /root/made"}) {
    CHECK_FALSE_MESSAGE(cage.runs(line), line);
    CHECK_FALSE_MESSAGE(std::filesystem::exists(outside), line);
  }
  for (const std::string& line : Lines{"rm -f ../secret", "echo x >> ../secret", "mv ../secret .", "ln ../secret hard"})
    CHECK_FALSE_MESSAGE(cage.runs(line), line);
  CHECK(get(cage.folder / "secret") == "secret");
}

TEST_CASE("sandbox: files outside cannot be cut short") {
  if (!has_landlock(kLandlockTruncate)) return;
  Cage cage;
  CHECK_FALSE(cage.files().python("import os; os.truncate('../secret', 0)"));
  CHECK(get(cage.folder / "secret") == "secret");
}

TEST_CASE("sandbox: what is not opened cannot be read, by any way") {
  if (!has_landlock(kLandlockFiles)) return;
  Cage cage;
  cage.files();
  for (const std::string& line :
       Lines{"cat ../secret", "cat " + (cage.folder / "secret"), "ln -s ../secret l; cat l", "ls ..",
             "cat /proc/self/root" + (cage.folder / "secret"), "cat /proc/self/cwd/../secret", "cp ../secret .",
             "cat /proc/$PPID/root" + (cage.folder / "secret"), "tar -cf x.tar ../secret", "cat ./../secret"}) {
    CHECK_FALSE_MESSAGE(cage.runs(line), line);
    CHECK_MESSAGE(cage.out.find("secret\n") == std::string::npos, cage.out);
  }
  CHECK(cage.runs("ls /dev && cat /dev/null && head -c 1 /dev/urandom && echo x > /dev/null && echo x > /dev/stdout"));
}

TEST_CASE("sandbox: children, their children, and those that leave the session are shut in as well") {
  if (!has_landlock(kLandlockFiles)) return;
  Cage cage;
  cage.files().filter();
  for (const std::string& line : Lines{"sh -c 'sh -c \"cat ../secret\"'", "setsid -w cat ../secret",
                                       "nohup cat ../secret", "env -i /bin/cat ../secret"})
    CHECK_FALSE_MESSAGE(cage.runs(line), line);
}

TEST_CASE("sandbox: other programs' variables and memory stay theirs") {
  if (!has_landlock(kLandlockFiles)) return;
  REQUIRE(setenv("HILLSTAR_TEST_KEY", "canary-of-the-test", 1) == 0);
  Cage cage;
  cage.files();  // Landlock alone
  for (const std::string& line : Lines{"cat /proc/$PPID/environ", "cat /proc/1/environ", "ls -l /proc/$PPID/fd/",
                                       "cat /proc/$PPID/maps", "readlink /proc/$PPID/exe"}) {
    CHECK_FALSE_MESSAGE(cage.runs(line), line);
    CHECK_MESSAGE(cage.out.find("canary") == std::string::npos, line);
  }
  CHECK(cage.runs("tr '\\0' '\\n' < /proc/self/environ"));
  CHECK(cage.out.find("SEEN=1\n") != std::string::npos);
  CHECK(cage.out.find("canary") == std::string::npos);
  const std::string program =
      "import ctypes, os, sys\n"
      "libc = ctypes.CDLL(None, use_errno=True)\n"
      "sys.exit(0 if libc.ptrace(16, os.getppid(), 0, 0) == 0 else ctypes.get_errno())\n";
  CHECK_FALSE(cage.python(program));
  if (!has_filter()) return;
  cage.filter();
  CHECK_FALSE(cage.python(program));
  unsetenv("HILLSTAR_TEST_KEY");
}

TEST_CASE("sandbox: signals reach only the program's own") {
  if (!has_landlock(kLandlockScopes)) return;
  Cage cage;
  cage.files();  // Landlock alone
  CHECK_FALSE(cage.runs("kill -TERM $PPID"));
  CHECK_FALSE(cage.runs("kill -KILL $PPID"));
  CHECK(cage.runs("sleep 100 & kill -TERM $!; wait; true"));
}

TEST_CASE("sandbox: kill -9 -1 hits nobody") {
  if (!has_filter()) return;
  Cage cage;
  cage.filter();  // the filter alone: it holds on kernels whose Landlock does not
  CHECK_FALSE(cage.python("import os; os.kill(-1, 9)"));
  CHECK(cage.out.find("not permitted") != std::string::npos);
}

TEST_CASE("sandbox: calls that scripts have no business with are refused, the rest goes on") {
  if (!has_filter()) return;
  Cage cage;
  cage.filter();
  for (const std::string& line : Lines{"unshare -U true", "unshare -n true", "unshare -m true", "mount -t tmpfs none .",
                                       "chroot . /bin/true", "nsenter -t 1 -m true", "hostname other", "dmesg"})
    CHECK_FALSE_MESSAGE(cage.runs("PATH=/usr/sbin:/sbin:$PATH; " + line), line);
  CHECK(
      cage.python("import subprocess, threading\n"
                  "threads = [threading.Thread(target=lambda: None) for _ in range(8)]\n"
                  "[t.start() for t in threads]; [t.join() for t in threads]\n"
                  "assert subprocess.run(['true']).returncode == 0\n"
                  "import multiprocessing as m\n"
                  "if __name__ == '__main__':\n"
                  "  with m.get_context('fork').Pool(2) as pool: assert pool.map(abs, [-1, 2]) == [1, 2]\n"));
  CHECK_MESSAGE(
      cage.runs("git init -q -b main . && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x && "
                "git log --oneline | cat"),
      cage.out);
}

TEST_CASE("sandbox: rights that a script gives up cannot be had again") {
  Cage cage;
  CHECK(cage.runs("grep -q 'NoNewPrivs:.1' /proc/self/status"));
  CHECK(cage.runs("ulimit -c | grep -qx 0 && ulimit -Hc | grep -qx 0"));
  CHECK_FALSE(cage.runs("mknod disk b 8 0"));
  if (getuid() == 0) {
    CHECK(cage.runs("chown 1:1 . && touch mine && chown 0:0 ."));
    CHECK_FALSE(cage.runs("sysctl -w kernel.hostname=other || PATH=$PATH:/sbin:/usr/sbin ip link set lo down"));
  }
}

TEST_CASE("sandbox: limits hold, and cannot be raised again") {
  Cage cage;
  cage.layers.limits.file_bytes = 4096;
  cage.layers.limits.memory_bytes = 256U << 20U;
  cage.layers.limits.open_files = 32;
  cage.layers.limits.cpu_seconds = 7;
  cage.layers.limits.processes = 999;
  CHECK(cage.runs("ulimit -Hv; ulimit -Ht; ulimit -Hn"));
  CHECK(cage.out == "262144\n7\n32\n");
  CHECK(cage.runs("grep 'Max processes' /proc/self/limits | grep -q ' 999 '"));
  CHECK_FALSE(cage.runs("trap '' XFSZ; head -c 8192 /dev/zero > big"));
  CHECK(std::filesystem::file_size(cage.folder / "work/big") == 4096);
  CHECK_FALSE(cage.runs("ulimit -v unlimited"));
  CHECK_FALSE(cage.python("x = bytearray(512 << 20)"));
  CHECK(cage.out.find("MemoryError") != std::string::npos);
  cage.layers.limits = {};
  cage.layers.limits.open_files = 1'000'000'000;  // above what is allowed anyway
  CHECK(cage.runs("true"));
}

TEST_CASE("sandbox: a closed network has no sockets but the machine's own") {
  if (!has_filter()) return;
  Cage cage;
  cage.filter().layers.network = SandboxNetwork::closed;
  CHECK(
      cage.python("import socket\n"
                  "socket.socketpair()\n"
                  "socket.socket(socket.AF_UNIX)\n"
                  "for family in range(2, 46):\n"
                  "  for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):\n"
                  "    try: socket.socket(family, kind)\n"
                  "    except PermissionError: continue\n"
                  "    raise SystemExit(f'{family} {kind}')\n"));
}

TEST_CASE("sandbox: in a cell a program reaches itself and nothing else, by TCP, UDP or any other way") {
  auto made = NetworkCell::make();
  CHECK(made.has_value() == abilities().network_namespace);
  if (!made || !has_filter()) return;
  Cage cage;
  cage.cell = std::move(made).value();
  cage.filter().layers.network = SandboxNetwork::cell;
  CHECK_MESSAGE(
      cage.python(
          "import socket\n"
          "with socket.create_server(('127.0.0.1', 0)) as server: socket.create_connection(server.getsockname())\n"
          "for target in ('192.0.2.1', '8.8.8.8'):\n"
          "  try: socket.create_connection((target, 53), 5)\n"
          "  except OSError as e: assert e.errno == 101, e\n"
          "  else: raise SystemExit('TCP')\n"
          "  try: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', (target, 53))\n"
          "  except OSError as e: assert e.errno == 101, e\n"
          "  else: raise SystemExit('UDP')\n"
          "for family in (socket.AF_PACKET, socket.AF_VSOCK, socket.AF_ALG):\n"
          "  try: socket.socket(family, socket.SOCK_STREAM)\n"
          "  except PermissionError: continue\n"
          "  raise SystemExit(family)\n"),
      cage.out);
  CHECK(cage.runs("test $(ls /sys/class/net | wc -l) -ge 1 && id -u"));
  CHECK(cage.out == std::to_string(getuid()) + "\n");
}

TEST_CASE("sandbox: a server of the machine is out of reach from a cell, an abstract socket as well") {
  auto made = NetworkCell::make();
  if (!made) return;
  Listener listener;
  const auto connect = "import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('\\0" + listener.name + "')\n";
  Cage cage;
  CHECK(cage.python(connect));
  cage.cell = std::move(made).value();
  cage.layers.network = SandboxNetwork::cell;
  CHECK_FALSE(cage.python(connect));
  CHECK(cage.out.find("refused") != std::string::npos);
}

TEST_CASE("sandbox: abstract sockets of others are out of reach, of one's own are not") {
  if (!has_landlock(kLandlockScopes)) return;
  Listener listener;
  Cage cage;
  cage.files();
  CHECK_FALSE(cage.python("import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('\\0" + listener.name + "')\n"));
  CHECK(cage.out.find("not permitted") != std::string::npos);
  CHECK(
      cage.python("import socket\n"
                  "a = socket.socket(socket.AF_UNIX); a.bind('\\0own-of-" +
                  listener.name +
                  "'); a.listen()\n"
                  "socket.socket(socket.AF_UNIX).connect('\\0own-of-" +
                  listener.name + "')\n"));
}

TEST_CASE("sandbox: a filter that is handed on is not entered") {
  if (!has_filter()) return;
  Cage cage;
  cage.filter().layers.is_for_wrapper = true;
  CHECK(cage.runs(
      "grep -q 'Seccomp:.0' /proc/self/status && test $(wc -c <&4) -gt 100 && test $(($(wc -c <&4) % 8)) = 0"));
  CHECK(cage.runs("ls /proc/self/fd | tr '\\n' ' '"));
  CHECK(cage.out == "0 1 2 3 4 ");  // 3 is ls's own
}

TEST_CASE("sandbox: what cannot be had stops the start") {
  SandboxLayers layers;
  layers.network = SandboxNetwork::cell;
  CHECK_FALSE(Confinement::make(layers, 0, nullptr).has_value());
  layers = {};
  layers.files.emplace();
  layers.network = SandboxNetwork::open;
  if (abilities().landlock == 0) CHECK_FALSE(Confinement::make(layers, 1, nullptr).has_value());
}
