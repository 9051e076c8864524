// SPDX-License-Identifier: Apache-2.0
// Changes a store behind the program's back. It knows RocksDB, and nothing about how the rows are laid out.
// Usage: store_tamper STORE format VERSION      sets the format of the store
//        store_tamper STORE replace WHERE FROM TO   in each row that holds the text WHERE, FROM becomes TO
#include <rocksdb/db.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::string_view kFormatKey = "format";

int complain(const std::string& sentence) {
  std::fprintf(stderr, "store_tamper: %s\n", sentence.c_str());
  return EXIT_FAILURE;
}

/// The new value of a row, or the same.
using Change = std::function<std::string(std::string_view key, std::string value)>;

/// Rows that were changed; -1 if a write failed.
int change_rows(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family, const Change& change) {
  int changed = 0;
  rocksdb::WriteOptions synced;
  synced.sync = true;
  const std::unique_ptr<rocksdb::Iterator> row(db.NewIterator(rocksdb::ReadOptions(), family));
  for (row->SeekToFirst(); row->Valid(); row->Next()) {
    const std::string before = row->value().ToString();
    const std::string after = change(row->key().ToStringView(), before);
    if (after == before) continue;
    if (!db.Put(synced, family, row->key(), after).ok()) return -1;
    ++changed;
  }
  return row->status().ok() ? changed : -1;
}

int change_store(const std::string& folder, const Change& change) {
  const rocksdb::Options options;
  std::vector<std::string> names;
  auto status = rocksdb::DB::ListColumnFamilies(options, folder, &names);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  families.reserve(names.size());
  for (const auto& name : names) families.emplace_back(name, rocksdb::ColumnFamilyOptions());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  if (status.ok()) status = rocksdb::DB::Open(options, folder, families, &handles, &opened);
  if (!status.ok()) return complain(status.ToString());
  const std::unique_ptr<rocksdb::DB> db(opened);
  int changed = 0;
  for (auto* handle : handles) {
    const int here = change_rows(*db, handle, change);
    changed = here < 0 || changed < 0 ? -1 : changed + here;
    db->DestroyColumnFamilyHandle(handle);
  }
  return changed > 0 ? EXIT_SUCCESS : complain("nothing was changed");
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 3 && words[1] == "format")
    return change_store(words[0] + "/db", [&words](std::string_view key, const std::string& value) {
      return key.ends_with(kFormatKey) ? words[2] : value;
    });
  if (words.size() == 5 && words[1] == "replace")
    return change_store(words[0] + "/db", [&words](std::string_view, std::string value) {
      const auto at = value.find(words[2]) == std::string::npos ? std::string::npos : value.find(words[3]);
      return at == std::string::npos ? value : value.replace(at, words[3].size(), words[4]);
    });
  return complain("STORE format VERSION | STORE replace WHERE FROM TO");
}
