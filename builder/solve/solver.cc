#include "builder/solve/solver.h"

#include <algorithm>
#include <cassert>
#include <deque>
#include <functional>
#include <system_error>
#include <thread>
#include <utility>

#include "base/digest.h"
#include "base/guarded.h"
#include "base/text.h"
#include "base/worker_pool.h"
#include "builder/solve/schedule.h"
#include "builder/solve/step_key.h"

namespace slipway::builder {

namespace {

// One vertex on its way through: key, record, or execution.
class VertexJob {
 public:
  VertexJob(const Solver::Parts& parts, const EventSink& events, OpInputs inputs, VertexId id)
      : parts_(parts), events_(events), inputs_(std::move(inputs)), id_(id) {}

  VertexResult run(std::stop_token stop) {
    base::throw_if_stopped(stop);
    start_ns_ = parts_.clock->steady_ns();
    events_(StepStarted{id_, name()});
    std::unique_ptr<Op> op = parts_.ops->make(*inputs_.vertex);
    if (!op->is_step()) {
      VertexResult result = op->open(inputs_, stop);
      end(StepVerdict::kDone);
      return result;
    }
    return run_step(*op, stop);
  }

  void end(StepVerdict how, std::vector<std::string> missed_by = {}) {
    events_(
        StepEnded{id_, name(), how, parts_.clock->steady_ns() - start_ns_, std::move(missed_by)});
  }

 private:
  const std::string& name() const { return inputs_.vertex->meta.name; }

  VertexResult run_step(Op& op, const std::stop_token& stop) {
    if (op.has_outline(inputs_)) {
      outline_ = identify(inputs_, {}).key;
      if (std::optional<UnreadClaim> claim = claim_unread(op, stop)) {
        return run_unread(op, *std::move(claim), stop);
      }
    }
    StepIdentity identity = identify(inputs_, op.source_parts(inputs_, Op::Reading::kFirst, stop));
    if (std::optional<RememberedStep> remembered = find(identity.key)) {
      return take(*remembered);
    }
    if (outline_) {
      // Who runs the step unread has its key claimed from then on.
      parts_.steps->claim(reading_key(*outline_), stop);
    }
    std::unique_ptr<StepCache::Claim> claim = parts_.steps->claim(identity.key, stop);
    // Somebody else may have carried it out while we waited.
    if (std::optional<RememberedStep> remembered = find(identity.key)) {
      return take(*remembered);
    }
    return keep(identity, run_op(op, stop));
  }

  std::optional<RememberedStep> find(const cache::StepKey& key) {
    return inputs_.vertex->meta.ignore_cache ? std::nullopt : parts_.steps->find(key);
  }

  // Of a step that is carried out while its sources are read: nobody else does that with one of the
  // same outline, which may be the very same step; and who has read its sources before it runs can
  // wait until these are read, too.
  struct UnreadClaim {
    std::unique_ptr<StepCache::Claim> outline;
    std::unique_ptr<StepCache::Claim> reading;
  };

  static cache::StepKey reading_key(const cache::StepKey& outline) {
    return cache::StepKey(base::sha256_of(base::cat("reading for ", outline.text())));
  }

  // Where no step of this outline was ever kept, what the sources hold can't lead to a record, so
  // that need not be waited for. Nothing where it has to be.
  std::optional<UnreadClaim> claim_unread(Op& op, const std::stop_token& stop) {
    bool ignore_cache = inputs_.vertex->meta.ignore_cache;
    auto is_known = [&] { return !ignore_cache && parts_.steps->knows_outline(*outline_); };
    if (is_known() || !op.can_run_unread(inputs_, stop)) {
      return std::nullopt;
    }
    UnreadClaim claim{parts_.steps->try_claim(*outline_),
                      parts_.steps->try_claim(reading_key(*outline_))};
    if (!claim.outline || !claim.reading || is_known()) {
      return std::nullopt;
    }
    return claim;
  }

  VertexResult run_unread(Op& op, UnreadClaim unread, const std::stop_token& stop) {
    std::optional<StepIdentity> identity;
    std::unique_ptr<StepCache::Claim> claim;
    std::optional<StepOutcome> outcome;
    std::vector<std::move_only_function<void(std::stop_token)>> jobs;
    jobs.push_back([&](std::stop_token both) {
      std::unique_ptr<Op> reader = parts_.ops->make(*inputs_.vertex);
      identity =
          identify(inputs_, reader->source_parts(inputs_, Op::Reading::kBeside, std::move(both)));
      claim = parts_.steps->try_claim(identity->key);
      unread.reading.reset();
    });
    jobs.push_back([&](std::stop_token both) { outcome = run_op(op, both); });
    base::run_all(std::move(jobs), 2, stop);
    return keep(*identity, *std::move(outcome));
  }

