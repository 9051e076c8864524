// SPDX-License-Identifier: Apache-2.0
#include "actors/remote/spool_output.hpp"

#include <algorithm>

#include "messages/json.hpp"
#include "runtime/tools/output.hpp"

namespace hillstar::actors {

std::string SpoolOutput::more(const SlurmSpool& spool) {
  const auto most = std::min<std::uint64_t>(kSpoolOutputPiece, kSpoolOutputMax - read_);
  if (most == 0) return {};
  const auto piece = spool.read_from(kSpoolOutput, read_, most);
  if (!piece || piece->empty()) return {};
  read_ += piece->size();
  return whole(clean_.feed(*piece), false);
}

std::string SpoolOutput::rest() { return whole(clean_.finish(), true); }

std::string SpoolOutput::whole(std::string_view clean, bool all) {
  cut_ += clean;
  const auto count = all ? cut_.size() : tools::whole_utf8(cut_);
  auto text = json::to_utf8(std::string_view(cut_).substr(0, count));
  cut_.erase(0, count);
  return text;
}

}  // namespace hillstar::actors
