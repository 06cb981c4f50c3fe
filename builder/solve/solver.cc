#include "builder/solve/solver.h"

#include <algorithm>
#include <cassert>
#include <deque>
#include <utility>

#include "base/guarded.h"
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
    StepIdentity identity = identify(inputs_, op.source_parts(inputs_, stop));
    bool ignore_cache = inputs_.vertex->meta.ignore_cache;
    if (!ignore_cache) {
      if (std::optional<RememberedStep> remembered = parts_.steps->find(identity.key)) {
        return take(*remembered);
      }
    }
    std::unique_ptr<StepCache::Claim> claim = parts_.steps->claim(identity.key, stop);
    // Somebody else may have carried it out while we waited.
    if (!ignore_cache) {
      if (std::optional<RememberedStep> remembered = parts_.steps->find(identity.key)) {
        return take(*remembered);
      }
    }
    return execute(op, identity, stop);
  }

  VertexResult take(const RememberedStep& remembered) {
    end(StepVerdict::kCached);
    return result_of(remembered);
  }

  VertexResult execute(Op& op, const StepIdentity& identity, const std::stop_token& stop) {
    std::string described = describe_parts(identity.parts);
    std::vector<std::string> missed_by = explain(described);
    auto print = [&](std::string_view bytes) { events_(StepPrinted{id_, std::string(bytes)}); };
    StepOutcome outcome = op.run(inputs_, print, stop);
    RememberedStep remembered{outcome.layer,
                              parts_.clock->now(),
                              parts_.clock->steady_ns() - start_ns_,
                              outcome.layer_size_bytes,
                              outcome.log,
                              std::move(described)};
    parts_.steps->keep(identity.key, remembered, name(), std::move(outcome.rows));
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
    result.state.layers.push_back(remembered.layer);
    result.created = remembered.created;
    return result;
  }

  const Solver::Parts& parts_;
  const EventSink& events_;
  OpInputs inputs_;
  VertexId id_;
  std::int64_t start_ns_ = 0;
};

// What a worker posts back.
struct Posted {
  VertexId vertex;
  std::expected<VertexResult, base::Error> outcome;
};

// One solve: the schedule and the results belong to the driver's thread, `posted_` is what threads
// share.
class Drive {
 public:
  Drive(const Solver::Parts& parts, const EventSink& events, const Graph& graph,
        const std::vector<VertexId>& wanted)
      : parts_(parts),
        events_(events),
        graph_(graph),
        schedule_(schedule_of(graph, wanted)),
        results_(graph.vertices.size()) {}

  std::expected<SolveResults, StepFailure> run(unsigned jobs, std::stop_token stop) {
    std::stop_callback forward(stop, [&] { cancel_.request_stop(); });
    {
      base::WorkerPool pool(static_cast<unsigned>(std::min<std::size_t>(jobs, schedule_.needed())));
      start_ready(pool);
      while (running_ > 0) {
        receive(pool);
      }
    }
    if (failure_) {
      return std::unexpected(std::move(*failure_));
    }
    assert(schedule_.left() == 0);
    return std::move(results_);
  }

 private:
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

  void start_ready(base::WorkerPool& pool) {
    if (failure_) {
      return;
    }
    for (std::size_t index : schedule_.take_ready()) {
      ++running_;
      pool.submit([this, id = VertexId(index), inputs = inputs_for(index)]() mutable {
        work(id, std::move(inputs));
      });
    }
  }

  OpInputs inputs_for(std::size_t index) const {
    OpInputs inputs{&graph_.vertices[index], inputs_of(graph_.vertices[index]), {}};
    for (VertexId id : inputs.ids) {
      inputs.results.push_back(&*results_[index_of(id)]);
    }
    return inputs;
  }

  // On a worker's thread. The vertex boundary: here an error stops climbing and becomes a value.
  void work(VertexId id, OpInputs inputs) {
    VertexJob job(parts_, events_, std::move(inputs), id);
    try {
      post({id, job.run(cancel_.get_token())});
    } catch (const base::Error& error) {
      job.end(error.kind() == base::ErrorKind::kCancelled ? StepVerdict::kCancelled
                                                          : StepVerdict::kFailed);
      post({id, std::unexpected(error)});
    } catch (const std::exception& error) {
      job.end(StepVerdict::kFailed);
      post({id, std::unexpected(base::Error(base::ErrorKind::kInternal, error.what()))});
    }
  }

  void post(Posted posted) {
    posted_.lock()->push_back(std::move(posted));
    posted_.notify_one();
  }

  void receive(base::WorkerPool& pool) {
    std::deque<Posted> news;
    {
      auto posted = posted_.lock();
      posted.wait([](const std::deque<Posted>& queue) { return !queue.empty(); });
      std::swap(news, *posted);
    }
    for (Posted& posted : news) {
      --running_;
      if (posted.outcome) {
        results_[index_of(posted.vertex)] = std::move(*posted.outcome);
        schedule_.finish(index_of(posted.vertex));
      } else {
        note_failure(posted.vertex, posted.outcome.error());
      }
    }
    start_ready(pool);
  }

  // The first failure stays, but one that is not a cancellation replaces a cancellation: the
  // reason, not its consequence.
  void note_failure(VertexId vertex, const base::Error& error) {
    bool is_reason = error.kind() != base::ErrorKind::kCancelled;
    if (!failure_ || (is_reason && failure_->error.kind() == base::ErrorKind::kCancelled)) {
      failure_ = StepFailure{vertex, error};
    }
    cancel_.request_stop();
  }

  const Solver::Parts& parts_;
  const EventSink& events_;
  const Graph& graph_;
  Schedule schedule_;
  SolveResults results_;
  std::size_t running_ = 0;
  std::optional<StepFailure> failure_;
  std::stop_source cancel_;
  base::Guarded<std::deque<Posted>> posted_;
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
  return Drive(parts_, events_, graph, wanted).run(options_.jobs, std::move(stop));
}

}  // namespace slipway::builder
