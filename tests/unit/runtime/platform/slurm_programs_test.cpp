// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/slurm_programs.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace hillstar;

TEST_CASE("slurm_programs: no key of a person reaches a program of Slurm") {
  const auto picked = slurm_environment({"PATH=/bin", "OPENAI_API_KEY=sk-1", "SLURM_CONF=/etc/slurm.conf", "HOME=/h",
                                         "SBATCH_EXPORT=ALL", "SBATCH_ACCOUNT=a", "PATHS=no", "LC_ALL=de_DE", "X", ""});
  CHECK(picked ==
        std::vector<std::string>{"PATH=/bin", "SLURM_CONF=/etc/slurm.conf", "HOME=/h", "SBATCH_ACCOUNT=a", "LC_ALL=C"});
}

TEST_CASE("slurm_programs: an answer is what was said and how it ended") {
  const std::vector<std::string> environment{"PATH=/usr/bin:/bin"};
  const auto good = ask_slurm({"sh", "-c", "echo out; echo err >&2"}, environment, -1);
  CHECK(good.ok);
  CHECK(good.out == "out\n");
  CHECK(good.err == "err\n");
  const auto bad = ask_slurm({"sh", "-c", "echo no >&2; exit 3"}, environment, -1);
  CHECK_FALSE(bad.ok);
  CHECK_FALSE(bad.absent);
  CHECK(bad.err == "no\n");
  CHECK(ask_slurm({"no-such-program-of-slurm"}, environment, -1).absent);
  CHECK(ask_slurm({"sbatch"}, {"PATH=/nonexistent"}, -1).absent);
}

TEST_CASE("slurm_programs: what a program prints is bounded, and the rest is thrown away") {
  const auto answer =
      ask_slurm({"sh", "-c", "head -c 40000 /dev/zero | tr '\\0' e >&2; echo out"}, {"PATH=/usr/bin:/bin"}, -1);
  CHECK(answer.ok);
  CHECK(answer.err.size() == kSlurmErrorsMax);
  CHECK(answer.out == "out\n");
}
