// SPDX-License-Identifier: Apache-2.0
// A node's input and parameters as a request. Pure: images come in through a function.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "messages/error.hpp"
#include "messages/json.hpp"
#include "messages/model.hpp"
#include "runtime/policy/model_choice.hpp"

namespace hillstar::policy {

/// Images of one request, turns of one conversation, tools that one request offers.
inline constexpr std::size_t kImagesMax = 64;
inline constexpr std::size_t kTurnsMax = 4'096;
inline constexpr std::size_t kToolsMax = 512;
/// Bytes of a rejected reply that the model is shown again.
inline constexpr std::size_t kRejectedBytesMax = 256 * 1024;

/// Reads the image file `path`. Errors: those of reading it.
using LoadImage = std::function<Result<ModelImage>(const std::string& path)>;

/// A reply that could not be used, and why.
struct Rejected {
  std::string output;
  std::string problem;
};

/// What a node says to its model. Refers to what must outlive it.
struct Asked {
  std::string text;  ///< The input, filled: text, or JSON if `shape` is no string.
  const Json* shape =
      nullptr;           ///< The input as the author wrote it: what is a conversation, a part, a path. Null: text.
  LoadImage load_image;  ///< Empty: images are placeholders, for looking ahead.
  std::optional<Rejected> rejected;  ///< Ask to mend this reply.
  bool looks_ahead = false;          ///< `text` is not filled yet: what references stand for is taken to be right.
};

/// What is asked of the backend. `parameters` is the node's object or null.
/// Errors: tool_parameters, for a value of the wrong type or out of range, with its JSON pointer within the node
/// (`/parameters/tools/0/name`, `/input/messages/1/role`); those of `load_image`.
Result<ModelRequest> make_request(const Json& parameters, const Json& model_config, const Asked& asked,
                                  const Backend& backend);
/// The same for a prompt alone.
Result<ModelRequest> make_request(const Json& parameters, const Json& model_config, std::string prompt,
                                  const Backend& backend);

/// True if a node with these may show images. May be wrong about that; never says no if it does.
bool names_images(const Json& parameters, const Json& input);
/// True if the input is a conversation: an object with `messages` that are a list, a reference to one, or empty, as
/// such a reference is in a loop's first attempt.
bool is_conversation(const Json& input);

}  // namespace hillstar::policy
