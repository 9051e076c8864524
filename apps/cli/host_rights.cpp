// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/host_rights.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>

#include "apps/cli/environment.hpp"
#include "messages/json_codec.hpp"

namespace hillstar::cli {
namespace {

struct Confined {
  long no_new_rights = 0;
  long filters = 0;
};

/// Of /proc/PID/status; nothing if there is no such process.
std::optional<Confined> confinement_of(const std::string& process) {
  std::ifstream status("/proc/" + process + "/status");
  Confined found;
  bool any = false;
  const std::string rights = "NoNewPrivs:";
  const std::string filters = "Seccomp_filters:";
  for (std::string line; std::getline(status, line);) {
    any = true;
    if (line.starts_with(rights)) found.no_new_rights = std::atol(line.c_str() + rights.size());
    if (line.starts_with(filters)) found.filters = std::atol(line.c_str() + filters.size());
  }
  return any ? std::optional(found) : std::nullopt;
}

}  // namespace

bool is_shut_in_peer(int socket) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return true;
  if (peer.uid != ::geteuid()) return false;  // scripts are of our user
  const auto ours = confinement_of("self");
  const auto theirs = confinement_of(std::to_string(peer.pid));
  if (!ours) return false;  // without /proc nothing can be told
  return !theirs || theirs->no_new_rights > ours->no_new_rights || theirs->filters > ours->filters;
}

Result<void> may_call(const Call& call, uid_t peer, bool shut_in) {
  if (call.method == "live") return {};  // looks on
  if (call.method == "state" && peer == ::geteuid()) {
    const auto ask = json::read<StateAsk>(call.params.value(), "state");
    if (ask && (ask->request.op == StateOp::get || ask->request.op == StateOp::list)) return {};
  }
  if (call.method == "ask" && peer == ::geteuid()) {
    const auto question = json::read<Question>(call.params.value(), "ask");
    if (question && (question->topic == Topic::streams || question->topic == Topic::top)) return {};
  }
  const auto tell = json::read<TellCall>(call.params.value(), "tell");
  const bool is_word = call.method == "tell" && tell;
  const auto says = [&](WordKind kind) { return is_word && tell->word.kind == kind; };
  if (shut_in && !says(WordKind::cancel) && !says(WordKind::pause))
    return Error{Errc::sandbox_refused,
                 "A script may look on, cancel and pause; the rest is for people.",
                 {},
                 "Runs that a script starts with --ephemeral or a --store of its own run inside its sandbox."};
  if (peer == ::geteuid() || says(WordKind::answer)) return {};
  return Error{Errc::permission_denied,
               person_of(peer) + " may approve and reject in this store, and nothing else.",
               {},
               "It belongs to " + person_of(::geteuid()) + "."};
}

}  // namespace hillstar::cli
