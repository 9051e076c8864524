// SPDX-License-Identifier: Apache-2.0
#include "persistence/backup_manifest.hpp"

#include <rocksdb/env.h>

#include <set>
#include <utility>

#include "messages/json_codec.hpp"
#include "persistence/files.hpp"
#include "persistence/repair.hpp"
#include "persistence/rocksdb_store.hpp"
#include "runtime/platform/hash.hpp"

namespace hillstar::persistence {
namespace {

constexpr std::size_t kManifestBytesMax = 63U << 20U;

Error damaged(const std::string& file, const std::string& how) {
  return {Errc::record_corrupt, "the manifest of the backup is damaged: " + how, file, "Use another backup."};
}

Result<BackupManifest> parse_manifest(const std::string& text, const std::string& file) {
  const auto tree = json::parse(text);
  if (!tree) return damaged(file, tree.error().message);
  if (const auto* object = tree->if_object()) {
    const auto* format = object->if_contains("backup_format");
    if (format != nullptr && format->is_int64() && format->get_int64() > std::int64_t{kBackupFormat})
      return Error(Errc::store_version, "the backup was made by a newer program.", file,
                   "Use that program, or a newer one.");
  }
  auto manifest = json::read<BackupManifest>(*tree);
  if (!manifest) return damaged(file, manifest.error().message);
  if (manifest_text(*manifest) != text) return damaged(file, "its seal does not fit its text.");
  return manifest;
}

}  // namespace

std::string manifest_text(BackupManifest manifest) {
  manifest.seal.clear();
  manifest.seal = sha256_hex(json::to_text(manifest));
  return json::to_text(manifest) + "\n";
}

Result<BackupManifest> read_manifest(const std::string& backup) {
  auto& env = *rocksdb::Env::Default();
  const auto file = manifest_file(backup);
  if (env.FileExists(file).IsNotFound())
    return Error(Errc::not_found, "there is no backup in this folder: it has no manifest.json.", backup,
                 "`hillstar-actors backup FOLDER` makes one.");
  HILLSTAR_TRY(const auto text, read_file(env, file, kManifestBytesMax));
  return parse_manifest(text, file);
}

Result<void> examine(const std::string& folder, const CheckRun& check, BackupManifest& manifest) {
  HILLSTAR_TRY(const auto store, RocksStore::open(folder, {.read_only = true, .env = nullptr}));
  HILLSTAR_TRY(const auto found, verify_all(*store));
  manifest.runs = found.runs;
  manifest.records = found.records;
  manifest.blobs = found.blobs;
  manifest.log_count = store->head().count;
  manifest.log_chain = to_hex(store->head().chain);
  manifest.problems.clear();
  std::set<std::string> told;
  for (const auto& damage : found.damaged) {
    told.insert(damage.run);
    manifest.problems.push_back("run " + damage.run + " from event " + std::to_string(damage.from_seq) + ": " +
                                damage.problem);
  }
  for (const auto& problem : found.blob_problems) manifest.problems.push_back("blob: " + problem);
  if (!found.log_problem.empty()) manifest.problems.push_back("log: " + found.log_problem);
  if (!check) return {};
  std::vector<RunId> runs;
  // A row that cannot be read was told above.
  (void)store->list([&](const run::Summary& row) {
    if (!told.contains(row.run.str())) runs.push_back(row.run);
    return true;
  });
  for (const auto& run : runs)
    if (const auto checked = check(*store, run); !checked)
      manifest.problems.push_back("run " + run.str() + ": " + to_string(checked.error()));
  return {};
}

}  // namespace hillstar::persistence
