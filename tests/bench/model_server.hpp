// SPDX-License-Identifier: Apache-2.0
// The mock model server as a child process.
#pragma once

#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

namespace hillstar::bench {

/// Runs until it is destroyed; its port is what it prints first.
class ModelServer {
 public:
  ModelServer(const std::string& program, const std::vector<std::string>& arguments) {
    std::vector<char*> argv{const_cast<char*>(program.c_str())};
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    int out[2];
    if (pipe(out) != 0) throw std::runtime_error("pipe failed");
    child_ = fork();
    if (child_ == 0) {
      dup2(out[1], 1);
      execv(program.c_str(), argv.data());
      _exit(127);
    }
    close(out[1]);
    char text[64] = {};
    if (read(out[0], text, sizeof text - 1) <= 0) throw std::runtime_error("the model server does not start");
    close(out[0]);
    port_ = std::atoi(text);
  }
  ~ModelServer() {
    kill(child_, SIGTERM);
    waitpid(child_, nullptr, 0);
  }
  ModelServer(const ModelServer&) = delete;
  ModelServer& operator=(const ModelServer&) = delete;
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  pid_t child_ = 0;
  int port_ = 0;
};

}  // namespace hillstar::bench
