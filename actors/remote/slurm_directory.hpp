// SPDX-License-Identifier: Apache-2.0
// All attempts of an engine that jobs of a cluster make: submitted, followed, taken up again, stopped.
//
// It has a thread of its own, for it waits for disks and for the programs of Slurm. What these say is understood by
// runtime/placement/slurm.hpp; what the jobs leave, by slurm_spool.hpp.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/live_output.hpp"
#include "actors/remote/placed_node.hpp"
#include "actors/remote/slurm_spool.hpp"
#include "actors/remote/spool_output.hpp"
#include "runtime/placement/slurm.hpp"
#include "runtime/platform/slurm_programs.hpp"
#include "runtime/tools/tool.hpp"

namespace hillstar::actors {

/// How often it looks whether attempts have left a report, and of how many of them.
inline constexpr Millis kSlurmTick{500};
inline constexpr std::size_t kSlurmLooksMax = 128;
/// A job that waits for longer is told of; another reason, so long after the last.
inline constexpr Millis kSlurmToldAfter{3'000};
inline constexpr Millis kSlurmToldAgain{30'000};
/// A job that we stopped and that has not ended is told so again.
inline constexpr Millis kSlurmStopAgain{20'000};
inline constexpr Millis kSlurmForgetAfter{60'000};
/// The bytes of a result that cannot be read are asked for again so often, a look apart.
inline constexpr unsigned kSlurmCopiesMax = 60;

struct SlurmTick {};

using SlurmDirectory = caf::typed_actor<caf::reacts_to<PlaceAttempt>, caf::reacts_to<WithdrawPlaced>,
                                        caf::reacts_to<AttemptKept>, caf::reacts_to<SlurmTick>>;

struct SlurmDirectoryParts {
  ServicesPtr services;
  std::shared_ptr<tools::CancelFlag> stop;  ///< Set: a program of Slurm is waited for no longer.
  Lifeline alive;
};

class SlurmDirectoryState {
 public:
  explicit SlurmDirectoryState(SlurmDirectory::pointer actor) : self_(actor) {}

  void open(SlurmDirectoryParts parts);
  void on_place(const PlaceAttempt& message);
  void on_withdraw(const WithdrawPlaced& message);
  void on_kept(const AttemptKept& message);
  void on_tick();

  const char* name = "slurm";

 private:
  using Moment = std::chrono::steady_clock::time_point;

  /// unsent: nothing was submitted. unsure: something may have been. sent: its job is known.
  enum class Stage { unsent, unsure, sent, ended };
  struct Placed {
    explicit Placed(SlurmSpool where) : spool(std::move(where)) {}
    PlacedPtr what;  ///< Null: nobody waits for its end any more.
    SlurmSpool spool;
    std::string job_name;
    Stage stage = Stage::unsent;
    std::string job;
    std::optional<placement::SlurmRow> row;
    Moment since{};  ///< When it was placed.
    Moment try_at{};
    Millis wait{0};
    std::optional<Moment> over;  ///< Since when Slurm says that it has ended, or does not know it.
    bool claimed = false;
    bool stopping = false;
    Moment stopped_at{};
    std::string told;
    Moment told_at{};
    std::unique_ptr<LiveOutput> live;
    std::optional<SpoolOutput> said;  ///< If there is `live`.
    unsigned copies = 0;              ///< Of its result, that failed.
  };

  // submitting
  void begin(Placed& placed);
  void submit(Placed& placed);
  Result<void> write(Placed& placed);
  void refuse(Placed& placed, const SlurmAnswer& answer);
  void try_later(Placed& placed, const std::string& why);
  void find(Placed& placed);
  void found(Placed& placed, const std::string& job);

  // following
  void ask();
  void ask_accounting(const std::vector<Placed*>& unknown);
  void see(Placed& placed, const std::optional<placement::SlurmRow>& row);
  void look(Placed& placed);
  void look_at_some();
  void tell(Placed& placed, const std::string& why);
  void check_queue_time(Placed& placed);
  void show_output(Placed& placed);

  // ends
  void judge(Placed& placed, const std::optional<remote::Report>& report);
  void take(Placed& placed, const remote::Report& report);
  void stop(Placed& placed);
  void end_unwanted(const PlacedAttempt& what);
  void end(Placed& placed, NodeOutcome outcome);
  void fail(Placed& placed, FailureClass kind, const Error& error);
  void lose(Placed& placed, const std::string& why);
  void cancelled(Placed& placed, bool unsent);
  [[nodiscard]] MadeBy made_by(const Placed& placed) const;

  SlurmAnswer run(const std::vector<std::string>& arguments);
  void sweep();
  void remove_left();
  void arm();
  [[nodiscard]] Moment now() const { return parts_.services->clock->steady_now(); }

  SlurmDirectory::pointer self_;
  SlurmDirectoryParts parts_;
  std::vector<std::string> environment_;  ///< Of the programs of Slurm.
  std::string program_;                   ///< Ours, as jobs start it.
  std::map<std::string, Placed> placed_;  ///< By key.
  std::string looked_;                    ///< The key at which the last look ended.
  std::map<std::string, bool> roots_;     ///< Folders of folders; true: what an earlier host left there was seen to.
  Moment ask_at_{};
  Millis ask_wait_{0};
  bool changed_ = false;
  std::string silent_;  ///< Why Slurm did not answer, as it was told last.
  bool ticking_ = false;
};

SlurmDirectory::behavior_type slurm_directory(SlurmDirectory::stateful_pointer<SlurmDirectoryState> self,
                                              SlurmDirectoryParts parts);

}  // namespace hillstar::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::SlurmTick)
