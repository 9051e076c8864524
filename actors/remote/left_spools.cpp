// SPDX-License-Identifier: Apache-2.0
#include "actors/remote/left_spools.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <optional>
#include <system_error>
#include <variant>

#include "actors/tool_node.hpp"

namespace hillstar::actors {
namespace {

namespace fs = std::filesystem;

bool is_private(const std::string& path) {
  struct stat facts {};
  return ::lstat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode) && facts.st_uid == ::geteuid() &&
         (facts.st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

/// The attempt that the folder's own order names, if it is that of this folder, or of one that was put aside.
struct LeftOrder {
  RunId run;
  std::string key;
};
std::optional<LeftOrder> order_in(const std::string& root, const std::string& path) {
  const auto order = read_order(SlurmSpool(path));
  if (!order) return std::nullopt;
  const auto own = SlurmSpool::of(root, order->key).folder();
  if (path != own && !path.starts_with(own + kSpoolAside)) return std::nullopt;
  return LeftOrder{RunId(order->order.run), order->key};
}

/// Keys of attempts that other machines made, and that were not begun anew since they ended.
std::set<std::string> ended_in(const persistence::EventStore& store, const RunId& run) {
  std::set<std::string> ended;
  const auto history = store.read(run);
  if (!history) return ended;
  for (const auto& recorded : *history)
    std::visit(
        [&](const auto& event) {
          using Kind = std::decay_t<decltype(event)>;
          if constexpr (std::is_same_v<Kind, NodeScheduled>)
            ended.erase(attempt_key(run, event.node, event.item, event.attempt));
          else if constexpr (requires { event.made_by; })
            if (event.made_by) ended.insert(attempt_key(run, event.node, event.item, event.attempt));
        },
        recorded.event);
  return ended;
}

}  // namespace

std::vector<SlurmSpool> left_spools(const std::string& root, const persistence::EventStore& store,
                                    const std::set<std::string>& in_use) {
  std::vector<SlurmSpool> left;
  std::map<RunId, std::set<std::string>> ended;
  std::error_code error;
  fs::directory_iterator entry(root, error);
  for (std::size_t looks = 0; !error && entry != fs::directory_iterator() && looks < kLeftSpoolsMax;
       entry.increment(error)) {
    const auto path = root + "/" + entry->path().filename().string();
    if (in_use.contains(path) || !is_private(path)) continue;
    ++looks;
    const auto order = order_in(root, path);
    if (!order) continue;
    auto known = ended.find(order->run);
    if (known == ended.end()) known = ended.emplace(order->run, ended_in(store, order->run)).first;
    if (known->second.contains(order->key)) left.emplace_back(path);
  }
  return left;
}

}  // namespace hillstar::actors
