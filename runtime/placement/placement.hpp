// SPDX-License-Identifier: Apache-2.0
// Which machine makes an attempt: decided from what is known of the machines, and from nothing else. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/workflow/plan.hpp"

namespace hillstar::placement {

/// Of the runs that a machine has served, the newest are remembered.
inline constexpr std::size_t kServedMax = 256;
/// The label that says up to which class of data a machine is cleared; one without it: the lowest class.
inline constexpr std::string_view kClearanceLabel = "clearance";

/// A worker as its owner sees it. Whoever owns it keeps `labels`, `slots`, the two flags and `blobs` up to date; `take`
/// and `give_back` keep the rest.
struct Machine {
  std::string name;
  std::map<std::string, std::string> labels;  ///< Empty value: a label that is only a name.
  std::uint32_t slots = 1;                    ///< In all.
  std::uint32_t used = 0;                     ///< May be above `slots`, if the machine has become smaller since.
  bool cordoned = false;                      ///< A person lets nothing more go there.
  bool draining = false;                      ///< It ends what it has, and then itself.
  std::map<std::string, std::uint32_t> attempts_of_run;  ///< Run -> its attempts that are under way here.
  std::vector<std::string> served;                       ///< Runs that had attempts here, newest last.
  std::unordered_set<std::string> blobs;                 ///< SHA-256 of what it has, as far as that is known.

  [[nodiscard]] std::uint32_t free() const { return used < slots ? slots - used : 0; }
  [[nodiscard]] bool is_open() const { return !cordoned && !draining; }
};

/// The class of data that an attempt gets, and which there are.
struct Clearance {
  std::vector<std::string> classes;  ///< Lowest first, as in policy::DataRules.
  std::size_t needs = 0;             ///< Place of the class among them; 0: every machine will do.
};

/// What an attempt asks for.
struct Wish {
  workflow::Placement placement;
  std::string run;
  std::vector<std::pair<std::string, std::uint64_t>> inputs = {};  ///< SHA-256 and bytes.
  std::optional<Clearance> clearance = {};                         ///< Absent: no class of data matters.
};

/// What is missing. The first four last until another machine comes; the others only until something ends, or a person
/// lets the machine go on.
enum class Lack { machine, label, clearance, size, open, free };

struct NoPlace {
  Lack lack = Lack::machine;
  std::string why;        ///< One sentence; the same as long as the reason is.
  std::size_t ahead = 0;  ///< Attempts that wait for the same machines and come first.

  /// As things are, no machine can ever make it.
  [[nodiscard]] bool is_impossible() const { return lack < Lack::open; }
  /// `both workers with the label gpu are busy: 3 attempts wait before this one`.
  [[nodiscard]] std::string sentence() const;
};

/// Whether it has what the wish names, whatever is going on there: labels, clearance and slots in all.
bool suits(const Machine& machine, const Wish& wish);

/// The machine that makes it: one that suits, is open and has the slots free; of those by the rule of the placement,
/// then most of the labels that are preferred, most bytes of the inputs already there, most of its slots free, and
/// name. `kept`, if any, has a place for each machine: true leaves that one out.
std::variant<std::size_t, NoPlace> choose(const std::vector<Machine>& machines, const Wish& wish,
                                          const std::vector<bool>& kept = {});

/// Why no machine makes it now, if none is kept for another attempt. `machines` may have room after all: then what is
/// missing is the turn.
NoPlace why_not(const std::vector<Machine>& machines, const Wish& wish);

/// An attempt begins there, or is found to be under way there.
void take(Machine& machine, const Wish& wish);
/// An attempt of that many slots has ended there.
void give_back(Machine& machine, const std::string& run, std::uint32_t slots);

}  // namespace hillstar::placement
