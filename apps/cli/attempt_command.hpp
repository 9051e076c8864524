// SPDX-License-Identifier: Apache-2.0
// What the batch script of a job of a cluster calls; in no help, for nobody calls it by hand.
#pragma once

#include <string>
#include <string_view>

namespace hillstar::cli {

/// `hillstar-actors attempt FOLDER`.
inline constexpr std::string_view kAttemptCommand = "attempt";

/// Makes the attempt that the folder holds. Returns an exit code: 0 once its end is in the folder.
int make_attempt(const std::string& folder);

}  // namespace hillstar::cli
