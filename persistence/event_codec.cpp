// SPDX-License-Identifier: Apache-2.0
#include "persistence/event_codec.hpp"

#include <boost/json.hpp>
#include <utility>

#include "messages/json_codec.hpp"
#include "persistence/limits.hpp"
#include "persistence/upcast.hpp"
#include "runtime/platform/hash.hpp"

namespace hillstar::persistence {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kLinkPrefix = "hs1\0"sv;
constexpr std::size_t kTypicalLineBytes = 384;
constexpr std::size_t kRecordMembers = 6;

using Reader = Result<Event> (*)(const boost::json::value& data);

template <class E>
Result<Event> read_as(const boost::json::value& data) {
  HILLSTAR_TRY(auto event, json::read<E>(data, "/data"));
  return Event(std::move(event));
}

struct Type {
  std::string_view name;
  Reader read = nullptr;
};

using Types = std::array<Type, std::variant_size_v<Event>>;

Types make_types() {
  Types types;
  boost::mp11::mp_for_each<boost::mp11::mp_iota_c<std::variant_size_v<Event>>>([&](auto i) {
    using E = std::variant_alternative_t<i, Event>;
    types[i] = {type_name(Event(std::in_place_index<i>)), &read_as<E>};
  });
  return types;
}

Reader reader_of(std::string_view name) {
  static const Types types = make_types();
  for (const auto& type : types)
    if (type.name == name) return type.read;
  return nullptr;
}

Error corrupt(std::string message, const RunId& run) {
  return {Errc::record_corrupt, std::move(message), "run " + run.str()};
}

/// What surrounds an event in its line.
struct Envelope {
  UtcTime at;
  std::uint64_t seq = 0;
  std::uint64_t version = 0;
  std::string_view type;
};

/// The members of the line, checked; `object` must outlive the result.
Result<Envelope> read_envelope(const boost::json::object& object, const RunId& run) {
  if (object.size() != kRecordMembers) return corrupt("a record has six members.", run);
  const auto* at = object.if_contains("at");
  const auto* data = object.if_contains("data");
  const auto* name = object.if_contains("run");
  const auto* seq = object.if_contains("seq");
  const auto* type = object.if_contains("type");
  const auto* version = object.if_contains("v");
  if (!at || !data || !name || !seq || !type || !version)
    return corrupt("a record has the members at, data, run, seq, type and v.", run);
  if (!name->is_string() || name->get_string() != run.str()) return corrupt("the record belongs to another run.", run);
  if (!type->is_string()) return corrupt("the record's type is not a string.", run);
  Envelope envelope;
  envelope.type = type->get_string();
  HILLSTAR_TRY(envelope.at, json::read<UtcTime>(*at, "/at"));
  HILLSTAR_TRY(envelope.seq, json::read<std::uint64_t>(*seq, "/seq"));
  HILLSTAR_TRY(envelope.version, json::read<std::uint64_t>(*version, "/v"));
  if (envelope.seq == 0) return corrupt("sequence numbers start at 1.", run);
  return envelope;
}

}  // namespace

Record encode(const RunId& run, std::uint64_t seq, UtcTime at, const Event& event, const Hash& previous) {
  Record record;
  record.seq = seq;
  std::string& line = record.line;
  line.reserve(kTypicalLineBytes);
  line += R"({"at":)";
  json::write(line, at);
  line += R"(,"data":)";
  std::visit([&](const auto& e) { json::write(line, e); }, event);
  line += R"(,"run":)";
  json::write(line, run);
  line += R"(,"seq":)";
  json::write(line, seq);
  line += R"(,"type":")";
  line += type_name(event);
  line += R"(","v":)";
  json::write(line, kRecordVersion);
  line += '}';
  // A line that cannot be read again would cost the whole run, so stray bytes of a message are replaced here.
  if (!json::is_utf8(line)) line = json::to_utf8(line);
  record.hash = link(previous, line);
  return record;
}

Result<Recorded> decode(std::string_view line, const RunId& run) {
  auto parsed = json::parse(line, {.bytes_max = kRecordBytesMax, .depth_max = kRecordDepthMax});
  if (!parsed) return corrupt("the record is not JSON: " + parsed.error().message, run);
  auto* object = parsed.value().if_object();
  if (object == nullptr) return corrupt("the record is not a JSON object.", run);
  auto envelope = read_envelope(*object, run);
  const auto place = [&](Error error) {
    error.where = "run " + run.str() + (envelope ? ", seq " + std::to_string(envelope->seq) : std::string()) +
                  (error.code == Errc::json_type ? ", " + error.where : std::string());
    return error;
  };
  if (!envelope) return place(envelope.error());
  auto& data = object->at("data");
  if (auto upcasted = upcast(envelope->version, envelope->type, data); !upcasted) return place(upcasted.error());
  const auto read = reader_of(envelope->type);
  if (read == nullptr)
    return place(Error(Errc::record_corrupt, "there is no event type '" + std::string(envelope->type) + "'."));
  auto event = read(data);
  if (!event) return place(event.error());
  return Recorded{envelope->seq, envelope->at, std::move(event).value()};
}

Hash link(const Hash& previous, std::string_view line) {
  return sha256(kLinkPrefix, {reinterpret_cast<const char*>(previous.data()), previous.size()}, line);
}

std::string to_hex(const Hash& hash) { return hillstar::to_hex(hash); }

std::optional<Hash> hash_from_hex(std::string_view hex) {
  Hash hash{};
  if (hex.size() != hash.size() * 2) return std::nullopt;
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  for (std::size_t i = 0; i < hash.size(); ++i) {
    const int high = digit(hex[2 * i]);
    const int low = digit(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    hash[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return hash;
}

}  // namespace hillstar::persistence
