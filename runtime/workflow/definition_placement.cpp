// SPDX-License-Identifier: Apache-2.0
// Where attempts of a node are made, and which files go with them.
#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "runtime/workflow/definition_parts.hpp"
#include "runtime/workflow/did_you_mean.hpp"
#include "runtime/workflow/labels.hpp"

namespace hillstar::workflow {
namespace {

namespace bj = boost::json;

constexpr Range kSlots{1, 1024, "slots"};
constexpr Range kCpus{1, 4096, "processors"};
constexpr Range kGpus{1, 1024, "GPUs"};
constexpr std::size_t kWordMax = 64;
constexpr std::size_t kPatternsMax = 64;
constexpr std::size_t kPatternMax = 256;

/// They talk to the run itself, on the host.
constexpr std::array<std::string_view, 5> kBound{"checkpoint", "input", "signal", "state", "workflow_run"};

constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A word that neither a shell nor an option of a command can take for something else.
bool is_word(std::string_view text, std::string_view besides) {
  if (text.empty() || text.size() > kWordMax || !(is_letter(text.front()) || is_digit(text.front()))) return false;
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_letter(c) || is_digit(c) || besides.find(c) != std::string_view::npos; });
}

class LabelReader {
 public:
  LabelReader(const FieldReader& placement, std::string_view name)
      : problems_(placement.problems()), at_(placement.place().key(name)), value_(placement.find(name)) {}

  std::map<std::string, std::string> read() {
    if (value_ == nullptr) return {};
    if (const auto* object = value_->if_object()) {
      for (const auto& [key, value] : *object) take({key.data(), key.size()}, value);
    } else if (value_->is_array()) {
      const auto words = strings_of(*value_, at_, problems_);
      for (std::size_t i = 0; i < words.size(); ++i) split(words[i], at_.element(i));
    } else {
      problems_.error(Errc::json_type, at_.pointer(), "expected labels, found " + kind_of(*value_),
                      "write {\"gpu\": true, \"site\": \"lab2\"} or [\"gpu\", \"site=lab2\"]");
    }
    if (labels_.size() > kLabelsMax)
      problems_.error(Errc::workflow_invalid, at_.pointer(), "more than " + std::to_string(kLabelsMax) + " labels");
    return std::move(labels_);
  }

 private:
  void take(std::string_view name, const bj::value& value) {
    const auto at = at_.key(name);
    if (value.is_bool() && value.get_bool()) return add(name, {}, at);
    if (const auto* text = value.if_string(); text != nullptr && !text->empty())
      return add(name, {text->data(), text->size()}, at);
    problems_.error(Errc::json_type, at.pointer(),
                    "expected true or the value of the label '" + std::string(name) + "', found " + kind_of(value),
                    "leave out a label that does not matter");
  }

  void split(const std::string& word, const Place& at) {
    const auto equals = word.find('=');
    if (equals == std::string::npos) return add(word, {}, at);
    if (equals + 1 == word.size())
      return problems_.error(Errc::workflow_invalid, at.pointer(), "the label '" + word + "' has an empty value",
                             "write the name alone if any value will do");
    add(std::string_view(word).substr(0, equals), std::string_view(word).substr(equals + 1), at);
  }

  void add(std::string_view name, std::string_view value, const Place& at) {
    if (!is_label_word(name) || (!value.empty() && !is_label_word(value)))
      return problems_.error(Errc::workflow_invalid, at.pointer(), "this is no label", std::string(kLabelHint));
    if (!labels_.emplace(name, value).second)
      problems_.error(Errc::workflow_invalid, at.pointer(), "the label '" + std::string(name) + "' is there twice");
  }

  Problems& problems_;
  Place at_;
  const bj::value* value_;
  std::map<std::string, std::string> labels_;
};

/// Elsewhere an unknown name has no effect; here it would send data to a machine that the author did not mean.
void refuse_unknown(const FieldReader& reader, const bj::object& object, Section section) {
  const auto& names = fields_of(section);
  for (const auto& [key, value] : object) {
    const std::string_view name(key.data(), key.size());
    if (std::find(names.begin(), names.end(), name) != names.end() || is_private_field(name)) continue;
    auto hint = reader.problems().suggest(name, names);
    if (hint.empty()) hint = "there are " + one_of(names);
    reader.problems().error(Errc::workflow_invalid, reader.place().key(name).pointer(),
                            "unknown field '" + std::string(name) + "'", std::move(hint));
  }
}

/// A word of sbatch; empty if absent or refused.
std::string slurm_word(const FieldReader& slurm, std::string_view name, std::string_view besides,
                       const char* hint = "up to 64 letters, digits, '_', '-' and '.', a letter or digit first") {
  const auto text = slurm.string(name);
  if (!text || is_word(*text, besides)) return text.value_or("");
  slurm.problems().error(Errc::workflow_invalid, slurm.place().key(name).pointer(),
                         "'" + std::string(name) + "' is nothing that sbatch can be given", hint);
  return {};
}

