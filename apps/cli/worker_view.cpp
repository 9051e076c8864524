// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/worker_view.hpp"

#include <boost/json.hpp>

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

bj::object object_of(const WorkerStatus& worker) {
  bj::object labels;
  for (const auto& [name, value] : worker.labels) labels[name] = value;
  return {{"name", worker.name},
          {"fingerprint", worker.fingerprint},
          {"address", worker.address},
          {"program", worker.program},
          {"labels", std::move(labels)},
          {"slots", worker.slots},
          {"used", worker.used},
          {"attempts", bj::array(worker.attempts.begin(), worker.attempts.end())},
          {"connected", worker.connected},
          {"cordoned", worker.cordoned},
          {"draining", worker.draining},
          {"last_seen", to_rfc3339(worker.last_seen)},
          {"load_percent", worker.load_percent},
          {"memory_free_bytes", worker.memory_free_bytes},
          {"disk_free_bytes", worker.disk_free_bytes}};
}

}  // namespace

Result<Json> workers_document(const Engine& engine, const std::string& name) {
  bj::array rows;
  for (const auto& worker : engine.workers()) {
    if (!name.empty() && worker.name == name) return Json::of(object_of(worker));
    rows.push_back(object_of(worker));
  }
  if (name.empty()) return Json::of(rows);
  return Error{Errc::not_found, "There is no worker of this name.", name, "`hillstar-actors workers ls` lists them."};
}

}  // namespace hillstar::cli
