// SPDX-License-Identifier: Apache-2.0
// script_run: a program or shell line, fed with the input, drained into the output.
//
// A value never becomes part of a command: references are not filled into `script`, and the input is stdin.
// Source of the shell rule and the result's shape: Hillstar specification section 1.5.2.
#include <unistd.h>

#include <boost/json.hpp>

#include "runtime/platform/process.hpp"
#include "runtime/tools/output.hpp"
#include "runtime/tools/script_cage.hpp"
#include "runtime/tools/standard_tools.hpp"

namespace hillstar::tools {
namespace {

constexpr std::string_view kShellCharacters = " |><&";

bool needs_shell(const std::string& script) { return script.find_first_of(kShellCharacters) != std::string::npos; }

/// `1800`, or `1.5` where the limit is no whole number of seconds.
std::string seconds(Millis limit) {
  std::string text = std::to_string(limit.count() / 1000);
  if (const auto part = limit.count() % 1000; part != 0) {
    text += "." + std::to_string(1000 + part).substr(1);
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text;
}

std::string not_started_text(const std::string& script, int number) {
  std::string text = "cannot start '" + script + "': " + errno_text(number);
  if (number == ENOENT && !needs_shell(script))
    text += "; a script without a space or one of | > < & is the path of a program, not a shell line";
  if (number == ENOEXEC) text += "; its first line must name its interpreter, such as #!/bin/sh";
  if (number == EACCES && !needs_shell(script)) text += "; is it executable (chmod +x)?";
  return text;
}

/// Pieces for live display, never cut inside a character.
class ProgressPieces {
 public:
  explicit ProgressPieces(const ToolContext& context) : context_(context) {}
  void append(std::string_view bytes) {
    if (!context_.progress) return;
    rest_ += bytes;
    const std::size_t whole = whole_utf8(rest_);
    if (whole > 0) context_.progress(json::to_utf8(std::string_view(rest_).substr(0, whole)));
    rest_.erase(0, whole);
  }

 private:
  const ToolContext& context_;
  std::string rest_;
};

struct Streams {
  explicit Streams(const ToolContext& context)
      : clean_out(context.run->redactor),
        clean_err(context.run->redactor),
        out(context.new_blob),
        out_live(context),
        err_live(context) {}

  Result<void> take_out(std::string_view clean) {
    out_live.append(clean);
    return out.append(clean);
  }
  void take_err(std::string_view clean) {
    err_live.append(clean);
    err.append(clean);
  }
  /// What was held back as the possible beginning of a secret.
  Result<void> finish() {
    take_err(clean_err.finish());
    return take_out(clean_out.finish());
  }

  policy::StreamRedactor clean_out;
  policy::StreamRedactor clean_err;
  OutputCollector out;
  OutputTail err;
  ProgressPieces out_live;
  ProgressPieces err_live;
};

/// Hillstar's result; `code` absent: the program did not come to an end of its own.
Result<Value> result_of(Streams& streams, std::optional<int> code, const std::string& error) {
  HILLSTAR_TRY(Gathered output, streams.out.finish());
  Value value;
  boost::json::object object{{"output", nullptr}, {"error", nullptr}};
  if (!error.empty()) object["error"] = error;
  if (code) object["return_code"] = *code;
  if (output.blob) {
    output.blob->at = "/output";
    value.blobs.push_back(*std::move(output.blob));
  } else {
    object["output"] = output.text;
  }
  value.json = Json::of(object);
  return value;
}

ToolReply ended(Streams& streams, std::optional<int> code, std::optional<Failure> failure) {
  auto value = result_of(streams, code, failure ? failure->message : std::string());
  if (!value) return failed(value.error());
  ToolReply reply;
  reply.result = std::move(value).value();
  reply.failure = std::move(failure);
  return reply;
}

ToolReply reply_to(const ProcessEnd& end, const std::string& script, const ToolCall& call, Streams& streams) {
  switch (end.kind) {
    case ProcessEndKind::exited:
    case ProcessEndKind::signalled: {
      const bool is_signal = end.kind == ProcessEndKind::signalled;
      const int code = is_signal ? -end.code : end.code;
      if (code == 0) return ended(streams, code, {});
      std::string message = streams.err.text();
      if (message.empty()) message = "script exited with return code " + std::to_string(code);
      return ended(streams, code, Failure{is_signal ? FailureClass::signal : FailureClass::exit_code, message, {}});
    }
    case ProcessEndKind::timed_out:
      return ended(streams, {},
                   Failure{FailureClass::timeout,
                           "Command '" + json::to_utf8(script) + "' timed out after " +
                               seconds(call.start_to_close.value_or(Millis(0))) + " seconds",
                           {}});
    case ProcessEndKind::cancelled:
      return cancelled();
    case ProcessEndKind::output_limit:
    case ProcessEndKind::output_failed:
      return failed(end.error.value_or(Error(Errc::io, "the output was lost")));
    case ProcessEndKind::not_confined:
      return failed(FailureClass::spawn,
                    "the script was not started: " + (end.error ? end.error->message : std::string()));
    case ProcessEndKind::no_folder:
      return failed(FailureClass::spawn, "cannot enter the folder '" + call.cwd + "': " + errno_text(end.code));
    case ProcessEndKind::not_started:
      return failed(FailureClass::spawn, not_started_text(script, end.code));
  }
  return failed(FailureClass::internal, "unknown end of a process");
}

}  // namespace

ToolReply script_run(const ToolCall& call, const ToolContext& context, ScriptCage& cage, ProcessGuard* guard) {
  const auto script = string_parameter(call, "script");
  if (!script) return failed(script.error());
  if (script->empty()) return failed(FailureClass::invalid_input, "script_run requires script parameter");
  if (call.cwd.find('\0') != std::string::npos)
    return failed(FailureClass::invalid_input, "script_run: cwd contains a NUL character");

  ProcessSpec spec;
  if (needs_shell(*script)) {
    spec.program = "/bin/sh";
    spec.arguments = {"/bin/sh", "-c", *script};
  } else {
    spec.program = *script;
    spec.arguments = {*script};
  }
  const bool is_absolute = !call.cwd.empty() && call.cwd.front() == '/';
  spec.cwd = is_absolute ? call.cwd : context.run->workspace + (call.cwd.empty() ? "" : "/" + call.cwd);
  spec.environment = tool_environment(call, *context.run);
  spec.input = input_text(call.input);
  spec.cancel_descriptor = context.cancel->descriptor();
  spec.kill_descriptor = context.cancel->now_descriptor();
  spec.output_bytes_max = kToolBytesMax;
  spec.time_limit = call.start_to_close;
  ShutIn shut_in;
  if (const auto done = cage.shut_in(call, *context.run, spec, shut_in); !done) return failed(done.error());

  Streams streams(context);
  ProcessOutput output;
  output.on_stdout = [&](std::string_view piece) { return streams.take_out(streams.clean_out.feed(piece)); };
  output.on_stderr = [&](std::string_view piece) {
    streams.take_err(streams.clean_err.feed(piece));
    return Result<void>();
  };
  const auto end = run_process(spec, output, guard);
  if (const auto rest = streams.finish(); !rest) return failed(rest.error());
  auto reply = reply_to(end, *script, call, streams);
  // Hillstar's result keeps the script's own words. A program that we may not start either is no matter of the sandbox.
  if (reply.failure && (end.kind != ProcessEndKind::not_started || access(script->c_str(), X_OK) == 0))
    reply.failure->message += shut_in.hint(*script, reply.failure->message);
  reply.detail = shut_in.detail();
  return reply;
}

}  // namespace hillstar::tools
