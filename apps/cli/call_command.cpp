// SPDX-License-Identifier: Apache-2.0
// show --request, show --reply: what was sent to a model and what came back, attempt by attempt.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "apps/cli/call_list.hpp"
#include "apps/cli/call_text.hpp"
#include "apps/cli/carry.hpp"
#include "apps/cli/commands.hpp"
#include "apps/cli/selector.hpp"
#include "apps/cli/text.hpp"
#include "apps/cli/text_diff.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

/// The last recorded call of the node, or of the attempt that is asked for.
Result<ListedCall> find_call(const StoredRun& stored, const ShowArgs& args) {
  std::optional<ListedCall> found;
  bool tried = false;
  for (const auto& recorded : stored.history) {
    const auto* node = node_of(recorded.event);
    tried = tried || (node != nullptr && node->str() == args.node);
  }
  for (auto& call : calls_in(stored.history))
    if (call.unit == args.node && (args.attempt == 0 || call.attempt == args.attempt)) found = std::move(call);
  if (found) return *std::move(found);
  if (!tried && args.node.find('[') == std::string::npos) {
    HILLSTAR_TRY([[maybe_unused]] const auto index, find_node(*stored.state.plan, args.node));
  }
  return Error{Errc::not_found,
               "No recorded call of '" + args.node + "'" +
                   (args.attempt == 0 ? "." : ", attempt " + std::to_string(args.attempt) + "."),
               stored.run.str(),
               "Calls are recorded when they were sent; items of a map are named like node[3]. Runs of older versions "
               "have none."};
}

}  // namespace

Result<Exit> show_call(Context& context, const ShowArgs& args) {
  if (args.node.empty() || (args.request && args.reply))
    return Error{Errc::usage,
                 "Name one node and one of --request and --reply.",
                 {},
                 "`show RUN --node N --request` prints what was sent to the model."};
  if (!args.request && !args.reply) return show_logs(context, {.run = args.run, .node = args.node});
  HILLSTAR_TRY(const auto store, read_store(context));
  HILLSTAR_TRY(const auto row, select_run(*store, args.run));
  HILLSTAR_TRY(const auto stored, load_run(*store, row.run));
  HILLSTAR_TRY(const auto call, find_call(stored, args));
  HILLSTAR_TRY(const auto text, store->read_blob(args.request ? call.names.request : call.names.reply));
  auto& output = context.output;
  if (output.is_json()) {
    output.data(text);
    return Exit::done;
  }
  const auto record = Json::from_canonical(text).value();
  const auto shown = args.request ? request_text(record) : pretty(record);
  output.say(fmt::format("attempt {} of {}", call.attempt, visible(call.unit)));
  output.data(output.stdout_is_terminal() ? visible(shown) : shown);
  return Exit::done;
}

}  // namespace hillstar::cli