  VertexResult take(const RememberedStep& remembered) {
    end(StepVerdict::kCached);
    return result_of(remembered);
  }

  StepOutcome run_op(Op& op, const std::stop_token& stop) {
    auto print = [&](std::string_view bytes) { events_(StepPrinted{id_, std::string(bytes)}); };
    return op.run(inputs_, print, stop);
  }

  VertexResult keep(const StepIdentity& identity, StepOutcome outcome) {
    std::string described = describe_parts(identity.parts);
    std::vector<std::string> missed_by = explain(described);
    RememberedStep remembered{outcome.layer,
                              parts_.clock->now(),
                              parts_.clock->steady_ns() - start_ns_,
                              outcome.layer_size_bytes,
                              outcome.log,
                              std::move(described)};
    if (outcome.is_of_key) {
      if (outline_) {
        outcome.rows.step_outlines.push_back({*outline_, identity.key});
      }
      parts_.steps->keep(identity.key, remembered, name(), std::move(outcome.rows));
    } else {
      parts_.steps->keep_unrecorded(std::move(outcome.rows));
    }
    end(StepVerdict::kDone, std::move(missed_by));
    return result_of(remembered);
  }

  std::vector<std::string> explain(const std::string& described) {
    std::optional<std::string> older = parts_.steps->find_parts_by_name(name());
    return older ? differing_parts(*older, described) : std::vector<std::string>();
  }

  VertexResult result_of(const RememberedStep& remembered) {
    VertexResult result;
    result.state = inputs_.base();
    result.state.push(remembered.layer);
    result.created = remembered.created;
    return result;
  }

  const Solver::Parts& parts_;
  const EventSink& events_;
  OpInputs inputs_;
  VertexId id_;
  std::int64_t start_ns_ = 0;
  std::optional<cache::StepKey> outline_;  // of steps that have one
};

// One solve. The caller's thread works, too; others are added when there is more to do at once. Who
// has finished a vertex goes on with what that made ready: in a chain of steps nobody waits for
// anybody to wake up, which would cost more than a cached step.
class Drive {
 public:
  Drive(const Solver::Parts& parts, const EventSink& events, const Graph& graph,
        const std::vector<VertexId>& wanted, const SolveOptions& options)
      : parts_(parts),
        events_(events),
        graph_(graph),
        options_(options),
        shared_(Shared(schedule_of(graph, wanted))),
        results_(graph.vertices.size()) {}

  std::expected<SolveResults, StepFailure> run(std::stop_token stop) {
    std::stop_callback forward(stop, [&] { cancel_.request_stop(); });
    note_ready(*shared_.lock());
    work();
    // Nothing is left to do, so nobody adds one any more.
    threads_.clear();
    auto shared = shared_.lock();
    if (shared->failure) {
      return std::unexpected(std::move(*shared->failure));
    }
    assert(shared->schedule.left() == 0);
    return std::move(results_);
  }

 private:
  struct Shared {
    explicit Shared(Schedule all) : schedule(std::move(all)) {}
    Schedule schedule;
    std::deque<std::size_t> ready;
    std::size_t running = 0;
    std::size_t idle = 0;  // threads that wait for something to be ready
    bool no_more_threads = false;
    std::optional<StepFailure> failure;
  };
  struct Task {
    std::size_t index;
    OpInputs inputs;
  };

  static Schedule schedule_of(const Graph& graph, const std::vector<VertexId>& wanted) {
    std::vector<std::vector<std::size_t>> inputs(graph.vertices.size());
    for (std::size_t i = 0; i < graph.vertices.size(); ++i) {
      for (VertexId input : inputs_of(graph.vertices[i])) {
        inputs[i].push_back(index_of(input));
      }
    }
    std::vector<std::size_t> wanted_indexes;
    std::transform(wanted.begin(), wanted.end(), std::back_inserter(wanted_indexes), index_of);
    return Schedule(std::move(inputs), wanted_indexes);
  }

