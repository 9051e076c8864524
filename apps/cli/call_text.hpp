// SPDX-License-Identifier: Apache-2.0
// What is kept of a model call, as a person reads it. Pure.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>

namespace hillstar::cli {

/// A recorded request: first line, headers, body.
std::string request_text(const boost::json::value& record);

}  // namespace hillstar::cli
