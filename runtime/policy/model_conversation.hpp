// SPDX-License-Identifier: Apache-2.0
// What is said to the model: a prompt, a conversation, a request to mend a reply. For model_request.cpp.
#pragma once

#include "runtime/policy/model_request.hpp"

namespace hillstar::policy {

/// The turns and prompt of `asked.text`, which is a conversation. The shape that the author wrote decides what
/// is a part, a path or a turn: text that a reference fills in can name no file and speak in no other turn.
/// A turn, or the whole list, that a reference fills in is data; it may have any role and shows no images.
/// Errors: tool_parameters, with the pointer from `/input` on; those of loading images.
Result<void> put_conversation(const Asked& asked, ModelRequest& request);

/// The images of `parameters`, which go with the prompt.
Result<void> put_images(const boost::json::value& parameters, const Asked& asked, ModelRequest& request);

/// Goes on from a reply that could not be used: it becomes a turn, and the prompt says what is wrong with it.
void ask_to_mend(const Rejected& rejected, ModelRequest& request);

}  // namespace hillstar::policy
