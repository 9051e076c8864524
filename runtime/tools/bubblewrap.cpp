// SPDX-License-Identifier: Apache-2.0
#include "runtime/tools/bubblewrap.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace hillstar::tools {
namespace {

/// Of its own, so not taken from the machine.
constexpr std::array<std::string_view, 4> kOwnPlaces{"/tmp", "/var/tmp", "/dev/shm", "/run"};
/// Where names of hosts are looked up.
constexpr std::array<std::string_view, 3> kResolvers{"/run/systemd/resolve", "/run/resolvconf",
                                                     "/run/NetworkManager/resolv.conf"};

bool lies_in(std::string_view path, std::string_view folder) {
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

class Command {
 public:
  template <typename... Texts>
  void add(Texts&&... texts) {
    (words.emplace_back(std::forward<Texts>(texts)), ...);
  }
  /// Nothing if it is not there.
  void show(const char* how, std::string_view path) { add(how, path, path); }

  std::vector<std::string> words;
};

}  // namespace

std::vector<std::string> bubblewrap_command(const BubblewrapView& view, const std::vector<std::string>& command) {
  Command made;
  made.add(view.program, "--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts",
           "--unshare-cgroup-try");
  if (view.no_network) made.add("--unshare-net");
  if (view.is_root) {
    made.add("--cap-drop", "ALL");
    for (const char* kept : {"CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_CHOWN"}) made.add("--cap-add", kept);
  }
  made.add("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc");
  for (const auto place : kOwnPlaces)
    if (place != "/dev/shm") made.add("--tmpfs", place);
  for (const auto place : kResolvers) made.show("--ro-bind-try", place);
  for (const auto& device : view.folders.files.devices)
    if (device.starts_with("/dev/nvidia") || device == "/dev/dri" || device == "/dev/kfd")
      made.show("--dev-bind-try", device);

  auto hidden = view.folders.hidden;
  std::sort(hidden.begin(), hidden.end());  // outer ones first
  for (const auto& folder : hidden)
    if (folder != view.folders.store) made.add("--tmpfs", folder);
  const auto is_hidden = [&](const std::string& path) {
    return std::any_of(hidden.begin(), hidden.end(), [&](const auto& folder) { return lies_in(path, folder); });
  };
  for (const auto& path : view.folders.files.read)
    if (is_hidden(path)) made.show("--ro-bind-try", path);
  for (const auto& path : view.folders.files.write)
    if (std::find(kOwnPlaces.begin(), kOwnPlaces.end(), path) == kOwnPlaces.end()) made.show("--bind-try", path);
  if (!view.folders.store.empty()) made.add("--tmpfs", view.folders.store);
  made.add("--chdir", view.cwd);
  if (view.has_filter) made.add("--seccomp", std::to_string(Confinement::kHandedOn));
  made.add("--");
  made.words.insert(made.words.end(), command.begin(), command.end());
  return made.words;
}

}  // namespace hillstar::tools
