// SPDX-License-Identifier: Apache-2.0
#include "runtime/state/cells.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "messages/error.hpp"
#include "messages/json.hpp"

namespace hillstar::state {
namespace {

namespace bj = boost::json;

Refused refuse(FailureClass kind, std::string message) { return {Failure{kind, std::move(message), {}}, {}}; }

std::string quoted(const std::string& key) { return "'" + json::to_utf8(key.substr(0, 80)) + "'"; }

std::string what_is_there(const StateCell& cell) {
  if (cell.version == 0) return "there is no value";
  return cell.removed ? "it was removed, by version " + std::to_string(cell.version)
                      : "it is at version " + std::to_string(cell.version);
}

/// The sum, or nothing if it is none: no numbers, or too large.
std::optional<bj::value> sum(const bj::value& a, const bj::value& b) {
  const auto whole = [](const bj::value& value) { return value.is_int64(); };
  if (whole(a) && whole(b)) {
    std::int64_t result = 0;
    if (__builtin_add_overflow(a.get_int64(), b.get_int64(), &result)) return std::nullopt;
    return bj::value(result);
  }
  const auto result = a.to_number<double>() + b.to_number<double>();
  if (!std::isfinite(result)) return std::nullopt;
  return bj::value(result);
}

/// A number that can be added: canonical text has whole ones beyond 64 signed bits as something else.
std::optional<bj::value> number_in(const Json& text) {
  auto value = text.value();
  if (value.is_uint64()) return std::nullopt;
  return value.is_number() ? std::optional(std::move(value)) : std::nullopt;
}

/// One request against cells that stay as they are: what it changes lies on top of them.
class Application {
 public:
  Application(const Cells& cells, const StateRequest& request) : cells_(cells), request_(request) {}

  std::variant<Applied, Refused> run() {
    if (request_.op != StateOp::batch && request_.operations.size() != 1)
      return refuse(FailureClass::invalid_input, "a request that is no batch has one operation");
    if (request_.operations.size() > kOperationsMax)
      return refuse(FailureClass::invalid_input, "the batch has " + std::to_string(request_.operations.size()) +
                                                     " operations; at most " + std::to_string(kOperationsMax) +
                                                     " are taken");
    for (std::size_t i = 0; i < request_.operations.size(); ++i) {
      auto refused = perform(request_.operations[i]);
      if (!refused) continue;
      if (request_.op == StateOp::batch)
        refused->failure.message = "operation " + std::to_string(i) + ": " + refused->failure.message;
      return *std::move(refused);
    }
    if (auto refused = check_bounds()) return *std::move(refused);
    return answer();
  }

 private:
  std::optional<Refused> perform(const StateOperation& operation) {
    const bool within = operation.op != StateOp::batch &&
                        (request_.op == operation.op || (request_.op == StateOp::batch && !only_reads(operation.op)));
    if (!within) return refuse(FailureClass::invalid_input, "a batch holds put, cas, add and remove");
    const auto& key = operation.key;
    if (key.size() > kKeyBytesMax || (key.empty() && operation.op != StateOp::list))
      return refuse(FailureClass::invalid_input,
                    "a key has 1 to " + std::to_string(kKeyBytesMax) + " bytes, not " + std::to_string(key.size()));
    if (only_reads(operation.op)) return std::nullopt;
    const bool names_version = operation.op == StateOp::cas || (request_.versioned && operation.op != StateOp::add);
    if (names_version && !operation.expected_version)
      return refuse(FailureClass::invalid_input,
                    "a change of " + quoted(key) + " must name the version that it replaces (expected_version)" +
                        (operation.op == StateOp::cas ? "" : ": the run's isolation is synchronized"));
    const auto now = current(key);
    const auto& expected = operation.expected_version;
    const bool is_there = now.version > 0 && !now.removed;
    if (expected && *expected != now.version && !(*expected == 0 && !is_there))
      return conflict(now, quoted(key) + " is expected " +
                               (*expected == 0 ? "not to be there" : "at version " + std::to_string(*expected)) +
                               ", but " + what_is_there(now));
    if (operation.op == StateOp::remove) return remove(now);
    return operation.op == StateOp::add ? add(now, operation) : put(now, operation.value);
  }

