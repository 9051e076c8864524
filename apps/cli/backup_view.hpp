// SPDX-License-Identifier: Apache-2.0
// Backups as people and programs see them, made here or by a service.
#pragma once

#include <string>

#include "messages/json.hpp"
#include "persistence/backup.hpp"

namespace hillstar::cli {

/// Whether a history folds to its row: the further look at each run of a backup.
Result<void> history_folds(const persistence::EventStore& store, const RunId& history);

/// `{"ok":true,"at":...,"folder":...,"runs":...,"bytes":...,"seal":...}`: what is in the backup in `folder`.
Json backup_document(const persistence::BackupManifest& manifest, const std::string& folder);

}  // namespace hillstar::cli
