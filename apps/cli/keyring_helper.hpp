// SPDX-License-Identifier: Apache-2.0
// The process that speaks with the desktop's keyring: this program once more, started for one question. What it needs
// for that (libsecret, and GLib with its threads) is loaded there and nowhere else, and a keyring that does not answer
// is ended with it.
#pragma once

#include <string_view>

namespace hillstar::cli {

/// The only argument of such a process.
inline constexpr std::string_view kKeyringHelper = "keyring-helper";

/// Service and application under which Python's keyring library, and so Hillstar's wizard, keeps its items.
inline constexpr const char* kKeyringService = "hillstar-orchestrator";
inline constexpr const char* kKeyringApplication = "Python keyring library";

inline constexpr std::size_t kKeyringTextMax = 1U << 20U;

/// Reads one JSON object from stdin, `{"do": "find"|"list"|"keep"|"remove", "names": [...], "name": ..., "value":
/// ...}`, and answers with one on stdout: `{"found": {name: value}, "names": [...], "locked": [...], "removed": bool}`
/// or
/// `{"error": text, "missing": bool}`, where missing says that there is no keyring at all. Returns an exit code.
int keyring_helper();

}  // namespace hillstar::cli
