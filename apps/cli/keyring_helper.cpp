// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/keyring_helper.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "messages/json.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

// What is used of libsecret-1.so.0 and libglib-2.0.so.0, as their stable binary interfaces have it.
struct GError {
  std::uint32_t domain;
  int code;
  char* message;
};
struct GList {
  void* data;
  GList* next;
  GList* previous;
};
struct SecretSchemaAttribute {
  const char* name;
  int type;  // 0: text
};
struct SecretSchema {
  const char* name;
  int flags;
  std::array<SecretSchemaAttribute, 32> attributes;
  int reserved;
  std::array<void*, 7> reserved_pointers;
};
constexpr int kAnySchema = 2;
constexpr int kSearchAll = 2;
constexpr int kSearchLoads = 8;

template <class Function>
bool load(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

struct Library {
  void* (*hash_new)(void* hash, void* equal);
  int (*hash_insert)(void* table, void* key, void* value);
  void* (*hash_lookup)(void* table, const void* key);
  void (*hash_unref)(void* table);
  void* str_hash;
  void* str_equal;
  GList* (*search)(void* service, const SecretSchema*, void* attributes, int flags, void* cancel, GError**);
  int (*store)(const SecretSchema*, void* attributes, const char* collection, const char* label, const char* password,
               void* cancel, GError**);
  int (*clear)(const SecretSchema*, void* attributes, void* cancel, GError**);
  void* (*item_attributes)(void* item);
  int (*item_locked)(void* item);
  std::uint64_t (*item_modified)(void* item);
  void* (*item_secret)(void* item);
  const char* (*value_text)(void* value);
  int (*item_delete)(void* item, void* cancel, GError**);

  bool open() {
    void* library = ::dlopen("libsecret-1.so.0", RTLD_NOW | RTLD_LOCAL);
    return library != nullptr && load(library, "g_hash_table_new", hash_new) &&
           load(library, "g_hash_table_insert", hash_insert) && load(library, "g_hash_table_lookup", hash_lookup) &&
           load(library, "g_hash_table_unref", hash_unref) && load(library, "g_str_hash", str_hash) &&
           load(library, "g_str_equal", str_equal) && load(library, "secret_service_search_sync", search) &&
           load(library, "secret_password_storev_sync", store) && load(library, "secret_password_clearv_sync", clear) &&
           load(library, "secret_item_get_attributes", item_attributes) &&
           load(library, "secret_item_get_locked", item_locked) &&
           load(library, "secret_item_get_modified", item_modified) &&
           load(library, "secret_item_get_secret", item_secret) &&
           load(library, "secret_item_delete_sync", item_delete) && load(library, "secret_value_get_text", value_text);
  }
};

/// An item of our service. What the library hands out is never given back: the process ends after one question.
struct Item {
  std::string value;
  bool locked = false;
  std::uint64_t modified = 0;
};

class Helper {
 public:
  explicit Helper(const Library& library) : library_(library) {
    schema_.name = "org.freedesktop.Secret.Generic";
    schema_.flags = kAnySchema;
    schema_.attributes[0] = {"service", 0};
    schema_.attributes[1] = {"username", 0};
    schema_.attributes[2] = {"application", 0};
  }

  bj::object answer(const bj::object& question) {
    const auto deed = text(question, "do");
    if (deed == "keep") return keep(text(question, "name"), text(question, "value"));
    if (deed == "remove") return remove(text(question, "name"));
    return look(deed == "find" ? question.if_contains("names") : nullptr, deed == "find");
  }

 private:
  static std::string text(const bj::object& in, std::string_view key) {
    const auto* value = in.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
  }
  static bj::object failed(const GError* error, bool missing) {
    return {
        {"error", json::to_utf8(error != nullptr && error->message != nullptr ? error->message : "no reason given")},
        {"missing", missing}};
  }

  /// The texts must outlive the table.
  void* table(const char* user, bool whole) const {
    void* attributes = library_.hash_new(library_.str_hash, library_.str_equal);
    const auto put = [&](const char* name, const char* value) {
      library_.hash_insert(attributes, const_cast<char*>(name), const_cast<char*>(value));
    };
    put("service", kKeyringService);
    if (user != nullptr) put("username", user);
    if (whole) put("application", kKeyringApplication);
    return attributes;
  }

  bj::object look(const bj::value* wanted, bool values) {
    GError* error = nullptr;
    auto* list = library_.search(nullptr, &schema_, table(nullptr, false), kSearchAll | (values ? kSearchLoads : 0),
                                 nullptr, &error);
    if (error != nullptr) return failed(error, true);
    std::map<std::string, Item> items;
    for (; list != nullptr; list = list->next) add(items, list->data, values);
    bj::object found;
    bj::array names;
    bj::array locked;
    for (const auto& [name, item] : items) {
      names.emplace_back(name);
      if (item.locked) locked.emplace_back(name);
      if (values && !item.locked && wants(wanted, name)) found[name] = item.value;
    }
    return {{"found", std::move(found)}, {"names", std::move(names)}, {"locked", std::move(locked)}};
  }

  /// Of several items of a name, the newest counts.
  void add(std::map<std::string, Item>& items, void* data, bool values) {
    const auto* user = static_cast<const char*>(library_.hash_lookup(library_.item_attributes(data), "username"));
    if (user == nullptr || !json::is_utf8(user)) return;
    const auto modified = library_.item_modified(data);
    const auto known = items.find(user);
    if (known != items.end() && known->second.modified > modified) return;
    Item item{{}, library_.item_locked(data) != 0, modified};
    void* secret = values && !item.locked ? library_.item_secret(data) : nullptr;
    const char* value = secret != nullptr ? library_.value_text(secret) : nullptr;
    if (value != nullptr && json::is_utf8(value)) item.value = value;
    items[user] = std::move(item);
  }

  static bool wants(const bj::value* names, const std::string& name) {
    if (names == nullptr || !names->is_array()) return false;
    for (const auto& one : names->get_array())
      if (one.is_string() && one.get_string() == name) return true;
    return false;
  }

  bj::object keep(const std::string& name, const std::string& value) {
    // Without a service there is nothing to ask a person about.
    if (auto found = look(nullptr, false); found.contains("error")) return found;
    GError* error = nullptr;
    const auto label = "Password for '" + name + "' on '" + kKeyringService + "'";
    const int kept =
        library_.store(&schema_, table(name.c_str(), true), nullptr, label.c_str(), value.c_str(), nullptr, &error);
    if (kept == 0 || error != nullptr) return failed(error, false);
    remove_older(name, value);
    return {{"kept", true}};
  }

  /// Items of the name that another program made with other attributes, and that nobody should find any more.
  void remove_older(const std::string& name, const std::string& value) {
    GError* error = nullptr;
    auto* list =
        library_.search(nullptr, &schema_, table(name.c_str(), false), kSearchAll | kSearchLoads, nullptr, &error);
    for (; error == nullptr && list != nullptr; list = list->next) {
      void* secret = library_.item_locked(list->data) == 0 ? library_.item_secret(list->data) : nullptr;
      const char* text = secret != nullptr ? library_.value_text(secret) : nullptr;
      if (text == nullptr || text != value) library_.item_delete(list->data, nullptr, &error);
    }
  }

  bj::object remove(const std::string& name) {
    if (auto found = look(nullptr, false); found.contains("error")) return found;
    GError* error = nullptr;
    const int removed = library_.clear(&schema_, table(name.c_str(), false), nullptr, &error);
    return error == nullptr ? bj::object{{"removed", removed != 0}} : failed(error, false);
  }

  const Library& library_;
  SecretSchema schema_{};
};

std::string read_question() {
  std::string text;
  std::array<char, 4096> piece;
  while (text.size() < kKeyringTextMax) {
    const auto got = ::read(STDIN_FILENO, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  return text;
}

}  // namespace

int keyring_helper() {
  const auto question = json::parse(read_question());
  if (!question || !question->is_object()) return 2;
  Library library{};
  const auto answer = library.open() ? Helper(library).answer(question->get_object())
                                     : bj::object{{"error", "libsecret is not installed"}, {"missing", true}};
  std::string_view rest;
  const auto text = json::canonical(answer);
  for (rest = text; !rest.empty();) {
    const auto written = ::write(STDOUT_FILENO, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return 1;
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  // GLib's threads still run; nothing of theirs is waited for.
  ::_exit(0);
}

}  // namespace hillstar::cli
