// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/serve_table.hpp"

#include "apps/cli/command_table.hpp"
#include "apps/cli/serve_commands.hpp"
#include "apps/cli/stream_commands.hpp"
#include "apps/cli/worker_commands.hpp"

namespace hillstar::cli {

void add_serve(Commands& commands) {
  auto [serve, s] =
      commands.add<ServeArgs>("serve", "Serve the store over HTTP, and start runs for programs", serve_store);
  const auto many = [command = serve](const char* name, std::vector<std::string>& values, const char* about,
                                      const char* type) {
    command->add_option(name, values, about)->type_name(type)->allow_extra_args(false)->take_all();
  };
  serve->add_option("FILE", s->files, "workflows whose entry points are served");
  serve->add_option("--listen", s->listen, "where; port 0 takes a free one")
      ->type_name("ADDR:PORT")
      ->capture_default_str();
  auto* certificate = serve->add_option("--tls-cert", s->certificate, "certificate chain (PEM); read again on SIGHUP")
                          ->type_name("FILE");
  auto* key = serve->add_option("--tls-key", s->key, "its key (PEM, no passphrase)")->type_name("FILE");
  certificate->needs(key);
  key->needs(certificate);
  many("--allow-host", s->hosts, "a further name under which clients ask; may be repeated", "NAME");
  many("--allow-origin", s->origins, "pages of this origin may ask; may be repeated", "ORIGIN");
  serve->add_option("--drain-timeout", s->drain_timeout, "at the end: for requests under way")
      ->type_name("SPAN")
      ->capture_default_str();
  serve->add_option("--max-connections", s->connections_max, "connections at once")
      ->check(CLI::Range(1U, 1'000'000U))
      ->type_name("N")
      ->capture_default_str();
  serve->add_option("--rate-limit", s->rate_limit, "requests per second of one token or address; 0: any number")
      ->check(CLI::Range(0.0, 1e9))
      ->type_name("N")
      ->capture_default_str();
  serve->add_option("--disk-reserve", s->disk_reserve, "MiB of free disk that are kept for runs under way")
      ->type_name("MIB")
      ->capture_default_str();
  serve->add_option("--log-format", s->log_format, "what it says on stderr: text, or a JSON object a line")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("FORMAT")
      ->capture_default_str();
  serve->add_option("--access-log", s->access_log, "a line for each request: off, a file, or - for stdout")
      ->type_name("FILE")
      ->capture_default_str();
  serve->add_option("--gc-every", s->gc_every, "remove what the retention of the streams does not keep so often")
      ->type_name("SPAN");
  serve->add_option("--backups", s->backups, "backups that are asked for over HTTP are made in this folder")
      ->type_name("DIR");
  serve->add_option("--workers", s->workers, "where workers of other machines join; port 0 takes a free one")
      ->type_name("ADDR:PORT");
  serve->add_option("--workers-identity", s->workers_identity, "folder with the host's certificate and key for them")
      ->type_name("DIR");
  serve->add_option("--worker-lost-after", s->worker_lost_after, "a worker that is silent for so long is gone")
      ->type_name("SPAN")
      ->capture_default_str();
  serve->add_option("--env-file", s->env_file, "instead of the nearest .env; what is set already wins");

  auto [token, t] =
      commands.add<TokenArgs>("token", "Make, list and revoke the tokens of a served store", manage_tokens);
  token->add_option("WHAT", t->what, "ls, create or revoke")
      ->check(CLI::IsMember({"ls", "create", "revoke"}))
      ->capture_default_str();
  token->add_option("TOKEN", t->which, "revoke: its name or id");
  token->add_option("--scope", t->scope, "create: what it allows; each includes those before it")
      ->check(CLI::IsMember({"read", "operate", "admin"}))
      ->type_name("SCOPE")
      ->capture_default_str();
  token->add_option("--expires", t->expires, "create: when it ends to hold, such as 12h or 90d, or never")
      ->type_name("SPAN")
      ->capture_default_str();
  token->add_option("--name", t->name, "create: what to call it; unique")->type_name("NAME");

  add_streams(commands);
  add_workers(commands);
}

}  // namespace hillstar::cli
