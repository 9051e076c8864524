// SPDX-License-Identifier: Apache-2.0
// The manifest of a backup as a file, and what a look at a store finds for it. Internal to persistence.
#pragma once

#include <string>

#include "persistence/backup.hpp"

namespace hillstar::persistence {

inline std::string backup_store(const std::string& backup) { return backup + "/store"; }
inline std::string manifest_file(const std::string& backup) { return backup + "/manifest.json"; }

/// The manifest's file, sealed.
std::string manifest_text(BackupManifest manifest);
/// not_found: there is no manifest; store_version: of a newer format; record_corrupt: any byte of it is not as written.
Result<BackupManifest> read_manifest(const std::string& backup);

/// Opens the store in `folder` for reading, checks all of it, and writes counts, head and problems into `manifest`.
Result<void> examine(const std::string& folder, const CheckRun& check, BackupManifest& manifest);

}  // namespace hillstar::persistence
