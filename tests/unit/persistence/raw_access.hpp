// SPDX-License-Identifier: Apache-2.0
// The store's files and rows as somebody sees them who goes around the program.
#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>

#include "persistence/database.hpp"
#include "persistence/layout.hpp"
#include "tests/unit/persistence/histories.hpp"

namespace hillstar::persistence::testing {

/// Opens the database below the store and lets `change` do what it likes.
inline void tamper(const std::string& store, const std::function<void(Database&)>& change) {
  auto database = Database::open(database_folder(store), {});
  if (!database) throw std::runtime_error(problem(database));
  change(**database);
}

inline std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}
inline void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

/// The newest write-ahead log that has bytes.
inline std::string live_log(const std::string& store) {
  std::string newest;
  for (const auto& entry : std::filesystem::directory_iterator(database_folder(store)))
    if (entry.path().extension() == ".log" && entry.file_size() > 0 && entry.path().string() > newest)
      newest = entry.path().string();
  return newest;
}

}  // namespace hillstar::persistence::testing
