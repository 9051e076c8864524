// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/agent_scan.hpp"

#include <boost/json.hpp>

#include "messages/json.hpp"
#include "runtime/policy/scan_patterns.hpp"

namespace hillstar::policy {
namespace {

namespace bj = boost::json;
using S = ScanSeverity;

constexpr std::size_t kDepthMax = 64;

/// A server of a configuration, and where it stands.
struct Server {
  std::string name;
  std::string pointer;
  const bj::object* entry;
};

/// As people write it: comments and commas at the end are no reason to look away.
const bj::parse_options& lenient() {
  static const bj::parse_options options = [] {
    bj::parse_options all;
    all.allow_comments = true;
    all.allow_trailing_commas = true;
    all.allow_invalid_utf8 = true;
    all.max_depth = kDepthMax;
    return all;
  }();
  return options;
}

void collect(const bj::value& value, const std::string& at, std::vector<Server>& servers) {
  for (const char* key : {"mcpServers", "servers"}) {
    const auto* found = json::member(value, key);
    const auto* entries = found == nullptr ? nullptr : found->if_object();
    if (entries == nullptr) continue;
    for (const auto& [name, entry] : *entries)
      if (const auto* object = entry.if_object())
        servers.push_back(
            {json::to_utf8(name), at + "/" + key + "/" + json::pointer_token({name.data(), name.size()}), object});
  }
}

std::vector<Server> servers_of(const bj::value& document) {
  std::vector<Server> servers;
  collect(document, "", servers);
  const auto* projects = json::member(document, "projects");
  if (const auto* each = projects == nullptr ? nullptr : projects->if_object())
    for (const auto& [path, project] : *each)
      collect(project, "/projects/" + json::pointer_token({path.data(), path.size()}), servers);
  return servers;
}

std::string_view text_at(const bj::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  const auto* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string_view() : std::string_view(text->data(), text->size());
}

/// Command and arguments as one line.
std::string command_of(const bj::object& server) {
  std::string line(text_at(server, "command"));
  const auto* args = server.if_contains("args");
  if (const auto* list = args == nullptr ? nullptr : args->if_array())
    for (const auto& arg : *list)
      if (const auto* text = arg.if_string()) line += " " + std::string(*text);
  return line;
}

/// Calls `take(name, value)` for each text of an object that may be missing.
template <class Take>
void each_text(const bj::object& server, std::string_view key, const Take& take) {
  const auto* value = server.if_contains(key);
  const auto* entries = value == nullptr ? nullptr : value->if_object();
  if (entries == nullptr) return;
  for (const auto& [name, member] : *entries)
    if (const auto* text = member.if_string())
      take(std::string_view(name.data(), name.size()), std::string_view(text->data(), text->size()));
}

/// Without name, password and query, where secrets may be.
std::string shown_address(const ScanAddress& address, std::string_view url) {
  auto port = url.substr(url.find("://") + 3);
  port = port.substr(0, port.find_first_of("/?#"));
  const auto colon = port.rfind(':');
  const bool has_port = colon != std::string_view::npos && port.find(']', colon) == std::string_view::npos &&
                        port.find('@', colon) == std::string_view::npos;
  return address.scheme + "://" + address.host + (has_port ? std::string(port.substr(colon)) : "");
}

}  // namespace

std::string_view severity_name(ScanSeverity severity) {
  switch (severity) {
    case S::info:
      return "INFO";
    case S::low:
      return "LOW";
    case S::medium:
      return "MEDIUM";
    case S::high:
      return "HIGH";
    case S::critical:
      return "CRITICAL";
  }
  return "";
}

const std::vector<ScanRule>& scan_rules() {
  static const std::vector<ScanRule> rules{
      {"MCP-001", S::critical, "Secret in a variable",
       "The configuration holds a secret. Name a variable of the environment instead, as ${NAME}."},
      {"MCP-002", S::critical, "Value that looks like a secret",
       "The value of a variable looks like a key or password. Name a variable of the environment instead, as ${NAME}."},
      {"MCP-003", S::high, "Shell syntax in a command",
       "The command holds what a shell would carry out. Start the server's program itself."},
      {"MCP-004", S::medium, "Protection switched off", "The server is started with a protection switched off."},
      {"MCP-005", S::high, "Secret in a header",
       "A header holds a secret. Name a variable of the environment instead."},
      {"MCP-006", S::medium, "Address without encryption", "Others on the way can read and change what is sent."},
      {"MCP-007", S::high, "Foreign server without https", "A server that is not on this machine needs https."},
      {"MCP-008", S::high, "Text that looks like a secret",
       "The file holds what looks like a key or password. Take it out, and make it invalid where it came from."},
      {"SKILL-001", S::high, "Prompt injection",
       "The text wants to change what the agent obeys, or to hide what it does."},
      {"SKILL-002", S::critical, "Access to credentials, or data sent away",
       "The text leads the agent to credentials, or has it send data to a foreign server."},
      {"SKILL-003", S::critical, "Destructive command", "The command destroys data or stops the machine."},
      {"SKILL-004", S::high, "Shell syntax in an example",
       "An example that an agent may carry out runs more than one command, or writes beyond its folder."},
      {"SCAN-001", S::info, "File cannot be read", "Nothing is known of its content."},
      {"SCAN-002", S::info, "File is no plain JSON", "Only its text was looked at, or only a part of what it says."},
      {"SCAN-003", S::info, "Kind of file is not supported", "Only .json and .md files are looked at."},
  };
  return rules;
}

AgentScanner::AgentScanner() : patterns_(std::make_unique<const ScanPatternSet>()) {}
AgentScanner::~AgentScanner() = default;

void AgentScanner::note(std::string_view rule, const std::string& file, const std::string& why, ScanReport& report) {
  ++report.unreadable;
  ScanFile(file, {}, report).add(rule, why);
}

namespace {

/// One server: where its parts stand is looked up only if there is something to say.
class ServerScan {
 public:
  ServerScan(const ScanPatternSet& patterns, const Server& server, const json::Located* located, ScanFile& file)
      : patterns_(patterns), server_(server), located_(located), file_(file) {}

