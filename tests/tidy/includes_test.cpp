// SPDX-License-Identifier: Apache-2.0
// Which way the doors open: docs/internals/architecture.md as a table. CMake cannot keep it alone, because Debian puts
// every library on the default include path.
#include <doctest/doctest.h>

#include <array>
#include <initializer_list>

#include "tests/tidy/source_tree.hpp"

namespace hillstar::tidy {
namespace {

struct Layer {
  std::string_view folder;
  std::initializer_list<std::string_view> may_include;  ///< Folders of ours, or single headers.
};

const Layer kLayers[] = {
    {"messages", {"messages"}},
    {"runtime/state", {"messages", "runtime/state"}},
    {"runtime/workflow", {"messages", "runtime/workflow", "runtime/state"}},
    {"runtime/policy", {"messages", "runtime/policy", "runtime/workflow"}},
    {"runtime/run", {"messages", "runtime/run", "runtime/workflow", "runtime/policy", "runtime/state"}},
    {"runtime/stream", {"messages", "runtime/stream", "runtime/workflow", "runtime/run", "runtime/state"}},
    {"runtime/telemetry", {"messages", "runtime/telemetry", "runtime/workflow", "runtime/policy", "runtime/run"}},
    {"runtime/placement", {"messages", "runtime/placement", "runtime/workflow"}},
    {"runtime/platform", {"messages", "runtime/platform"}},
    {"runtime/tools", {"messages", "runtime/tools", "runtime/platform", "runtime/workflow", "runtime/policy"}},
    {"persistence",
     {"messages", "persistence", "runtime/run", "runtime/stream", "runtime/workflow", "runtime/platform"}},
    {"providers", {"messages", "providers", "runtime/policy", "runtime/workflow", "runtime/platform"}},
    {"actors", {"messages", "actors", "runtime", "persistence", "providers"}},
    {"apps",
     {"messages", "apps", "runtime", "persistence", "providers", "actors/engine.hpp", "actors/handles.hpp",
      "actors/cluster_attempt.hpp", "actors/hillstar_export.hpp", "actors/replay.hpp", "actors/trigger_service.hpp",
      "actors/worker.hpp"}},
};

/// A library, and the only folders that may include it.
struct Library {
  std::string_view prefix;
  std::initializer_list<std::string_view> folders;
};

const Library kLibraries[] = {
    {"caf/", {"actors", "tests"}},
    {"rocksdb/", {"persistence", "tests"}},
    {"boost/beast", {"providers/http", "apps", "tests"}},
    {"boost/asio", {"providers/http", "actors/wire", "apps", "tests"}},
    {"openssl/", {"runtime/platform", "providers/http", "actors/wire", "tests"}},
    {"CLI/", {"apps"}},
    {"fmt/", {"apps", "tests"}},
    {"prometheus/", {"apps/http"}},
    {"re2/", {"runtime/policy"}},
    {"doctest/", {"tests"}},
};

/// Pure code gets time, chance and the environment from outside.
constexpr std::array kPureFolders = {"runtime/workflow", "runtime/run",       "runtime/policy",   "runtime/stream",
                                     "runtime/state",    "runtime/telemetry", "runtime/placement"};
constexpr std::array kNotPureHeaders = {"thread",   "mutex",   "shared_mutex", "condition_variable",
                                        "future",   "atomic",  "filesystem",   "fstream",
                                        "iostream", "random",  "unistd.h",     "ctime",
                                        "sys/",     "fcntl.h", "pthread.h"};
constexpr std::array kNotPureWords = {"_clock::now", "getenv",   "std::rand", "random_device", "::open(",
                                      "std::thread", "virtual ", "std::cerr", "std::cout"};

bool is_below(std::string_view path, std::string_view folder) {
  return path == folder || (path.starts_with(folder) && path[folder.size()] == '/');
}

const Layer* layer_of(std::string_view path) {
  for (const auto& layer : kLayers) {
    if (is_below(path, layer.folder)) return &layer;
  }
  return nullptr;
}

/// What stands between the quotes or brackets of an include line; empty if it is none.
std::string_view included(std::string_view line, char open, char close) {
  constexpr std::string_view kInclude = "#include ";
  if (!line.starts_with(kInclude) || line.size() <= kInclude.size() || line[kInclude.size()] != open) return {};
  line.remove_prefix(kInclude.size() + 1);
  return line.substr(0, line.find(close));
}

bool any_below(std::string_view path, std::initializer_list<std::string_view> folders) {
  for (const auto folder : folders) {
    if (is_below(path, folder)) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("includes: each folder includes only what is below it") {
  Findings findings;
  for (const auto& file : source_tree()) {
    const auto* layer = layer_of(file.path);
    if (!file.is_cpp() || layer == nullptr) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const auto header = included(file.lines[i], '"', '"');
      if (!header.empty() && !any_below(header, layer->may_include))
        findings.add(file, i, std::string(layer->folder) + " may not include " + std::string(header));
    }
  }
  CHECK_MESSAGE(findings.empty(), findings.text());
}

TEST_CASE("includes: each library stays behind its wall") {
  Findings findings;
  for (const auto& file : source_tree()) {
    if (!file.is_cpp()) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const auto header = included(file.lines[i], '<', '>');
      if (header.empty()) continue;
      for (const auto& library : kLibraries) {
        if (header.starts_with(library.prefix) && !any_below(file.path, library.folders))
          findings.add(file, i, std::string(header) + " has no place here");
      }
    }
  }
  CHECK_MESSAGE(findings.empty(), findings.text());
}

TEST_CASE("includes: the pure folders know no threads, clocks, chance, files or environment") {
  Findings findings;
  for (const auto& file : source_tree()) {
    bool pure = false;
    for (const auto* folder : kPureFolders) pure = pure || file.in(folder);
    if (!file.is_cpp() || !pure) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const auto header = included(file.lines[i], '<', '>');
      for (const std::string_view banned : kNotPureHeaders) {
        if (header == banned || (banned.ends_with('/') && header.starts_with(banned)))
          findings.add(file, i, "<" + std::string(header) + "> in pure code");
      }
      const auto code = code_of(file.lines[i]);
      for (const auto* word : kNotPureWords) {
        if (contains(code, word)) findings.add(file, i, std::string(word) + " in pure code");
      }
    }
  }
  CHECK_MESSAGE(findings.empty(), findings.text());
}

TEST_CASE("includes: ours are spelled from the repository root and exist") {
  Findings findings;
  for (const auto& file : source_tree()) {
    if (!file.is_cpp()) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const auto header = included(file.lines[i], '"', '"');
      if (!header.empty() && !exists(std::string(header)))
        findings.add(file, i, std::string(header) + " is not a file of the repository");
    }
  }
  CHECK_MESSAGE(findings.empty(), findings.text());
}

}  // namespace hillstar::tidy
