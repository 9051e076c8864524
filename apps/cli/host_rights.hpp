// SPDX-License-Identifier: Apache-2.0
// Who asks a store's host, and for what.
#pragma once

#include <sys/types.h>

#include "apps/cli/protocol.hpp"
#include "messages/error.hpp"

namespace hillstar::cli {

/// True if the process at the other end of `socket` is of our user and shut in more than we are, as scripts are: it
/// gave up new rights, or has more filters of system calls. Neither can be undone, also by its children. True also for
/// a process that has ended already: nobody can say any more what it was.
bool is_shut_in_peer(int socket);

/// Whoever is let in beside the owner of the store may answer what people are asked, and look on. A script of the
/// owner's may stop runs, and look on: what it starts here would not be shut in, and its answer would be no person's.
/// Errors: permission_denied, sandbox_refused.
Result<void> may_call(const Call& call, uid_t peer, bool shut_in);

}  // namespace hillstar::cli
