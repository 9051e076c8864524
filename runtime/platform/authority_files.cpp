// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/authority_files.hpp"

#include <boost/json.hpp>
#include <functional>

#include "messages/json.hpp"

namespace hillstar::authority_files {
namespace {

namespace bj = boost::json;

constexpr std::int64_t kSecond = 1'000;

/// Members of one row; remembers whether all that were asked for were there.
class Row {
 public:
  explicit Row(const bj::value& value) : value_(value) {}

  std::string text(const char* name) {
    const auto* found = json::member(value_, name);
    if (found != nullptr && found->is_string()) return std::string(found->as_string());
    good_ = false;
    return {};
  }
  std::string text_or_empty(const char* name) {
    return json::member(value_, name) == nullptr ? std::string() : text(name);
  }
  UtcTime time(const char* name) {
    const auto found = from_rfc3339(text(name));
    good_ = good_ && found.has_value();
    return found.value_or(UtcTime{});
  }
  std::optional<UtcTime> time_or_none(const char* name) {
    if (json::member(value_, name) == nullptr) return std::nullopt;
    return time(name);
  }
  std::int64_t number(const char* name) {
    const auto* found = json::member(value_, name);
    if (found != nullptr && found->is_int64()) return found->as_int64();
    good_ = false;
    return 0;
  }
  /// In seconds; rows of before have days, or nothing.
  Millis span(Millis otherwise) {
    if (json::member(value_, "seconds") != nullptr) return Millis{number("seconds") * kSecond};
    return json::member(value_, "days") != nullptr ? kDay * number("days") : otherwise;
  }
  std::vector<std::string> texts(const char* name) {
    std::vector<std::string> all;
    const auto* found = json::member(value_, name);
    if (found == nullptr || !found->is_array()) return all;
    for (const auto& part : found->as_array()) {
      good_ = good_ && part.is_string();
      if (part.is_string()) all.emplace_back(part.as_string());
    }
    return all;
  }
  void fail() { good_ = false; }
  [[nodiscard]] bool good() const { return good_; }

 private:
  const bj::value& value_;
  bool good_ = true;
};

Result<void> each_line(std::string_view text, const std::string& path, const std::function<void(Row&)>& take) {
  std::size_t line = 0;
  while (!text.empty()) {
    ++line;
    const auto end = text.find('\n');
    const auto value = json::parse(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    bool good = value.has_value();
    if (good) {
      Row row(*value);
      take(row);
      good = row.good();
    }
    if (!good)
      return Error{Errc::certificate_invalid, "The line is damaged.", path + ":" + std::to_string(line),
                   "Restore the folder of the authority from a backup."};
  }
  return {};
}

IssuedRow issued_of(Row& row) {
  IssuedRow issued;
  const auto role = row.text("role");
  if (role != "host" && role != "worker") row.fail();
  issued.facts.role = role == "host" ? x509::Role::host : x509::Role::worker;
  issued.facts.name = row.text("name");
  issued.facts.serial = row.text("serial");
  issued.facts.fingerprint = row.text("fingerprint");
  issued.facts.not_before = row.time("not_before");
  issued.facts.not_after = row.time("not_after");
  issued.issued_at = row.time("issued_at");
  issued.revoked_at = row.time_or_none("revoked_at");
  issued.authority = row.text("authority");
  issued.certificate = row.text("certificate");
  issued.addresses = row.texts("addresses");
  issued.holds = row.span(issued.facts.not_after - issued.issued_at);
  issued.renewed_by = row.text_or_empty("renewed_by");
  return issued;
}

TokenRow token_of(Row& row) {
  TokenRow token;
  token.sha256 = row.text("sha256");
  token.worker = row.text("worker");
  token.created_at = row.time("created_at");
  token.expires_at = row.time("expires_at");
  token.holds = row.span(kDay * kLeafDays);
  token.used_at = row.time_or_none("used_at");
  token.key = row.text_or_empty("key");
  token.serial = row.text_or_empty("serial");
  return token;
}

}  // namespace

Result<void> check_holds(Millis holds) {
  if (holds < kHoldsMin || holds > kDay * kDaysMax)
    return Error{
        Errc::usage, "A certificate holds for 10 seconds to 36500 days.", std::to_string(holds.count()) + " ms", {}};
  return {};
}

Result<PrivateFolder> folder_of(const std::string& path) {
  auto folder = PrivateFolder::open(path, false);
  if (!folder && folder.error().code == Errc::not_found)
    return Error{Errc::not_found, "There is no certificate authority.", path, "`hillstar-actors ca init` makes one."};
  return folder;
}

Result<std::vector<IssuedRow>> issued_from(std::string_view text, const std::string& path) {
  std::vector<IssuedRow> rows;
  HILLSTAR_CHECK(each_line(text, path, [&](Row& row) { rows.push_back(issued_of(row)); }));
  return rows;
}

std::string to_text(const std::vector<IssuedRow>& rows) {
  std::string text;
  for (const auto& row : rows) {
    bj::array addresses(row.addresses.begin(), row.addresses.end());
    bj::object object{{"role", std::string(x509::role_name(row.facts.role))},
                      {"name", row.facts.name},
                      {"serial", row.facts.serial},
                      {"fingerprint", row.facts.fingerprint},
                      {"not_before", to_rfc3339(row.facts.not_before)},
                      {"not_after", to_rfc3339(row.facts.not_after)},
                      {"issued_at", to_rfc3339(row.issued_at)},
                      {"authority", row.authority},
                      {"status", row.revoked_at ? "revoked" : "valid"},
                      {"seconds", row.holds.count() / kSecond},
                      {"addresses", std::move(addresses)},
                      {"certificate", row.certificate}};
    if (row.revoked_at) object["revoked_at"] = to_rfc3339(*row.revoked_at);
    if (!row.renewed_by.empty()) object["renewed_by"] = row.renewed_by;
    text += json::canonical(object) + "\n";
  }
  return text;
}

Result<std::vector<TokenRow>> tokens_from(std::string_view text, const std::string& path) {
  std::vector<TokenRow> rows;
  HILLSTAR_CHECK(each_line(text, path, [&](Row& row) { rows.push_back(token_of(row)); }));
  return rows;
}

std::string to_text(const std::vector<TokenRow>& rows) {
  std::string text;
  for (const auto& row : rows) {
    bj::object object{{"sha256", row.sha256},
                      {"worker", row.worker},
                      {"created_at", to_rfc3339(row.created_at)},
                      {"expires_at", to_rfc3339(row.expires_at)},
                      {"seconds", row.holds.count() / kSecond}};
    if (row.used_at) {
      object["used_at"] = to_rfc3339(*row.used_at);
      object["key"] = row.key;
      object["serial"] = row.serial;
    }
    text += json::canonical(object) + "\n";
  }
  return text;
}

}  // namespace hillstar::authority_files
