// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/output.hpp"

#include <poll.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>

#include "apps/cli/text.hpp"

namespace hillstar::cli {
namespace {

/// Writes everything; returns errno, or 0.
int write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

void write_stderr(std::string_view bytes) {
  // Nothing can be said about a broken stderr.
  (void)write_all(STDERR_FILENO, bytes);
}

std::string_view escape_of(Tone tone) {
  switch (tone) {
    case Tone::plain:
      return "";
    case Tone::good:
      return "\x1b[32m";
    case Tone::bad:
      return "\x1b[31m";
    case Tone::warning:
      return "\x1b[33m";
    case Tone::faint:
      return "\x1b[2m";
    case Tone::strong:
      return "\x1b[1m";
  }
  return "";
}

}  // namespace

std::string painted(Tone tone, std::string_view text) {
  if (tone == Tone::plain || text.empty()) return std::string(text);
  return std::string(escape_of(tone)) + std::string(text) + "\x1b[0m";
}

Output::Output(OutputOptions options)
    : options_(options),
      stderr_terminal_(::isatty(STDERR_FILENO) == 1),
      stdout_terminal_(::isatty(STDOUT_FILENO) == 1) {}

void Output::write_stdout(std::string_view bytes) {
  if (broken_) return;
  const int failed = write_all(STDOUT_FILENO, bytes);
  if (failed == 0) return;
  broken_ = true;
  if (failed != EPIPE) write_error_ = failed;
}

bool Output::reader_left() const {
  pollfd out{STDOUT_FILENO, 0, 0};
  return ::poll(&out, 1, 0) > 0 && (out.revents & POLLERR) != 0;
}

void Output::data(std::string_view line) {
  std::string text(line);
  text += '\n';
  write_stdout(text);
}

void Output::bytes(std::string_view bytes) { write_stdout(bytes); }

void Output::say(std::string_view line) {
  if (!options_.quiet) warn(line);
}

void Output::warn(std::string_view line) {
  auto text = masked(line);
  text += '\n';
  write_stderr(text);
}

void Output::draw(std::string_view bytes) { write_stderr(bytes); }

void Output::error(const Error& error) {
  warn(paint(Tone::bad, "error") + " " + visible(to_string(error)));
  if (!is_json()) return;
  boost::json::object body{{"code", number(error.code)}, {"message", masked(json::to_utf8(error.message))}};
  if (!error.where.empty()) body["where"] = masked(json::to_utf8(error.where));
  if (!error.hint.empty()) body["hint"] = masked(json::to_utf8(error.hint));
  data(Json::of(boost::json::object{{"error", std::move(body)}}));
}

std::string Output::paint(Tone tone, std::string_view text) const {
  return stderr_terminal_ && !options_.no_color ? painted(tone, text) : std::string(text);
}

std::string Output::paint_data(Tone tone, std::string_view text) const {
  return stdout_terminal_ && !options_.no_color ? painted(tone, text) : std::string(text);
}

}  // namespace hillstar::cli
