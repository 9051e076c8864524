// SPDX-License-Identifier: Apache-2.0
#include "actors/exporter.hpp"

#include <caf/send.hpp>
#include <exception>
#include <utility>

namespace hillstar::actors {

ExportBell::ExportBell(Exporter exporter, RunId run)
    : exporter_(std::move(exporter)), run_(std::move(run)), bell_(std::make_shared<ExportDue::Bell>()) {}

void ExportBell::ring() const {
  if (bell_ && !bell_->rung.exchange(true)) caf::anon_send(exporter_, ExportDue{run_, bell_});
}

void ExporterState::open(ExporterParts parts) { parts_ = std::move(parts); }

void ExporterState::on_due(const ExportDue& message) {
  if (message.next_page)
    unfinished_.erase(message.run);
  else
    message.bell->rung.store(false);  // before the read: what becomes durable after it rings again
  if (message.bell->ended || !advance(message.run, *message.bell)) return;
  if (!unfinished_.try_emplace(message.run, message.bell).second) return;
  // One page at a time, so that other runs have their turn.
  caf::anon_send(Exporter(self_), ExportDue{message.run, message.bell, true});
}

void ExporterState::on_stop(const StopExporter& message) {
  for (const auto& [run, bell] : std::exchange(unfinished_, {}))
    while (advance(run, *bell)) {
    }
  message.reply.answer(true);
  self_->quit();
}

bool ExporterState::advance(const RunId& run, ExportDue::Bell& bell) {
  const auto [place, is_new] = runs_.try_emplace(run);
  auto& files = place->second;
  const bool failed_before = !is_new && !files;
  if (failed_before && !has_ended(run)) return false;
  const auto more = write_page(run, files);
  if (!more && !failed_before)
    parts_.log("warning: the files of run " + run.str() + " cannot be written (" + to_string(more.error()) +
               "). The run goes on; `export` writes them later.");
  bell.ended = more ? files->is_ended() : failed_before;
  if (bell.ended)
    runs_.erase(place);
  else if (!more)
    files.reset();
  return more && *more && !bell.ended;
}

Result<bool> ExporterState::write_page(const RunId& run, std::unique_ptr<RunExport>& files) const {
  try {
    if (!files) files = std::make_unique<RunExport>(*parts_.store, run, std::string(), run::HillstarOptions{});
    return files->advance();
  } catch (const std::exception& failure) {  // memory, or a bug: no reason to lose the files of the other runs
    return Error{Errc::internal, failure.what(), run.str()};
  }
}

bool ExporterState::has_ended(const RunId& run) const {
  const auto row = parts_.store->summary(run);
  return row && run::is_terminal(*row);
}

Exporter::behavior_type exporter(Exporter::stateful_pointer<ExporterState> self, ExporterParts parts) {
  self->state.open(std::move(parts));
  return {[self](const ExportDue& message) { self->state.on_due(message); },
          [self](const StopExporter& message) { self->state.on_stop(message); }};
}

}  // namespace hillstar::actors
