// SPDX-License-Identifier: Apache-2.0
// What is said when nothing else can be: exceptions that nobody expected, and an operating system that refuses.
#pragma once

#include <exception>

#include "messages/error.hpp"

namespace hillstar::cli {

/// Makes descriptors 0, 1 and 2 exist: a store's file that is opened while one of them is closed would get its number,
/// and what is said would be written into the store. Reading from the replaced stdin ends at once; writing to the
/// others fails, as it did before. Call it first.
void hold_standard_streams();

/// Lets a process that cannot go on end with one error line and its exit code instead of a signal.
void install_last_words();

/// What an exception that reached main() means: system_limit if memory, a thread or a descriptor was refused, else
/// internal.
Error error_of(const std::exception& thrown);
/// A bug: internal.
Error error_of(const InvariantError& broken);

}  // namespace hillstar::cli