  [[nodiscard]] StateCell current(const std::string& key) const {
    if (const auto changed = changes_.find(key); changed != changes_.end()) return changed->second;
    const auto* cell = cells_.find(key);
    return cell != nullptr ? *cell : StateCell{key, 0, {}, false};
  }

  static Refused conflict(const StateCell& cell, std::string message) {
    return {Failure{FailureClass::conflict, std::move(message), {}}, cell};
  }

  std::optional<Refused> put(const StateCell& now, Json value) {
    if (value.text().size() > kValueBytesMax)
      return refuse(FailureClass::invalid_input, "the value of " + quoted(now.key) + " has " +
                                                     std::to_string(value.text().size()) + " bytes; at most " +
                                                     std::to_string(kValueBytesMax) +
                                                     " are taken: put what is larger into a file, and its path here");
    written_ += value.text().size();
    change({now.key, 0, std::move(value), false});
    return std::nullopt;
  }

  std::optional<Refused> remove(const StateCell& now) {
    // What is not there is removed already.
    if (now.version > 0 && !now.removed) change({now.key, 0, {}, true});
    return std::nullopt;
  }

  std::optional<Refused> add(const StateCell& now, const StateOperation& operation) {
    const auto by = number_in(operation.by);
    if (!by)
      return refuse(FailureClass::invalid_input, "what is added to " + quoted(now.key) + " is no number: " +
                                                     json::to_utf8(operation.by.text().substr(0, 80)));
    const bool is_there = now.version > 0 && !now.removed;
    const auto before = is_there ? number_in(now.value) : std::optional(bj::value(0));
    if (!before) return conflict(now, quoted(now.key) + " holds no number, so nothing can be added to it");
    const auto after = sum(*before, *by);
    if (!after) return conflict(now, "the sum in " + quoted(now.key) + " would be too large for a number");
    return put(now, Json::of(*after));
  }

  /// A key that changes twice in a batch is one change: nobody could see it in between.
  void change(StateCell cell) {
    const auto* before = cells_.find(cell.key);
    cell.version = (before != nullptr ? before->version : 0) + 1;
    changes_.insert_or_assign(cell.key, std::move(cell));
  }

  std::optional<Refused> check_bounds() const {
    if (written_ > kWriteBytesMax)
      return refuse(FailureClass::invalid_input, "the batch writes " + std::to_string(written_) + " bytes; at most " +
                                                     std::to_string(kWriteBytesMax) + " are written at once");
    std::size_t keys = cells_.all().size();
    std::uint64_t bytes = cells_.bytes();
    for (const auto& [key, cell] : changes_) {
      const auto* before = cells_.find(key);
      if (before == nullptr) ++keys;
      bytes += (before == nullptr ? key.size() : 0) + (cell.removed ? 0 : cell.value.text().size());
      bytes -= before != nullptr && !before->removed ? before->value.text().size() : 0;
    }
    const auto bytes_max = request_.scope == StateScope::run ? kRunBytesMax : kSharedBytesMax;
    if (keys > kKeysMax && keys > cells_.all().size())
      return refuse(FailureClass::output_limit,
                    "the state has " + std::to_string(kKeysMax) + " keys, removed ones included, and takes no more");
    if (bytes > bytes_max && bytes > cells_.bytes())
      return refuse(FailureClass::output_limit, "the state would have " + std::to_string(bytes) + " bytes; at most " +
                                                    std::to_string(bytes_max) + " are kept");
    return std::nullopt;
  }

  std::variant<Applied, Refused> answer() {
    Applied applied;
    StateChanged change;
    for (const auto& [key, cell] : changes_) change.cells.push_back(cell);
    // What was asked and is already so is answered with what is there.
    if (change.cells.empty() && request_.op != StateOp::list && !request_.operations.empty())
      change.cells.push_back(current(request_.operations.front().key));
    if (request_.op == StateOp::list) {
      if (auto refused = list(change.cells)) return *std::move(refused);
    }
    applied.answer = answer_to(request_, change);
    for (auto& [key, cell] : changes_) applied.changes.push_back(std::move(cell));
    return applied;
  }

