// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/ca_commands.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>

#include "apps/cli/command_table.hpp"
#include "apps/cli/configuration.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/span.hpp"
#include "apps/cli/text.hpp"
#include "runtime/platform/authority.hpp"
#include "runtime/platform/private_folder.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;
namespace fs = std::filesystem;
using x509::Facts;
using x509::Role;

constexpr const char* kDefaultName = "hillstar";

std::string status_of(const IssuedRow& row, UtcTime now) {
  if (row.revoked_at) return "revoked";
  if (row.facts.not_after <= now) return "expired";
  return row.renewed_by.empty() ? "valid" : "renewed";
}

bj::object object_of(const Facts& facts) {
  return {{"role", std::string(x509::role_name(facts.role))},
          {"name", facts.name},
          {"serial", facts.serial},
          {"fingerprint", facts.fingerprint},
          {"not_before", to_rfc3339(facts.not_before)},
          {"not_after", to_rfc3339(facts.not_after)}};
}

bj::object object_of(const IssuedRow& row, UtcTime now) {
  auto object = object_of(row.facts);
  object["status"] = status_of(row, now);
  object["addresses"] = bj::array(row.addresses.begin(), row.addresses.end());
  if (row.revoked_at) object["revoked_at"] = to_rfc3339(*row.revoked_at);
  if (!row.renewed_by.empty()) object["renewed_by"] = row.renewed_by;
  return object;
}

Result<Exit> tell_authority(Context& context, const Facts& facts, const std::string& folder, const char* deed) {
  auto& output = context.output;
  if (output.is_json()) {
    auto object = object_of(facts);
    object["folder"] = folder;
    output.data(Json::of(object));
    return Exit::done;
  }
  output.data(facts.fingerprint);
  output.say("Authority " + facts.name + deed + folder + "; it holds until " + short_time(facts.not_after) + ".");
  return Exit::done;
}

/// Certificate, key and what is trusted, in one folder.
Result<void> write_issued(const std::string& path, const Issued& issued, const std::string& key) {
  const std::string stem(x509::role_name(issued.facts.role));
  HILLSTAR_TRY(const auto folder, PrivateFolder::open(path, true));
  if (folder.has(stem + ".key"))
    return Error{Errc::usage, "There is a key already.", folder.at(stem + ".key"), "Give another folder with --out."};
  HILLSTAR_CHECK(folder.write(stem + ".key", key, true));
  HILLSTAR_CHECK(folder.write("authority.pem", issued.authority, false));
  HILLSTAR_CHECK(folder.write("revoked.pem", issued.revoked, false));
  return folder.write(stem + ".pem", issued.chain, false);
}

/// How long a certificate of a host or worker is to hold.
Result<Millis> holds_of(const CaArgs& args) {
  if (args.holds.empty()) return kDay * (args.days == 0 ? kLeafDays : args.days);
  if (args.days != 0) return Error{Errc::usage, "--days and --holds exclude each other.", "--holds", {}};
  return span_of(args.holds);
}

/// Nothing is issued for a folder that has a key in it.
Result<void> check_free(const std::string& path, const std::string& key_name) {
  const auto key = fs::path(path) / key_name;
  std::error_code failed;
  if (fs::exists(fs::symlink_status(key, failed)))
    return Error{Errc::usage, "There is a key already.", key.string(),
                 "Give another folder with --out, or move this one away."};
  return {};
}

Result<Exit> issue(Context& context, const CaArgs& args, const Authority& authority, const x509::Subject& subject,
                   const std::string& out) {
  HILLSTAR_CHECK(check_free(out, std::string(x509::role_name(subject.role)) + ".key"));
  HILLSTAR_TRY(const auto holds, holds_of(args));
  HILLSTAR_TRY(const auto key, x509::new_key());
  HILLSTAR_TRY(const auto request, x509::request_for(key));
  HILLSTAR_TRY(const auto issued, authority.issue(request, subject, holds));
  HILLSTAR_CHECK(write_issued(out, issued, key));
  auto& output = context.output;
  if (output.is_json()) {
    auto object = object_of(issued.facts);
    object["folder"] = out;
    output.data(Json::of(object));
    return Exit::done;
  }
  output.data(out);
  output.say("Certificate of " + std::string(x509::role_name(subject.role)) + " " + subject.name + ", until " +
             short_time(issued.facts.not_after) + ". The key is in the same folder.");
  return Exit::done;
}

Result<Exit> give_token(Context& context, const CaArgs& args, const Authority& authority) {
  if (!args.out.empty())
    return Error{Errc::usage, "--token and --out exclude each other.", "--out",
                 "With a token the worker makes its key itself."};
  HILLSTAR_TRY(const auto lifetime, span_of(args.expires));
  HILLSTAR_TRY(const auto holds, holds_of(args));
  HILLSTAR_TRY(const auto token, authority.make_token(args.name, lifetime, holds));
  auto& output = context.output;
  if (output.is_json()) {
    output.data(
        Json::of(bj::object{{"token", token.text}, {"name", args.name}, {"expires_at", to_rfc3339(token.expires_at)}}));
    return Exit::done;
  }
  output.data(token.text);
  output.say("Worker " + args.name + " may join with it, once, until " + short_time(token.expires_at) +
             ". It is not shown again.");
  return Exit::done;
}