std::optional<SlurmJob> read_slurm(const FieldReader& placement) {
  const auto* object = placement.object("slurm");
  if (object == nullptr) return std::nullopt;
  const auto at = placement.place().key("slurm");
  const FieldReader reader(*object, at, placement.problems());
  refuse_unknown(reader, *object, Section::slurm);
  SlurmJob job;
  job.partition = slurm_word(reader, "partition", "_-.,", "a name of a partition, or several with commas between");
  job.time = slurm_word(reader, "time", ":-", "such as \"30\" (minutes), \"2:00:00\" or \"1-12\" (a day and a half)");
  if (const auto cpus = reader.integer("cpus", kCpus)) job.cpus = static_cast<std::uint32_t>(*cpus);
  job.memory = slurm_word(reader, "mem", "", "such as \"4G\" or \"500M\"");
  if (const auto* gpus = reader.find("gpus"); gpus != nullptr && gpus->is_number()) {
    if (const auto count = reader.integer("gpus", kGpus)) job.gpus = std::to_string(*count);
  } else {
    job.gpus = slurm_word(reader, "gpus", "_-.:,", "such as 2, \"2\" or \"a100:2\"");
  }
  job.account = slurm_word(reader, "account", "_-.");
  job.qos = slurm_word(reader, "qos", "_-.");
  return job;
}

/// `spread` or `sticky`, as the author wrote it.
PlaceRule read_rule(const FieldReader& reader) {
  const bool spread = reader.boolean("spread").value_or(false);
  const bool sticky = reader.boolean("sticky").value_or(false);
  if (spread && sticky)
    reader.problems().error(Errc::workflow_invalid, reader.place().key("sticky").pointer(),
                            "'spread' and 'sticky' contradict each other", "write one of them");
  return spread ? PlaceRule::spread : sticky ? PlaceRule::sticky : PlaceRule::any;
}

void check_slurm(const FieldReader& reader, const std::string& tool) {
  auto& problems = reader.problems();
  const auto at = reader.place().key("slurm");
  if (tool != "script_run" && !tool.empty())
    problems.error(Errc::workflow_invalid, at.pointer(), "only script_run can be a job of a cluster, not " + tool);
  for (const auto* name : {"labels", "prefer", "slots", "spread", "sticky"}) {
    if (reader.find(name) != nullptr)
      problems.error(Errc::workflow_invalid, reader.place().key(name).pointer(),
                     "'" + std::string(name) + "' is for workers, and 'slurm' is for a cluster",
                     "say in 'slurm' what the job needs");
  }
}

std::optional<Placement> read_place(const FieldReader& node, const std::string& tool) {
  const auto* object = node.object("placement");
  if (object == nullptr) return std::nullopt;
  const auto at = node.place().key("placement");
  const FieldReader reader(*object, at, node.problems());
  refuse_unknown(reader, *object, Section::placement);
  if (std::find(kBound.begin(), kBound.end(), tool) != kBound.end())
    node.problems().error(Errc::workflow_invalid, at.pointer(),
                          "a node with tool '" + tool + "' cannot be made elsewhere: it belongs to the run itself",
                          "take 'placement' away");
  Placement placement;
  placement.labels = LabelReader(reader, "labels").read();
  placement.prefer = LabelReader(reader, "prefer").read();
  if (const auto slots = reader.integer("slots", kSlots)) placement.slots = static_cast<std::uint32_t>(*slots);
  placement.rule = read_rule(reader);
  placement.slurm = read_slurm(reader);
  if (placement.slurm) check_slurm(reader, tool);
  return placement;
}

/// What is wrong with a pattern of files; empty if nothing is.
std::string problem_with(std::string_view pattern) {
  if (pattern.empty()) return "it is empty";
  if (pattern.size() > kPatternMax) return "it has more than " + std::to_string(kPatternMax) + " bytes";
  if (pattern.find('\0') != std::string_view::npos) return "it has a NUL in it";
  if (pattern.front() == '/') return "it is not relative to the workspace";
  for (std::size_t at = 0; at <= pattern.size();) {
    const auto slash = std::min(pattern.find('/', at), pattern.size());
    const auto part = pattern.substr(at, slash - at);
    if (part == "..") return "it leads out of the workspace";
    if (part == "." || (part.empty() && slash < pattern.size())) return "a part of it is empty or '.'";
    at = slash + 1;
  }
  return {};
}

std::vector<std::string> read_patterns(const FieldReader& node, std::string_view name) {
  auto patterns = node.strings(name);
  const auto at = node.place().key(name);
  if (patterns.size() > kPatternsMax)
    node.problems().error(Errc::workflow_invalid, at.pointer(),
                          "more than " + std::to_string(kPatternsMax) + " patterns",
                          "a pattern such as data/** stands for many files");
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    const auto problem = problem_with(patterns[i]);
    if (!problem.empty())
      node.problems().error(Errc::workflow_invalid, at.element(i).pointer(), "no pattern of files: " + problem,
                            "write one such as data/*.csv");
  }
  return patterns;
}

}  // namespace

void read_placement(const FieldReader& node, PlanNode& draft) {
  draft.placement = read_place(node, draft.tool);
  draft.files_in = read_patterns(node, "files_in");
  draft.files_out = read_patterns(node, "files_out");
  if (node.find("placement") != nullptr) return;
  for (const auto* name : {"files_in", "files_out"}) {
    if (node.find(name) != nullptr)
      node.problems().warning(node.place().key(name).pointer(),
                              "'" + std::string(name) + "' has no effect without 'placement'",
                              "on the host a node has the whole workspace");
  }
}

}  // namespace hillstar::workflow
