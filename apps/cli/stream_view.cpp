// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/stream_view.hpp"

#include <boost/json.hpp>

#include "messages/json_codec.hpp"

namespace hillstar::cli {

namespace bj = boost::json;

Json stream_object(const StreamStatus& status) {
  const auto& declared = status.declared;
  bj::object object{{"stream", declared.stream},
                    {"workflow", declared.workflow.str()},
                    {"history", status.history.str()},
                    {"entry", Json::from_canonical(json::to_text(declared.entry)).value()},
                    {"workflow_file", declared.workflow_file},
                    {"workflow_sha256", declared.workflow_sha256},
                    {"workspace", declared.workspace},
                    {"output_dir", declared.output_dir},
                    {"declared_by", declared.declared_by},
                    {"held", status.held},
                    {"running", status.running},
                    {"queued", status.queued},
                    {"waiting_callers", status.waiting_callers},
                    {"accepted", status.accepted},
                    {"repeated", status.repeated},
                    {"refused", status.refused},
                    {"dropped", status.dropped}};
  if (!status.reason.empty()) object["reason"] = status.reason;
  if (status.declared_at) object["declared_at"] = to_rfc3339(*status.declared_at);
  if (status.last_due) object["last_due"] = to_rfc3339(*status.last_due);
  return Json::of(object);
}

}  // namespace hillstar::cli
