// SPDX-License-Identifier: Apache-2.0
// The workers of this host, and the attempts that they make. Decides nothing about runs; whose turn it is where says
// runtime/placement.
//
// An attempt has one machine. Its end counts if that machine says it while it is that machine's; all else that a worker
// says of attempts is answered with "forget it". A connection that ends may come back within kReconnectTime, with the
// same process behind it; a worker that is not heard of for `lost_after` is gone, and so are its attempts. After a
// restart of the host, attempts that were under way wait as long for a worker that still makes them, and can show that
// it was given them.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/live_output.hpp"
#include "actors/remote/admission.hpp"
#include "actors/remote/blob_port.hpp"
#include "actors/remote/claim.hpp"
#include "actors/remote/slurm_directory.hpp"
#include "actors/services.hpp"
#include "runtime/placement/wait_queue.hpp"

namespace hillstar::actors {

/// A connection that is gone for longer is a worker that is gone.
inline constexpr Millis kReconnectTime{2'000};
/// How often time is looked at while there is something to look at.
inline constexpr Millis kWorkersTick{500};
/// An attempt waits so long before its run is told why.
inline constexpr Millis kPlaceToldAfter{1'000};
/// A worker that makes nothing says so many times more seldom that it is there, and is given up so much later: the
/// kernel notices a machine that is gone.
inline constexpr int kIdleTimes = 5;
/// That ends are durable is said in this time, or when so many are.
inline constexpr Millis kKeptToldAfter{20};
inline constexpr std::size_t kKeptTogether = 128;
/// An end that no run wanted is forgotten then.
inline constexpr Millis kForgetAfter{60'000};
/// A worker asks for a certificate no more often, and so many at once.
inline constexpr Millis kRenewEvery{1'000};
inline constexpr std::size_t kRenewalsMax = 4;
/// The end of one attempt, as JSON.
inline constexpr std::uint64_t kReportMax = 4U << 20U;
/// All that it brings.
inline constexpr std::uint64_t kReportBlobsMax = 16ULL << 30U;

struct WorkerDirectoryParts {
  ServicesPtr services;
  bool takes_workers = false;
  Millis lost_after{10'000};
  Lifeline alive;
};

class WorkerDirectoryState {
 public:
  explicit WorkerDirectoryState(WorkerDirectory::pointer actor) : self_(actor) {}
  ~WorkerDirectoryState();

  void open(WorkerDirectoryParts parts);
  void on_place(const PlaceAttempt& message);
  void on_withdraw(const WithdrawPlaced& message);
  void on_kept(const AttemptKept& message);
  void on_report_here(const ReportHere& message);
  void on_list(const ListWorkers& message) const;
  void on_tell(const TellWorker& message);
  void on_tick();
  void on_kept_due();
  void on_up(const wire::PeerUp& message);
  void on_frame(wire::PeerFrame& message);
  void on_down(const wire::PeerDown& message);
  void on_claim_key(const UseClaimKey& message) { claim_key_ = message.key; }
  void on_authority(const UseAuthority& message) { renew_ = message.renew; }
  void on_certificate_made(const CertificateMade& message);

  const char* name = "workers";

 private:
  using Moment = std::chrono::steady_clock::time_point;

  struct Worker {
    wire::Peer peer;
    wire::FrameSink sink;
    std::string session;
    std::string program;
    placement::Machine machine;  ///< While it is away; else it is among `machines_`.
    std::optional<std::size_t> index;
    Moment heard;  ///< A beat; or the connection ended; or it was idle, and got an attempt.
    std::size_t making = 0;
    std::uint32_t protocol = 0;       ///< The older of both.
    bool rests = false;               ///< It was told idle_beat.
    std::optional<Moment> renews_at;  ///< When it last asked for a new certificate.
    std::vector<std::string> kept;    ///< Attempts whose ends are durable, and it was not told so yet.
    std::set<std::string> unproved;   ///< Attempts that it names, and must show claims for.
    UtcTime seen{};
    remote::Beat beat;
    BlobPort port;
  };
  struct Stranger {
    wire::PeerUp up;
    Moment since;
  };
  enum class Stage { waiting, adopting, running, reported, ended };
  struct Placed {
    PlacedPtr what;
    Stage stage = Stage::waiting;
    placement::WaitQueue::Ticket ticket = 0;
    std::string worker;
    std::vector<std::string> offered;  ///< Blobs that its worker may ask for.
    Moment since;
    std::string told;  ///< The last reason that its run was told.
    std::unique_ptr<LiveOutput> live;
  };

  // workers
  void welcome(const wire::PeerUp& up, const remote::Hello& hello);
  std::optional<remote::Refused> refusal_of(const wire::Peer& peer, const remote::Hello& hello) const;
  Worker* worker_of(std::uint64_t peer);
  void go_away(Worker& worker);
  void lose(const std::string& worker, const std::string& why);
  void break_off(Worker& worker, const std::string& what);
  void look_at_strangers(Moment now);
  void say(const std::string& who, const std::string& line);
  bool end_window(const std::string& who, const LineLimit& limit, Moment now) const;
  placement::Machine& machine_of(Worker& worker);

  // attempts
  SlurmDirectory& slurm();
  void enqueue(Placed& placed);
  void place_all();
  void begin(Placed& placed, Worker& worker);
  void send(Placed& placed, Worker& worker);
  void adopt(Placed& placed, Worker& worker);

  // worker_renewal.cpp
  void on_renew(Worker& worker, const remote::RenewAsked& asked);

  // what a worker says that it was given: worker_claims.cpp
  void take_back(Worker& worker, const remote::Hello& hello);
  void on_claims(Worker& worker, const remote::Claims& shown);
  void take_proved(const std::string& key, Worker& worker);
  void refuse_unproved(Worker& worker, const std::string& why);
  [[nodiscard]] bool may_prove(const std::string& key);
  [[nodiscard]] static ClaimOwner owner_of(const Worker& worker) { return {worker.peer.name, worker.session}; }

  // ends
  void on_outcome(Worker& worker, const wire::PeerFrame& message);
  void take_report(const std::string& key, Result<remote::Report> report);
  void fetch(const std::string& key, std::vector<BlobRef> blobs, std::shared_ptr<const remote::Report> report);
  void end(Placed& placed, NodeOutcome outcome);
  void release(Placed& placed);
  void forget(const std::string& key, Worker& worker);
  void confirm(const std::string& key, Worker& worker);
  static void tell_kept(Worker& worker);
  void look_at_waiting(Moment now);
  [[nodiscard]] placement::Wish wish_of(const Placed& placed) const;
  [[nodiscard]] MadeBy made_by(const Placed& placed) const;

  void arm();
  [[nodiscard]] Moment now() const { return parts_.services->clock->steady_now(); }

  WorkerDirectory::pointer self_;
  WorkerDirectoryParts parts_;
  std::map<std::string, Worker> workers_;                  ///< By name.
  std::vector<placement::Machine> machines_;               ///< Of those that are there.
  std::unordered_map<std::uint64_t, Stranger> strangers_;  ///< Connected, and not welcomed yet.
  std::unordered_map<std::uint64_t, std::string> names_;   ///< Of welcomed connections.
  std::map<std::string, LineLimit> lines_;                 ///< In the log, by worker; of the last moments.
  std::unordered_map<std::string, Placed> placed_;         ///< By key.
  std::unordered_map<placement::WaitQueue::Ticket, std::string> tickets_;
  std::unordered_map<std::string, std::string> unclaimed_;  ///< Key -> worker: under way there, and no run asked yet.
  Secret claim_key_;
  RenewCertificate renew_;
  std::size_t renewals_ = 0;  ///< Under way.
  placement::WaitQueue queue_;
  std::set<std::string> cordoned_;  ///< Names, also of those that are away.
  Moment adopt_until_;              ///< Runs that are recovered ask by then, and workers come back.
  bool ticking_ = false;
  bool kept_due_ = false;  ///< on_kept_due() comes.
  SlurmDirectory slurm_;   ///< Of attempts that are jobs of a cluster; null until there is one.
  std::shared_ptr<tools::CancelFlag> slurm_stop_ = std::make_shared<tools::CancelFlag>();
};

WorkerDirectory::behavior_type worker_directory(WorkerDirectory::stateful_pointer<WorkerDirectoryState> self,
                                                WorkerDirectoryParts parts);

}  // namespace hillstar::actors
