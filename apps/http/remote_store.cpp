// SPDX-License-Identifier: Apache-2.0
#include "apps/http/remote_store.hpp"

#include <algorithm>

#include "apps/http/api_context.hpp"
#include "messages/json_codec.hpp"
#include "persistence/limits.hpp"
#include "runtime/platform/hash.hpp"
#include "runtime/platform/id_source.hpp"

namespace hillstar::http {
namespace {

namespace bj = boost::json;
using persistence::Record;

constexpr std::size_t kPageMax = 1'000;
/// What a line of records has besides the record.
constexpr std::size_t kLinkBytesMax = 1'000;

Error only_reads() { return {Errc::usage, "The store of a service is not written from elsewhere."}; }

/// Whoever answers in other words is of another version.
Error other_words(const Error& error) {
  return {Errc::host_protocol, "The service answers in words of another version: " + error.message + ".", error.where,
          "Use the same version of hillstar-actors on both sides."};
}

Result<run::Summary> row_of(const bj::value& value) {
  auto row = json::read<run::Summary>(value);
  if (!row) return other_words(row.error());
  return row;
}

/// A record and the hash that it says the one before it has.
struct Linked {
  Record record;
  persistence::Hash before{};
};

Result<Linked> record_of(std::string_view line, const RunId& run) {
  const auto parsed = json::parse(
      line, {.bytes_max = persistence::kRecordBytesMax + kLinkBytesMax, .depth_max = persistence::kRecordDepthMax + 1});
  if (!parsed) return other_words(parsed.error());
  const auto* event = json::member(*parsed, "event");
  const auto* hash = json::member(*parsed, "hash");
  const auto* prev = json::member(*parsed, "prev");
  const auto known = [](const bj::value* text) {
    return text != nullptr && text->is_string() ? persistence::hash_from_hex(text->get_string()) : std::nullopt;
  };
  const auto here = known(hash);
  const auto before = known(prev);
  if (event == nullptr || !event->is_object() || !here || !before)
    return other_words({Errc::json_type, "a line of records has another form"});
  const auto* seq = json::member(*event, "seq");
  Record record;
  record.seq = seq != nullptr && seq->is_int64() ? static_cast<std::uint64_t>(seq->get_int64()) : 0;
  record.hash = *here;
  record.line = json::canonical(*event);
  if (persistence::link(*before, record.line) != *here)
    return Error{
        Errc::chain_broken, "A record does not have its hash.", run.str() + " event " + std::to_string(record.seq), {}};
  return Linked{std::move(record), *before};
}

/// In the words of a store that lies here.
Error no_run(std::string message) {
  return {Errc::run_not_found, std::move(message), {}, "`hillstar-actors ls` shows the runs."};
}

std::string history_path(const RunId& id) {
  return is_run_history(id) ? run_path(id) : "/v1/histories/" + encoded(id.str());
}

Result<bj::array> array_of(const std::string& text) {
  auto parsed = json::parse(text);
  if (!parsed || !parsed->is_array()) return other_words({Errc::json_type, "a list is no array"});
  return std::move(parsed->get_array());
}

class RemoteStore final : public persistence::EventStore {
 public:
  explicit RemoteStore(std::shared_ptr<const Remote> remote) : remote_(std::move(remote)) {}

  Result<std::vector<std::size_t>> commit(const std::vector<persistence::Append>&) override { return only_reads(); }
  Result<std::string> put_blob(std::string_view) override { return only_reads(); }
  std::unique_ptr<BlobSink> blob_sink() override { return nullptr; }
  [[nodiscard]] persistence::LogHead head() const override { return {}; }

  [[nodiscard]] Result<std::vector<Recorded>> read(const RunId& run) const override {
    HILLSTAR_TRY(const auto records, read_records(run, 1, SIZE_MAX));
    std::vector<Recorded> history;
    history.reserve(records.size());
    for (const auto& record : records) {
      auto recorded = persistence::decode(record.line, run);
      if (!recorded) return other_words(recorded.error());
      history.push_back(std::move(recorded).value());
    }
    return history;
  }

  [[nodiscard]] Result<std::vector<Record>> read_records(const RunId& run, std::uint64_t from,
                                                         std::size_t limit) const override {
    std::vector<Record> records;
    std::optional<persistence::Hash> previous;
    if (from <= 1) previous.emplace();
    for (bool more = true; more && records.size() < limit;) {
      const auto path = history_path(run) + "/records?from=" + std::to_string(from) +
                        "&limit=" + std::to_string(std::min(limit - records.size(), kPageMax));
      HILLSTAR_TRY(const auto page, remote_->get(path));
      std::string_view rest = page.body;
      while (!rest.empty()) {
        const auto line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        HILLSTAR_TRY(auto next, record_of(line, run));
        const auto& record = next.record;
        const auto broken = [&](const char* what) {
          return Error{Errc::chain_broken, what, run.str() + " event " + std::to_string(from), {}};
        };
        if (record.seq != from) return broken("A record is missing.");
        if (previous && next.before != *previous) return broken("A record does not follow the one before it.");
        previous = record.hash;
        ++from;
        records.push_back(std::move(next.record));
      }
      more = page.more && !page.body.empty();  // an empty page leads nowhere, whatever it says
    }
    return records;
  }