  static void note_ready(Shared& shared) {
    for (std::size_t index : shared.schedule.take_ready()) {
      shared.ready.push_back(index);
    }
  }

  // Results of finished vertices stay as they are, so that pointers to them need no lock.
  OpInputs inputs_for(std::size_t index) const {
    OpInputs inputs{&graph_.vertices[index], inputs_of(graph_.vertices[index]), {}};
    for (VertexId id : inputs.ids) {
      inputs.results.push_back(&*results_[index_of(id)]);
    }
    return inputs;
  }

  // On every thread, until nothing is left.
  void work() {
    while (std::optional<Task> task = take()) {
      finish(task->index, carry_out(VertexId(task->index), std::move(task->inputs)));
    }
  }

  std::optional<Task> take() {
    auto shared = shared_.lock();
    ++shared->idle;
    shared.wait([&](const Shared& all) {
      return all.running == 0 || (!all.ready.empty() && may_begin_another());
    });
    --shared->idle;
    if (shared->ready.empty()) {
      return std::nullopt;
    }
    std::size_t index = shared->ready.front();
    shared->ready.pop_front();
    ++shared->running;
    if (!shared->ready.empty()) {
      call_another(*shared);
    }
    return Task{index, inputs_for(index)};
  }

  bool may_begin_another() const {
    return !options_.may_begin_another || options_.may_begin_another();
  }

  // Where no more threads can be had, such as below a limit of processes, those that there are do
  // it all; a throw would leave the others waiting for the vertex that was taken.
  void call_another(Shared& shared) {
    if (shared.idle > 0) {
      shared_.notify_one();
    } else if (threads_.size() + 1 < options_.jobs && !shared.no_more_threads) {
      try {
        threads_.emplace_back([this] { work(); });
      } catch (const std::system_error&) {
        shared.no_more_threads = true;
      }
    }
  }

  // The vertex boundary: here an error stops climbing and becomes a value.
  std::expected<VertexResult, base::Error> carry_out(VertexId id, OpInputs inputs) {
    VertexJob job(parts_, events_, std::move(inputs), id);
    try {
      return job.run(cancel_.get_token());
    } catch (const base::Error& error) {
      job.end(error.kind() == base::ErrorKind::kCancelled ? StepVerdict::kCancelled
                                                          : StepVerdict::kFailed);
      return std::unexpected(error);
    } catch (const std::exception& error) {
      job.end(StepVerdict::kFailed);
      return std::unexpected(base::Error(base::ErrorKind::kInternal, error.what()));
    }
  }

  void finish(std::size_t index, std::expected<VertexResult, base::Error> outcome) {
    auto shared = shared_.lock();
    --shared->running;
    if (outcome) {
      results_[index] = std::move(*outcome);
      shared->schedule.finish(index);
    } else {
      note_failure(*shared, VertexId(index), outcome.error());
    }
    if (shared->failure) {
      shared->ready.clear();
    } else {
      note_ready(*shared);
    }
    if (shared->ready.empty() && shared->running == 0) {
      shared_.notify_all();
    }
  }

  // The first failure stays, but one that is not a cancellation replaces a cancellation: the
  // reason, not its consequence.
  void note_failure(Shared& shared, VertexId vertex, const base::Error& error) {
    bool is_reason = error.kind() != base::ErrorKind::kCancelled;
    if (!shared.failure ||
        (is_reason && shared.failure->error.kind() == base::ErrorKind::kCancelled)) {
      shared.failure = StepFailure{vertex, error};
    }
    cancel_.request_stop();
  }

  const Solver::Parts& parts_;
  const EventSink& events_;
  const Graph& graph_;
  const SolveOptions& options_;
  base::Guarded<Shared> shared_;
  SolveResults results_;               // written and looked up under shared_'s lock
  std::vector<std::jthread> threads_;  // likewise
  std::stop_source cancel_;
};

}  // namespace

Solver::Solver(Parts parts, SolveOptions options, EventSink events)
    : parts_(parts), options_(options), events_(std::move(events)) {}

std::expected<SolveResults, StepFailure> Solver::solve(const Graph& graph,
                                                       const std::vector<VertexId>& wanted,
                                                       std::stop_token stop) {
  if (wanted.empty()) {
    return SolveResults(graph.vertices.size());
  }
  return Drive(parts_, events_, graph, wanted, options_).run(std::move(stop));
}

}  // namespace slipway::builder
