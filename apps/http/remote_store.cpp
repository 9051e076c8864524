// SPDX-License-Identifier: Apache-2.0
#include "apps/http/remote_store.hpp"

#include <algorithm>

#include "apps/http/api_context.hpp"
#include "messages/json_codec.hpp"
#include "runtime/platform/hash.hpp"

namespace hillstar::http {
namespace {

namespace bj = boost::json;
using persistence::Record;

constexpr std::size_t kPageMax = 1'000;

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

Result<Record> record_of(std::string_view line, const RunId& run) {
  const auto parsed = json::parse(line);
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
  return record;
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
    for (bool more = true; more && records.size() < limit;) {
      const auto path = run_path(run) + "/records?from=" + std::to_string(from) +
                        "&limit=" + std::to_string(std::min(limit - records.size(), kPageMax));
      HILLSTAR_TRY(const auto page, remote_->get(path));
      std::string_view rest = page.body;
      while (!rest.empty()) {
        const auto line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        HILLSTAR_TRY(auto record, record_of(line, run));
        if (record.seq != from)
          return Error{Errc::chain_broken, "A record is missing.", run.str() + " event " + std::to_string(from), {}};
        ++from;
        records.push_back(std::move(record));
      }
      more = page.more;
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
    if (asked.before) add("before", asked.before->str());
    HILLSTAR_TRY(const auto page, remote_->get(path));
    const auto rows = json::parse(page.body);
    if (!rows || !rows->is_array()) return other_words({Errc::json_type, "rows are no array"});
    persistence::RunPage found;
    for (const auto& value : rows->get_array()) {
      HILLSTAR_TRY(auto row, row_of(value));
      if (!asked.key || row.key == asked.key) found.rows.push_back(std::move(row));
    }
    found.more = page.more;
    return found;
  }

  [[nodiscard]] Result<std::vector<RunId>> histories(char) const override { return std::vector<RunId>(); }

  [[nodiscard]] Result<run::Summary> summary(const RunId& run) const override {
    HILLSTAR_TRY(const auto page, remote_->get(run_path(run)));
    const auto shown = json::parse(page.body);
    if (!shown || !shown->is_object()) return other_words({Errc::json_type, "a run is no object"});
    auto row = shown->get_object();
    for (const auto* more : {"nodes_detail", "inputs", "workspace", "output_dir", "started_by", "engine",
                             "workflow_sha256", "air_gapped", "endpoints", "parts"})
      row.erase(more);
    return row_of(row);
  }

  [[nodiscard]] Result<std::string> read_blob(const std::string& sha256) const override {
    HILLSTAR_TRY(auto page, remote_->get("/v1/blobs/" + encoded(sha256)));
    if (sha256_hex(page.body) != sha256)
      return Error{Errc::blob_missing, "A blob came with other bytes than its name says.", sha256, {}};
    return std::move(page.body);
  }
  [[nodiscard]] bool has_blob(const std::string& sha256) const override { return read_blob(sha256).has_value(); }

 private:
  std::shared_ptr<const Remote> remote_;
};

}  // namespace

std::shared_ptr<persistence::EventStore> remote_store(std::shared_ptr<const Remote> remote) {
  return std::make_shared<RemoteStore>(std::move(remote));
}

}  // namespace hillstar::http
