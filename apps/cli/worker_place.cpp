// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/worker_place.hpp"

#include <filesystem>
#include <system_error>

#include "apps/cli/ca_commands.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/span.hpp"
#include "apps/http/auth.hpp"
#include "runtime/platform/authority.hpp"
#include "runtime/platform/clock.hpp"

namespace hillstar::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMend = "Make one with `hillstar-actors ca init` and `ca issue-host NAME --address ADDRESS`.";

bool is_file(const std::string& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

/// The only folder below `hosts` of the authority.
Result<std::string> only_identity(const std::string& authority) {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator entry(authority + "/hosts", error), end; !error && entry != end; entry.increment(error))
    if (is_file(entry->path() / "host.pem")) found.push_back(entry->path());
  if (found.size() == 1) return found.front();
  return Error{Errc::certificate_invalid,
               found.empty() ? "There is no certificate of a host." : "There are certificates of several hosts.",
               authority + "/hosts", found.empty() ? kMend : "Say which with --workers-identity DIR."};
}

}  // namespace

Result<HostPort> host_port(const std::string& text, const std::string& option) {
  const auto authority = http::read_authority(text);
  if (!authority || !authority->port)
    return Error{Errc::usage, "'" + text + "' is no address with a port.", option,
                 "Write it as 192.0.2.7:8790, [2001:db8::7]:8790 or lab1.example:8790."};
  return HostPort{authority->host == "localhost" ? "127.0.0.1" : authority->host, *authority->port};
}

Result<WorkersAt> workers_at(const std::string& where, const std::string& identity,
                             const std::vector<std::string>& environment) {
  HILLSTAR_TRY(const auto place, host_port(where, "--workers"));
  HILLSTAR_TRY(const auto authority, ca_folder(environment, ""));
  std::string folder = identity.empty() ? "" : absolute_path(identity);
  if (folder.empty()) {
    HILLSTAR_TRY(folder, only_identity(authority));
  }
  WorkersAt at;
  at.address = place.host;
  at.port = place.port;
  at.certificate = folder + "/host.pem";
  at.key = folder + "/host.key";
  for (const auto& file : {at.certificate, at.key})
    if (!is_file(file)) return Error{Errc::certificate_invalid, "There is no such file.", file, kMend};
  // Where the authority itself is at hand, what it revokes holds at once, and it lets new workers in.
  const bool here = is_file(authority + "/authority.pem");
  at.authority = (here ? authority : folder) + "/authority.pem";
  at.revocation = (here ? authority : folder) + "/revoked.pem";
  if (!is_file(at.revocation)) at.revocation.clear();
  if (here)
    at.enroll = [authority](const std::string& request) {
      return Authority(authority, [] { return SystemClock().utc_now(); }).redeem(request);
    };
  return at;
}

Result<Millis> lost_after(const std::string& span) {
  HILLSTAR_TRY(const auto limit, span_of(span));
  if (limit < Millis{1'000} || limit > Millis{86'400'000})
    return Error{Errc::usage, "'" + span + "' is not from 1s to 24h.", "--worker-lost-after", {}};
  return limit;
}

Result<std::string> worker_identity(const std::vector<std::string>& environment, const std::string& given) {
  if (!given.empty()) return absolute_path(given);
  HILLSTAR_TRY(const auto authority, ca_folder(environment, ""));
  return (fs::path(authority).parent_path() / "worker").string();
}

}  // namespace hillstar::cli