Result<Exit> list(Context& context, const Authority& authority) {
  HILLSTAR_TRY(const auto trusted, authority.trusted());
  HILLSTAR_TRY(const auto rows, authority.rows());
  auto& output = context.output;
  const auto now = context.clock.utc_now();
  std::vector<bj::object> objects;
  for (const auto& facts : trusted) {
    objects.push_back(object_of(facts));
    objects.back()["status"] = facts.not_after <= now ? "expired" : "valid";
  }
  for (const auto& row : rows) objects.push_back(object_of(row, now));
  if (output.format() == Format::json) {
    output.data(Json::of(bj::array(objects.begin(), objects.end())));
    return Exit::done;
  }
  if (output.format() == Format::jsonl) {
    for (const auto& object : objects) output.data(Json::of(object));
    return Exit::done;
  }
  std::vector<std::vector<std::string>> cells{{"ROLE", "NAME", "STATUS", "SERIAL", "EXPIRES"}};
  const auto add = [&](const Facts& facts, const std::string& status) {
    cells.push_back(
        {std::string(x509::role_name(facts.role)), facts.name, status, facts.serial, short_time(facts.not_after)});
  };
  for (const auto& facts : trusted) add(facts, facts.not_after <= now ? "expired" : "valid");
  for (const auto& row : rows) add(row.facts, status_of(row, now));
  for (const auto& line : table(cells)) output.data(line);
  return Exit::done;
}

Result<Exit> revoke(Context& context, const CaArgs& args, const Authority& authority) {
  HILLSTAR_TRY(const auto rows, authority.revoke(args.name));
  auto& output = context.output;
  const auto now = context.clock.utc_now();
  if (output.is_json()) {
    bj::array array;
    for (const auto& row : rows) array.push_back(object_of(row, now));
    output.data(Json::of(array));
    return Exit::done;
  }
  for (const auto& row : rows) output.data(row.facts.serial);
  output.say(rows.empty() ? "Nothing of " + visible(args.name) + " held any more."
                          : visible(args.name) + " is revoked; its connections end within seconds.");
  return Exit::done;
}

Error nameless(const char* hint) { return Error{Errc::usage, "Of whom?", "NAME", hint}; }

}  // namespace

Result<std::string> ca_folder(const std::vector<std::string>& environment, const std::string& given) {
  if (!given.empty()) return absolute_path(given);
  const auto config = config_folder(environment);
  if (config.empty())
    return Error{Errc::usage, "Nobody says where the certificate authority is.", "--folder",
                 "Give --folder DIR, or set HOME."};
  return (fs::path(config).parent_path() / "hillstar-actors" / "ca").string();
}

Result<Exit> manage_authority(Context& context, const CaArgs& args) {
  HILLSTAR_TRY(const auto folder, ca_folder(context.environment, args.folder));
  const Authority authority(folder, [&context] { return context.clock.utc_now(); });
  if (args.what == "init") {
    HILLSTAR_TRY(const auto facts, authority.create(args.name.empty() ? kDefaultName : args.name,
                                                    args.days == 0 ? kAuthorityDays : args.days));
    return tell_authority(context, facts, folder, " is in ");
  }
  if (args.what == "rotate") {
    HILLSTAR_TRY(const auto facts, authority.rotate(args.days == 0 ? kAuthorityDays : args.days));
    return tell_authority(context, facts, folder, " signs from now on in ");
  }
  if (args.what == "ls") return list(context, authority);
  if (args.name.empty()) return nameless("Give the name of a host or worker.");
  if (args.what == "revoke") return revoke(context, args, authority);
  if (args.what == "issue-host") {
    const auto out = args.out.empty() ? folder + "/hosts/" + args.name : absolute_path(args.out);
    if (!x509::is_name(args.name)) return nameless("A name has letters, digits, '.', '_' and '-', at most 64.");
    return issue(context, args, authority, {Role::host, args.name, args.addresses}, out);
  }
  if (args.token) return give_token(context, args, authority);
  if (args.out.empty())
    return Error{Errc::usage, "Where is the certificate to go?", "--out",
                 "Give --token for a join token, or --out DIR for certificate and key."};
  return issue(context, args, authority, {Role::worker, args.name, {}}, absolute_path(args.out));
}

void add_ca_commands(Commands& commands) {
  auto [ca, args] = commands.add<CaArgs>("ca", "Keep certificates of this host and its workers: issue, list, revoke",
                                         manage_authority);
  ca->add_option("WHAT", args->what, "init, issue-host, issue-worker, ls, revoke, rotate")
      ->check(CLI::IsMember({"init", "issue-host", "issue-worker", "ls", "revoke", "rotate"}))
      ->capture_default_str();
  ca->add_option("NAME", args->name, "a host or worker; revoke: or a serial number");
  ca->add_option("--folder", args->folder, "of the authority; else ~/.config/hillstar-actors/ca")->type_name("DIR");
  ca->add_option("--address", args->addresses, "issue-host: a name or IP that workers dial; may be repeated")
      ->type_name("ADDRESS")
      ->allow_extra_args(false)
      ->take_all();
  ca->add_flag("--token", args->token, "issue-worker: a token to join with, once");
  ca->add_option("--expires", args->expires, "of the token, such as 10m, 1h, 1d")
      ->capture_default_str()
      ->type_name("TIME");
  ca->add_option("--out", args->out, "issue-host, issue-worker: folder for certificate and key")->type_name("DIR");
  ca->add_option("--holds", args->holds, "issue-host, issue-worker: how long the certificate holds, such as 12h")
      ->type_name("TIME");
  ca->add_option("--days", args->days, "how long a certificate holds")
      ->check(CLI::Range(std::int64_t{1}, kDaysMax))
      ->type_name("N");
}

}  // namespace hillstar::cli