  std::optional<Refused> list(std::vector<StateCell>& found) const {
    const auto& prefix = request_.operations.front().key;
    std::size_t bytes = 0;
    for (auto at = cells_.all().lower_bound(prefix); at != cells_.all().end() && at->first.starts_with(prefix); ++at) {
      if (at->second.removed) continue;
      bytes += 2 * at->first.size() + at->second.value.text().size();
      if (bytes > kAnswerBytesMax)
        return refuse(FailureClass::output_limit, "the list has more than " + std::to_string(kAnswerBytesMax) +
                                                      " bytes: ask for keys that begin with something ('key')");
      found.push_back(at->second);
    }
    return std::nullopt;
  }

  const Cells& cells_;
  const StateRequest& request_;
  std::map<std::string, StateCell> changes_;
  std::size_t written_ = 0;
};

std::string member(std::string_view name, std::string_view value) {
  std::string text;
  json::append_string(text, name);
  return text + ":" + std::string(value);
}

}  // namespace

const StateCell* Cells::find(const std::string& key) const {
  const auto found = cells_.find(key);
  return found == cells_.end() ? nullptr : &found->second;
}

const StateCell* Cells::live(const std::string& key) const {
  const auto* cell = find(key);
  return cell != nullptr && !cell->removed ? cell : nullptr;
}

void Cells::set(const StateCell& cell) {
  const auto [entry, is_new] = cells_.try_emplace(cell.key);
  auto& now = entry->second;
  if (is_new) {
    bytes_ += cell.key.size();
  } else if (!now.removed) {
    bytes_ -= now.value.text().size();
    --live_;
  }
  now = cell;
  if (now.removed) {
    now.value = {};
    return;
  }
  bytes_ += now.value.text().size();
  ++live_;
}

void fold(Cells& cells, const StateChanged& change) {
  for (const auto& cell : change.cells) {
    const auto* before = cells.find(cell.key);
    // A fork begins with cells at the versions that they had.
    const bool follows = before == nullptr ? cell.version > 0 : cell.version == before->version + 1;
    HILLSTAR_ASSERT(follows);
    cells.set(cell);
  }
}

Error error_of(const Refused& refused) {
  const auto& failure = refused.failure;
  if (refused.conflict)
    return {Errc::state_conflict, failure.message + ".", refused.conflict->key,
            "Read it again, and write with the version that it has then."};
  return {failure.kind == FailureClass::output_limit ? Errc::too_large : Errc::inputs_invalid, failure.message + "."};
}

std::variant<Applied, Refused> apply(const Cells& cells, const StateRequest& request) {
  return Application(cells, request).run();
}

Json answer_to(const StateRequest& request, const StateChanged& done) {
  if (request.op == StateOp::batch || request.op == StateOp::list) {
    std::vector<StateCell> cells = done.cells;
    std::sort(cells.begin(), cells.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
    bj::object output;
    bj::object versions;
    for (const auto& cell : cells) {
      if (!cell.removed) output[cell.key] = cell.value.value();
      versions[cell.key] = cell.version;
    }
    return Json::of(bj::object{{"count", output.size()}, {"output", output}, {"versions", versions}});
  }
  const auto cell = done.cells.empty() ? StateCell{} : done.cells.front();
  const bool is_there = cell.version > 0 && !cell.removed;
  const auto& value = is_there ? cell.value.text() : Json().text();
  const bool reads = request.op == StateOp::get;
  return Json::from_canonical("{" + (reads ? member("found", is_there ? "true" : "false") + "," : "") +
                              member("output", value) + "," + member("value", value) + "," +
                              member("version", std::to_string(cell.version)) + "}");
}

Json conflict_answer(const StateCell& cell) {
  std::string key;
  json::append_string(key, cell.key);
  const bool is_there = cell.version > 0 && !cell.removed;
  return Json::from_canonical("{" + member("conflict", "true") + "," + member("key", key) + "," +
                              member("value", is_there ? cell.value.text() : "null") + "," +
                              member("version", std::to_string(cell.version)) + "}");
}

}  // namespace hillstar::state