  void scan() {
    scan_variables();
    scan_command();
    scan_headers();
    scan_address_of("url");
    scan_address_of("serverUrl");
    scan_address_of("endpoint");
  }

 private:
  void add(std::string_view rule, std::string evidence, const std::string& below) {
    const std::size_t line = located_ == nullptr ? 0 : located_->at(server_.pointer + below).line;
    file_.add(rule, std::move(evidence), line, server_.name);
  }

  void scan_variables() {
    each_text(*server_.entry, "env", [&](std::string_view name, std::string_view value) {
      const auto below = "/env/" + json::pointer_token(name);
      if (value.empty() || value.starts_with('$')) return;
      if (is_secret_name(name)) add("MCP-001", patterns_.evidence(name) + "=" + masked(value), below);
      if (const auto match = patterns_.secrets.first(value))
        add("MCP-002",
            patterns_.evidence(name) + ": " + std::string(match->what) + " " +
                masked(match->part.empty() ? value : match->part),
            below);
    });
  }

  void scan_command() {
    const auto line = command_of(*server_.entry);
    patterns_.shell.each(line, [&](const ScanMatch& match) {
      add("MCP-003", std::string(match.what) + ": " + patterns_.evidence(line), "/command");
      return false;
    });
    patterns_.flags.each(line, [&](const ScanMatch& match) {
      add("MCP-004", std::string(match.what), "/args");
      return false;
    });
  }

  void scan_headers() {
    each_text(*server_.entry, "headers", [&](std::string_view name, std::string_view value) {
      if (const auto match = patterns_.secrets.first(value))
        add("MCP-005",
            patterns_.evidence(name) + ": " + std::string(match->what) + " " +
                masked(match->part.empty() ? value : match->part),
            "/headers/" + json::pointer_token(name));
    });
  }

  void scan_address_of(std::string_view key) {
    const auto url = text_at(*server_.entry, key);
    const auto address = scan_address(url);
    if (address.host.empty() || is_local_host(address.host)) return;
    const auto below = "/" + std::string(key);
    const auto shown = patterns_.evidence(shown_address(address, url));
    if (address.scheme == "http") add("MCP-006", shown, below);
    if (address.scheme != "https") add("MCP-007", shown, below);
  }

  const ScanPatternSet& patterns_;
  const Server& server_;
  const json::Located* located_;
  ScanFile& file_;
};

}  // namespace

void AgentScanner::scan_config(const std::string& file, std::string_view text, ScanReport& report) const {
  ScanFile found(file, text, report);
  const auto located = json::parse_located(std::string(text));
  boost::system::error_code failed;
  const auto document = bj::parse({text.data(), text.size()}, failed, {}, lenient());
  if (!located) found.add("SCAN-002", patterns_->evidence(located.error().message), found.line_of(0));
  if (failed) {
    ++report.unreadable;
  } else {
    ++report.files;
    const auto servers = servers_of(document);
    report.servers += servers.size();
    for (const auto& server : servers) ServerScan(*patterns_, server, located ? &*located : nullptr, found).scan();
  }
  patterns_->secrets.each(text, [&](const ScanMatch& match) {
    const auto part = match.part.empty() ? text.substr(match.begin, match.end - match.begin) : match.part;
    if (!part.starts_with('$'))
      found.add("MCP-008", std::string(match.what) + ": " + masked(part), found.line_of(match.begin));
    return true;
  });
}

}  // namespace hillstar::policy
