// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/sandbox_folders.hpp"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string_view>

#include "runtime/platform/trusted_path.hpp"

namespace hillstar {
namespace {

using Paths = std::vector<std::string>;

constexpr int kDepthMax = 8;
/// Where / itself cannot be listed, as inside a sandbox of this kind.
constexpr std::array<std::string_view, 16> kTops{"bin",  "etc", "lib",  "lib64", "media", "mnt", "nix", "opt",
                                                 "proc", "run", "sbin", "snap",  "srv",   "sys", "usr", "var"};

/// Software in a home, and settings of programs that do not run without. None of these is a place for keys.
constexpr std::array<std::string_view, 44> kOfHome{".local/bin",
                                                   ".local/lib",
                                                   ".local/pipx",
                                                   ".local/share/pipx",
                                                   ".local/share/uv",
                                                   ".local/share/mise",
                                                   ".local/share/R",
                                                   ".local/share/fonts",
                                                   ".local/share/jupyter",
                                                   ".local/share/virtualenvs",
                                                   ".pyenv",
                                                   ".rbenv",
                                                   ".nodenv",
                                                   ".asdf",
                                                   ".nvm/versions",
                                                   ".conda/envs",
                                                   ".conda/pkgs",
                                                   "miniconda3",
                                                   "miniforge3",
                                                   "mambaforge",
                                                   "anaconda3",
                                                   "micromamba",
                                                   ".rustup",
                                                   ".cargo/bin",
                                                   ".cargo/registry",
                                                   ".cargo/git",
                                                   ".cargo/env",
                                                   ".julia",
                                                   ".juliaup",
                                                   "R",
                                                   "go",
                                                   ".opam",
                                                   ".ghcup",
                                                   ".sdkman/candidates",
                                                   ".fonts",
                                                   "texmf",
                                                   ".gitconfig",
                                                   ".config/git/config",
                                                   ".config/git/ignore",
                                                   ".config/git/attributes",
                                                   ".config/matplotlib",
                                                   ".cache/huggingface/hub",
                                                   ".cache/torch",
                                                   ".cache/fontconfig"};
/// Variables that say where software lies; lists with colons.
constexpr std::array<std::string_view, 36> kSoftware{
    "VIRTUAL_ENV",     "CONDA_PREFIX",       "PYTHONPATH",       "PYTHONHOME",
    "PYTHONUSERBASE",  "PYENV_ROOT",         "LD_LIBRARY_PATH",  "LIBRARY_PATH",
    "PKG_CONFIG_PATH", "CMAKE_PREFIX_PATH",  "R_HOME",           "R_LIBS",
    "R_LIBS_USER",     "R_LIBS_SITE",        "PERL5LIB",         "PERL_LOCAL_LIB_ROOT",
    "RUBYLIB",         "GEM_HOME",           "GEM_PATH",         "NODE_PATH",
    "JAVA_HOME",       "CLASSPATH",          "JULIA_DEPOT_PATH", "GOROOT",
    "GOPATH",          "RUSTUP_HOME",        "MATLABPATH",       "MODULEPATH",
    "TEXMFHOME",       "XDG_DATA_DIRS",      "FONTCONFIG_PATH",  "SSL_CERT_FILE",
    "SSL_CERT_DIR",    "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",   "CONDA_ENVS_PATH"};
/// Hidden folders of a home where people install. A variable that names another one may come from a project's file, and
/// opens nothing.
constexpr std::array<std::string_view, 36> kHiddenSoftware{
    ".local", ".pyenv", ".rbenv",       ".nodenv",      ".asdf",         ".nvm",    ".conda",   ".mamba", ".micromamba",
    ".venv",  ".venvs", ".virtualenvs", ".rustup",      ".cargo",        ".julia",  ".juliaup", ".opam",  ".ghcup",
    ".cabal", ".stack", ".sdkman",      ".npm-global",  ".yarn",         ".bun",    ".deno",    ".gem",   ".rvm",
    ".perl5", ".jenv",  ".linuxbrew",   ".nix-profile", ".guix-profile", ".dotnet", ".volta",   ".spack", ".fonts"};

/// What an installation has beside `bin`, where it shares its folder with other things.
constexpr std::array<std::string_view, 6> kBesideBin{"lib", "lib64", "libexec", "include", "etc", "versions"};
constexpr std::array<std::string_view, 7> kVirtualPlaces{".venv", "venv", "env", ".env", ".conda", "conda", "renv"};
/// Folders of the system below which a service may have its home; its neighbours there are no homes.
constexpr std::array<std::string_view, 4> kOfServices{"/var/", "/opt/", "/srv/", "/usr/"};

constexpr std::array<std::string_view, 10> kDevices{"/dev/null",    "/dev/zero", "/dev/full", "/dev/random",
                                                    "/dev/urandom", "/dev/tty",  "/dev/ptmx", "/dev/pts",
                                                    "/dev/shm",     "/dev/dri"};
constexpr std::array<std::string_view, 6> kAccelerators{"/dev/kfd",        "/dev/infiniband",  "/dev/nvidiactl",
                                                        "/dev/nvidia-uvm", "/dev/nvidia-caps", "/dev/nvidia-uvm-tools"};
constexpr int kCardsMax = 16;

std::string_view variable(const std::vector<std::string>& environment, std::string_view name) {
  for (const std::string_view entry : environment)
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=')
      return entry.substr(name.size() + 1);
  return {};
}

/// Without links, or as it is where it does not exist.
std::string real(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> found(realpath(path.c_str(), nullptr), &std::free);
  std::string result = found ? found.get() : path;
  while (result.size() > 1 && result.back() == '/') result.pop_back();
  return result;
}

std::string parent(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

/// Open as a whole, so nothing in it has to be looked for.
bool is_system(std::string_view path) { return path.starts_with("/usr/") || path == "/bin" || path == "/sbin"; }

std::vector<std::string_view> parts_of(std::string_view list) {
  std::vector<std::string_view> result;
  for (;;) {
    const auto colon = list.find(':');
    if (const auto part = list.substr(0, colon); part.starts_with('/')) result.push_back(part);
    if (colon == std::string_view::npos) return result;
    list.remove_prefix(colon + 1);
  }
}

bool is_link(const std::string& folder, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_LNK;
  struct stat status {};
  return lstat((folder + "/" + entry.d_name).c_str(), &status) != 0 || S_ISLNK(status.st_mode);
}

/// Names in a folder; nothing if there are too many of them to be granted one by one.
Paths names_in(const std::string& folder) {
  Paths names;
  const std::unique_ptr<DIR, int (*)(DIR*)> opened(opendir(folder.c_str()), &closedir);
  if (!opened) return names;
  while (const auto* entry = readdir(opened.get())) {
    const std::string_view name = entry->d_name;
    // Links lead to what is granted by itself, or is not.
    if (name == "." || name == ".." || is_link(folder, *entry)) continue;
    names.emplace_back(name);
    if (names.size() > kFolderNamesMax) return {};
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Folders {
 public:
  explicit Folders(const SandboxPlaces& places) : places_(places) {
    if (const auto home = variable(places.environment, "HOME"); home.starts_with('/')) home_ = real(std::string(home));
    if (home_ == "/") home_.clear();
    workspace_ = real(places.workspace);
    closed_ = {"/home", "/root", "/dev", "/tmp"};  // the last is writable anyway
    if (!home_.empty()) {
      closed_.push_back(home_);
      const auto around = parent(home_);
      const bool of_service = std::any_of(kOfServices.begin(), kOfServices.end(),
                                          [&](std::string_view top) { return home_.starts_with(top); });
      if (around != "/" && !of_service) closed_.push_back(around);
    }
    if (!places.store.empty()) {
      store_ = real(places.store);
    } else if (const auto store = variable(places.environment, "HILLSTAR_STORE"); !store.empty()) {
      const std::string path(store);
      store_ = real(path.front() == '/' ? path : workspace_ + "/" + path);
    } else {
      store_ = workspace_ + "/.hillstar/store";
    }
    // Nothing can be taken out of the workspace, so it does not close what lies around it either.
    if (!lies_in(store_, workspace_)) closed_.push_back(store_);
  }

  SandboxFolders take() {
    open_work();
    open_below("/", 0);
    for (const auto& path : places_.read)
      if (auto place = named(path)) files_.read.push_back(*std::move(place));
    open_software();
    open_devices();
    SandboxFolders result;
    result.files = std::move(files_);
    for (const auto& path : closed_)
      if (path != "/dev" && path != "/tmp" && exists(path)) result.hidden.push_back(path);
    if (exists(store_)) {
      result.store = store_;
      if (lies_in(store_, workspace_)) result.hidden.push_back(store_);
    }
    return result;
  }

 private:
  /// Links that a script may have laid lead nowhere: the next script would be let in where they point.
  [[nodiscard]] std::optional<std::string> followed(std::string_view path) const {
    return trusted_path(path, files_.write);
  }
  [[nodiscard]] std::optional<std::string> named(const std::string& path) const {
    if (path == "~" || path.starts_with("~/")) return followed(home_ + path.substr(1));
    return followed(path.starts_with('/') ? path : workspace_ + "/" + path);
  }

  /// It is closed, or has something closed in it.
  [[nodiscard]] bool holds_closed(std::string_view path) const {
    return std::any_of(closed_.begin(), closed_.end(), [&](const auto& closed) { return lies_in(closed, path); });
  }

  void open_below(const std::string& folder, int depth) {
    if (depth > kDepthMax) return;
    auto names = names_in(folder);
    if (names.empty() && depth == 0) names.assign(kTops.begin(), kTops.end());
    for (const auto& name : names) {
      const auto path = (folder == "/" ? "" : folder) + "/" + name;
      if (std::find(closed_.begin(), closed_.end(), path) != closed_.end()) continue;
      if (holds_closed(path))
        open_below(path, depth + 1);
      else
        files_.read.push_back(path);
    }
  }

  /// A place for keys and settings rather than for software.
  [[nodiscard]] bool is_private(std::string_view place) const {
    if (home_.empty() || !lies_in(place, home_) || place.size() <= home_.size() + 1) return false;
    const auto below = place.substr(home_.size() + 1);
    const auto top = below.substr(0, below.find('/'));
    if (below.starts_with(".local/share/keyrings")) return true;
    return top.starts_with('.') &&
           std::find(kHiddenSoftware.begin(), kHiddenSoftware.end(), top) == kHiddenSoftware.end();
  }

  /// Software lies where it lies; but a folder that holds a home is no software.
  void open_read(const std::string& path) {
    auto place = followed(path);
    if (place && !holds_closed(*place) && !is_open(*place)) files_.read.push_back(*std::move(place));
  }
  [[nodiscard]] bool is_open(std::string_view path) const {
    return lies_in(path, workspace_) || std::any_of(files_.read.begin(), files_.read.end(),
                                                    [&](const auto& folder) { return lies_in(path, folder); });
  }

  void open_software() {
    for (const auto part : parts_of(variable(places_.environment, "PATH"))) open_programs(std::string(part));
    for (const auto name : kSoftware)
      for (const auto part : parts_of(variable(places_.environment, name)))
        if (const auto place = followed(part); place && !is_private(*place)) open_read(*place);
    if (!home_.empty())
      for (const auto name : kOfHome) open_read(home_ + "/" + std::string(name));
    for (const auto name : kVirtualPlaces) open_interpreter(workspace_ + "/" + std::string(name));
    if (const auto program = followed(places_.program)) {
      if (!is_open(*program)) files_.read.push_back(*program);
      open_read(parent(*program));
    }
    // The repository that the workspace is a part of.
    for (auto folder = parent(workspace_); !holds_closed(folder); folder = parent(folder)) {
      if (!exists(folder + "/.git")) continue;
      open_read(folder);
      break;
    }
  }

  /// A folder of PATH, and what its programs bring along.
  void open_programs(const std::string& folder) {
    if (is_system(folder)) return;
    const auto place = followed(folder);
    if (!place || is_system(*place) || is_private(*place)) return;
    open_read(*place);
    const auto installed = parent(*place);
    if (installed == home_ || installed == home_ + "/.local" || installed == "/") return;
    if (exists(installed + "/pyvenv.cfg") || exists(installed + "/conda-meta") || exists(installed + "/versions"))
      open_read(installed);
    else
      for (const auto name : kBesideBin) open_read(installed + "/" + std::string(name));
    open_interpreter(installed);
  }

  /// A virtual environment's Python is a link to an installation elsewhere. A script may have laid that link, so it
  /// must lead to what looks like one.
  void open_interpreter(const std::string& environment) {
    if (!exists(environment + "/pyvenv.cfg")) return;
    const auto python = real(environment + "/bin/python");
    const auto folder = parent(python);
    const auto name = std::string_view(python).substr(python.rfind('/') + 1);
    if (is_system(python) || !name.starts_with("py") || !folder.ends_with("/bin") || access(python.c_str(), X_OK) != 0)
      return;
    open_read(parent(folder));
  }

  void open_work() {
    const Paths own{workspace_, "/tmp", "/var/tmp", "/dev/shm"};
    files_.write = own;
    // Twice, because one of them may be reached through another.
    for (int pass = 0; pass < 2; ++pass) {
      auto open = own;
      for (const auto& path : places_.write)
        if (auto place = named(path)) open.push_back(*std::move(place));
      if (auto place = followed(places_.cwd); place && !lies_in(*place, workspace_) && !holds_closed(*place))
        open.push_back(*std::move(place));
      if (auto place = followed(variable(places_.environment, "TMPDIR"));
          place && !lies_in(*place, workspace_) && !holds_closed(*place) && !is_private(*place))
        open.push_back(*std::move(place));
      files_.write = std::move(open);
    }
  }

  void open_devices() {
    for (const auto path : kDevices) files_.devices.emplace_back(path);
    for (const auto path : kAccelerators) files_.devices.emplace_back(path);
    for (int card = 0; card < kCardsMax; ++card) {
      auto path = "/dev/nvidia" + std::to_string(card);
      if (!exists(path)) break;
      files_.devices.push_back(std::move(path));
    }
    files_.list.emplace_back("/dev");
  }

  const SandboxPlaces& places_;
  std::string home_;
  std::string workspace_;
  std::string store_;
  Paths closed_;
  SandboxFiles files_;
};

}  // namespace

SandboxFolders sandbox_folders(const SandboxPlaces& places) { return Folders(places).take(); }

}  // namespace hillstar
