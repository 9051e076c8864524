// SPDX-License-Identifier: Apache-2.0
#include "runtime/tools/script_cage.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "runtime/platform/sandbox_folders.hpp"
#include "runtime/policy/script_variables.hpp"
#include "runtime/tools/bubblewrap.hpp"
#include "runtime/tools/standard_tools.hpp"

namespace hillstar::tools {
namespace {

using workflow::SandboxProfile;

/// What programs say when a file, a host or a call was refused them.
constexpr std::array<std::string_view, 4> kFileWords{"ermission denied", "EACCES", "peration not permitted",
                                                     "ead-only file system"};
constexpr std::array<std::string_view, 6> kNetworkWords{
    "etwork is unreachable", "ame or service not known", "emporary failure in name resolution",
    "ould not resolve host", "ould not be resolved",     "peration not permitted"};

bool is_word_character(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool names(std::string_view text, std::string_view variable) {
  for (auto at = text.find(variable); at != std::string_view::npos; at = text.find(variable, at + 1)) {
    const auto end = at + variable.size();
    if ((at == 0 || !is_word_character(text[at - 1])) && (end == text.size() || !is_word_character(text[end])))
      return true;
  }
  return false;
}

template <std::size_t N>
bool says_one_of(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

SandboxFolders folders_of(const RunContext& run, const SandboxWish& wish, const ProcessSpec& spec,
                          const std::string& store) {
  SandboxPlaces places;
  places.store = store;
  places.environment = run.environment;
  places.workspace = run.workspace;
  places.cwd = spec.cwd;
  if (spec.program != "/bin/sh") places.program = spec.program;
  places.read = wish.asked.read;
  places.write = wish.asked.write;
  places.write.insert(places.write.end(), run.allow_paths.begin(), run.allow_paths.end());
  if (!run.output_dir.empty()) places.write.push_back(run.output_dir);
  return sandbox_folders(places);
}

void wrap_in_bubblewrap(ProcessSpec& spec, BubblewrapView view) {
  auto command = spec.arguments;
  command.front() = spec.program;
  view.cwd = spec.cwd;
  spec.program = view.program;
  spec.arguments = bubblewrap_command(view, command);
}

}  // namespace

std::optional<Json> ShutIn::detail() const {
  namespace bj = boost::json;
  bj::object out;
  if (wish.asked.profile != SandboxProfile::standard)
    out["profile"] = boost::describe::enum_to_string(wish.asked.profile, "?");
  if (wants_no_network(wish)) out["network"] = false;
  if (!missing.empty()) {
    auto& list = out["missing"].emplace_array();
    for (const auto gap : missing) list.emplace_back(boost::describe::enum_to_string(gap, "?"));
  }
  if (out.empty()) return std::nullopt;
  return Json::of(bj::object{{"sandbox", std::move(out)}});
}

std::string ShutIn::hint(std::string_view script, std::string_view words) const {
  std::string secrets;
  for (const auto& name : withheld)
    if (names(words, name) || names(script, name)) secrets += (secrets.empty() ? "" : ", ") + name;
  std::string result;
  if (!secrets.empty())
    result += " [withheld from the script: " + secrets + "; \"sandbox\": {\"env\": [...]} names what it may see]";
  if (wants_no_network(wish) && says_one_of(words, kNetworkWords))
    result += std::string(" [the script has no network: ") +
              (wish.air_gapped ? "the run is air-gapped]" : "its node says \"network\": false]");
  else if (closes_files && says_one_of(words, kFileWords))
    result +=
        " [scripts read and write what their sandbox opens: \"sandbox\": {\"read\": [...], \"write\": [...]} "
        "adds folders]";
  return result;
}

ScriptCage::ScriptCage(std::string store) : store_(std::move(store)), abilities_(probe_sandbox(SandboxProbe::quick)) {}

const NetworkCell* ScriptCage::cell(SandboxAbilities& abilities) {
  std::call_once(tried_, [this] {
    auto made = NetworkCell::make();
    if (made)
      cell_ = std::move(made).value();
    else
      cell_error_ = made.error().message;
  });
  abilities.network_namespace = cell_.has_value();
  abilities.namespace_error = cell_error_;
  return cell_ ? &*cell_ : nullptr;
}

Result<void> ScriptCage::shut_in(const ToolCall& call, const RunContext& run, ProcessSpec& spec, ShutIn& made) {
  made.wish.asked = call.sandbox.value_or(workflow::Sandbox());
  made.wish.air_gapped = run.air_gapped;
  if (run.rules != nullptr) {
    made.wish.allows_none = run.rules->sandbox.allow_none;
    made.wish.allows_network = run.rules->air_gap.allow_script_network;
    made.wish.allows_unconfined = run.rules->air_gap.allow_unconfined_scripts;
  }
  const auto profile = made.wish.asked.profile;
  auto abilities = abilities_;
  const NetworkCell* shared = nullptr;
  if (wants_no_network(made.wish) && profile != SandboxProfile::bubblewrap) shared = cell(abilities);
  auto decision = decide_sandbox(made.wish, abilities);
  if (!decision.refusal.empty()) return Error(Errc::sandbox_refused, decision.refusal);
  made.missing = std::move(decision.missing);
  made.closes_files = decision.uses_bubblewrap || decision.layers.files.has_value();

  if (profile != SandboxProfile::none) {
    auto variables = policy::script_variables(run.environment, made.wish.asked.env, run.redactor);
    made.withheld = std::move(variables.withheld);
    spec.environment = tool_environment(call, run, std::move(variables.given));
  }
  if (made.closes_files) {
    auto folders = folders_of(run, made.wish, spec, store_);
    if (decision.uses_bubblewrap) {
      BubblewrapView view;
      view.program = abilities.bubblewrap;
      view.folders = std::move(folders);
      view.no_network = wants_no_network(made.wish);
      view.has_filter = decision.layers.filters_calls;
      view.is_root = geteuid() == 0;
      wrap_in_bubblewrap(spec, std::move(view));
    } else {
      decision.layers.files = std::move(folders.files);
    }
  }
  HILLSTAR_TRY(made.confinement, Confinement::make(decision.layers, abilities.landlock, shared));
  spec.confinement = &made.confinement;
  return {};
}

}  // namespace hillstar::tools
