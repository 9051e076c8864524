// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <system_error>
#include <thread>

#include "actors/worker.hpp"
#include "apps/cli/carry.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/interrupts.hpp"
#include "apps/cli/registry_file.hpp"
#include "apps/cli/span.hpp"
#include "apps/cli/version.hpp"
#include "apps/cli/worker_commands.hpp"
#include "apps/cli/worker_place.hpp"
#include "apps/cli/workflow_file.hpp"
#include "runtime/platform/join.hpp"
#include "runtime/platform/renewal.hpp"
#include "runtime/workflow/labels.hpp"

namespace hillstar::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTokenVariable = "HILLSTAR_JOIN_TOKEN";
constexpr std::size_t kTokenBytesMax = 4'096;
constexpr Millis kLook{3'600'000};

bool has_file(const std::string& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  return text;
}

/// Not as an argument, where the machine has other users; but whoever wants to may.
Result<std::string> token_of(const Context& context, const std::string& given) {
  if (given == "-") {
    std::string line;
    std::getline(std::cin, line);
    return trimmed(std::move(line));
  }
  if (given.starts_with(kJoinTokenPrefix)) return given;
  if (!given.empty()) {
    HILLSTAR_TRY(auto text, read_file(given, Errc::io, kTokenBytesMax));
    return trimmed(std::move(text));
  }
  return trimmed(variable(context.environment, kTokenVariable).value_or(""));
}

Result<std::map<std::string, std::string>> labels_of(const std::vector<std::string>& given) {
  std::map<std::string, std::string> labels;
  for (const auto& label : given) {
    const auto equals = label.find('=');
    const auto name = label.substr(0, equals);
    if (name.empty())
      return Error{Errc::usage, "'" + label + "' is no label.", "--label", "Write it as gpu or site=lab2."};
    labels[name] = equals == std::string::npos ? "" : label.substr(equals + 1);
  }
  if (const auto fault = workflow::fault_of_labels(labels); !fault.empty())
    return Error{Errc::usage, "A worker cannot have these labels: " + fault + ".", "--label",
                 "Write it as gpu or site=lab2."};
  return labels;
}

/// Gets a certificate for a machine that has none.
Result<void> enroll(Context& context, const WorkerArgs& args, const HostPort& host, const std::string& folder) {
  HILLSTAR_TRY(const auto token, token_of(context, args.token));
  if (has_file(folder + "/worker.pem") && token.empty()) return {};
  if (token.empty())
    return Error{Errc::certificate_invalid, "This machine has no certificate of a worker.", folder,
                 std::string("Make a token on the host with `ca issue-worker NAME --token`, and give it here with "
                             "--token FILE or in ") +
                     kTokenVariable + "."};
  if (has_file(folder + "/worker.pem")) return {};  // the token did its work
  HILLSTAR_TRY(const auto facts, join({host.host, host.port, token, folder}));
  context.output.say("This machine is worker " + facts.name + "; its certificate is in " + folder + ".");
  return {};
}

}  // namespace

Result<Exit> work(Context& context, const WorkerArgs& args) {
  HILLSTAR_TRY(const auto host, host_port(args.join, "--join"));
  WorkerOptions options;
  HILLSTAR_TRY(options.cache_bytes, bytes_of(args.cache, "--cache"));
  HILLSTAR_TRY(options.labels, labels_of(args.labels));
  HILLSTAR_TRY(const auto folder, worker_identity(context.environment, args.identity));
  HILLSTAR_CHECK(enroll(context, args, host, folder));
  HILLSTAR_CHECK(mend_renewal(folder));
  options.identity = folder;
  options.host = host.host;
  options.port = host.port;
  options.certificate = folder + "/worker.pem";
  options.key = folder + "/worker.key";
  options.authority = folder + "/authority.pem";
  if (has_file(folder + "/revoked.pem")) options.revocation = folder + "/revoked.pem";
  options.slots = args.slots == 0 ? std::max(std::thread::hardware_concurrency(), 1U) : args.slots;
  options.workspace = absolute_path(args.workspace);
  HILLSTAR_TRY(options.environment, variables_for(context, "", options.workspace, args.env_file, nullptr));
  HILLSTAR_TRY(options.registry, load_registry(context.environment));
  options.version = std::string(version());
  options.log = [&output = context.output](const std::string& line) { output.warn(line); };
  HILLSTAR_TRY(const auto worker, Worker::start(std::move(options)));
  const Interrupts interrupts([&](int) { worker->drain(); });
  while (true) {
    const auto end = worker->wait(kLook);
    if (!end) continue;
    if (!*end) return end->error();
    return Exit::done;
  }
}

}  // namespace hillstar::cli
