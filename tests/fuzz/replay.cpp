// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target without libFuzzer: every file of the given folders, then mutations of them.
// The mutations are the same in each run, so that what was green stays green; HILLSTAR_SEED=n gives others. The input
// that was running is written to fuzz_input when it ends badly.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/target.hpp"

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMutations = 20'000;
constexpr std::size_t kInputBytesMax = 16 * 1024;
constexpr std::clock_t kSecondsMax = 20;  ///< Of this process's own time.

using Bytes = std::string;

/// Where the signal handler finds the input.
const Bytes* running = nullptr;

extern "C" void on_abort(int signal) {
  if (running != nullptr) {
    if (std::FILE* file = std::fopen("fuzz_input", "wb")) {
      std::fwrite(running->data(), 1, running->size(), file);
      std::fclose(file);
      std::fputs("the input is in fuzz_input\n", stderr);
    }
  }
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void run(const Bytes& input) {
  running = &input;
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  running = nullptr;
}

std::vector<Bytes> load(int argc, char** argv) {
  std::vector<fs::path> paths;
  for (int i = 1; i < argc; ++i) {
    if (!fs::exists(argv[i])) continue;
    for (const auto& entry : fs::recursive_directory_iterator(argv[i]))
      if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> inputs;
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return inputs;
}

/// One to four small changes: a byte, a cut, a repeated piece, a piece of another input.
Bytes mutate(Bytes input, const std::vector<Bytes>& corpus, std::mt19937_64& dice) {
  const auto roll = [&](std::size_t bound) { return bound == 0 ? 0 : dice() % bound; };
  for (auto changes = 1 + roll(4); changes > 0; --changes) {
    const auto at = roll(input.size());
    const auto length = roll(std::min<std::size_t>(input.size() - at, 64)) + 1;
    switch (roll(5)) {
      case 0:
        if (!input.empty()) input[at] = static_cast<char>(dice());
        break;
      case 1:
        input.erase(at, length);
        break;
      case 2:
        input.insert(at, input.substr(at, length));
        break;
      case 3:
        input.insert(at, 1, "{}[]\",:\\\0\n0e-\xF0"[roll(14)]);
        break;
      default: {
        const auto& other = corpus[roll(corpus.size())];
        const auto from = roll(other.size());
        input.insert(at, other.substr(from, length));
      }
    }
  }
  if (input.size() > kInputBytesMax) input.resize(kInputBytesMax);
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGABRT, on_abort);
  std::signal(SIGSEGV, on_abort);
  auto corpus = load(argc, argv);
  corpus.emplace_back();
  for (const auto& input : corpus) run(input);
  const char* given = std::getenv("HILLSTAR_SEED");
  const auto seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 1ULL;
  std::printf("%zu files, mutations from seed %llu\n", corpus.size() - 1, static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  std::mt19937_64 dice(seed);
  std::size_t done = 0;
  for (; done < kMutations && std::clock() < kSecondsMax * CLOCKS_PER_SEC; ++done)
    run(mutate(corpus[dice() % corpus.size()], corpus, dice));
  std::printf("%zu mutations held\n", done);
  return 0;
}