  Result<void> list(const std::function<bool(const run::Summary&)>& visit) const override {
    persistence::RunQuery all;
    all.limit = persistence::kPageRowsMax;
    for (;;) {
      HILLSTAR_TRY(const auto page, query(all));
      for (const auto& row : page.rows)
        if (!visit(row)) return {};
      if (!page.more || page.rows.empty()) return {};
      all.before = page.rows.back().run;
    }
  }

  [[nodiscard]] Result<persistence::RunPage> query(const persistence::RunQuery& asked) const override {
    std::string path = "/v1/runs?limit=" + std::to_string(asked.limit);
    const auto add = [&path](const char* name, const std::string& value) {
      path += std::string("&") + name + "=" + encoded(value);
    };
    std::string statuses;
    for (const auto& status : asked.statuses) statuses += (statuses.empty() ? "" : ",") + status;
    if (!statuses.empty()) add("status", statuses);
    if (asked.workflow) add("workflow", asked.workflow->str());
    if (asked.stream) add("stream", *asked.stream);
    if (asked.above) add("part_of", asked.above->str());
    if (asked.correlation) add("correlation", *asked.correlation);
    if (asked.label) add("label", asked.label->first + "=" + asked.label->second);
    if (asked.since) add("since", to_rfc3339(*asked.since));
    if (asked.until) add("until", to_rfc3339(*asked.until));
    if (asked.before) {
      // Behind all ids that begin so: the service knows whole ids alone.
      auto before = asked.before->str();
      if (!is_run_id(before)) {
        while (before.ends_with('~')) before.pop_back();
        before.resize(persistence::kRunIdBytes, 'Z');
      }
      if (!is_run_id(before)) return persistence::RunPage();
      add("before", before);
    }
    HILLSTAR_TRY(const auto page, remote_->get(path));
    HILLSTAR_TRY(const auto rows, array_of(page.body));
    persistence::RunPage found;
    for (const auto& value : rows) {
      HILLSTAR_TRY(auto row, row_of(value));
      if (!asked.key || row.key == asked.key) found.rows.push_back(std::move(row));
    }
    found.more = page.more;
    return found;
  }

  [[nodiscard]] Result<std::vector<RunId>> histories(char letter) const override {
    HILLSTAR_TRY(const auto page, remote_->get("/v1/histories"));
    HILLSTAR_TRY(const auto rows, array_of(page.body));
    std::vector<RunId> ids;
    for (const auto& value : rows) {
      HILLSTAR_TRY(auto row, row_of(value));
      if (row.run.str().starts_with(letter)) ids.push_back(std::move(row.run));
    }
    return ids;
  }

  [[nodiscard]] Result<run::Summary> summary(const RunId& run) const override {
    // What is no id is not asked for.
    if (!is_run_id(run.str()) && is_run_history(run)) return no_run("there is no run " + run.str() + ".");
    const auto page = remote_->get(history_path(run));
    if (!page) return page.error().code == Errc::run_not_found ? no_run(page.error().message) : page.error();
    const auto shown = json::parse(page->body);
    if (!shown || !shown->is_object()) return other_words({Errc::json_type, "a run is no object"});
    auto row = shown->get_object();
    for (const auto* more : {"nodes_detail", "inputs", "workspace", "output_dir", "started_by", "engine",
                             "workflow_sha256", "air_gapped", "endpoints", "parts"})
      row.erase(more);
    return row_of(row);
  }

  [[nodiscard]] Result<std::string> read_blob(const std::string& sha256) const override {
    std::string bytes;
    HILLSTAR_CHECK(blob_pages(sha256, [&bytes](std::string_view piece) -> Result<void> {
      bytes += piece;
      return {};
    }));
    return bytes;
  }
  /// A blob of one page is read once, a larger one twice: nothing is handed on before all of it was looked at.
  [[nodiscard]] Result<void> copy_blob(const std::string& sha256,
                                       const std::function<Result<void>(std::string_view)>& take) const override {
    std::string first;
    std::size_t pages = 0;
    HILLSTAR_CHECK(blob_pages(sha256, [&](std::string_view piece) -> Result<void> {
      if (++pages == 1) first = piece;
      return {};
    }));
    return pages <= 1 ? take(first) : blob_pages(sha256, take);
  }
  [[nodiscard]] bool has_blob(const std::string& sha256) const override { return read_blob(sha256).has_value(); }

 private:
  /// Page by page; an error at the end if all of them together are not what the name says.
  Result<void> blob_pages(const std::string& sha256, const std::function<Result<void>(std::string_view)>& take) const {
    Sha256Stream hash;
    std::uint64_t from = 0;
    for (bool more = true; more;) {
      const auto path = "/v1/blobs/" + encoded(sha256);
      const auto page = remote_->get(from == 0 ? path : path + "?from=" + std::to_string(from));
      if (!page && page.error().code == Errc::not_found)
        return Error{Errc::blob_missing, page.error().message, sha256, {}};
      if (!page) return page.error();
      hash.append(page->body);
      from += page->body.size();
      more = page->more && !page->body.empty();
      HILLSTAR_CHECK(take(page->body));
    }
    if (to_hex(hash.finish()) == sha256) return {};
    return Error{Errc::blob_missing, "A blob came with other bytes than its name says.", sha256, {}};
  }

  std::shared_ptr<const Remote> remote_;
};

}  // namespace

std::shared_ptr<persistence::EventStore> remote_store(std::shared_ptr<const Remote> remote) {
  return std::make_shared<RemoteStore>(std::move(remote));
}

}  // namespace hillstar::http
