// COPY, ADD and WORKDIR: steps that make a layer from files without running anything.
#include "base/error.h"
#include "base/text.h"
#include "builder/layer/archive_view.h"
#include "builder/layer/copy_plan.h"
#include "builder/layer/owners.h"
#include "builder/ops/services.h"
#include "cache/store.h"
#include "parser/chmod.h"

namespace slipway::builder {

namespace {

StepOutcome outcome_of(AddedLayer added) {
  return {{added.record.diff_id, added.record.content_id},
          added.record.tar_size,
          std::nullopt,
          std::move(added.rows)};
}

base::Timestamp time_for_new_files(const Vertex& vertex, const base::Clock& clock) {
  base::Timestamp now = clock.now();
  if (vertex.meta.source_date_epoch) {
    return std::min(now, base::Timestamp{*vertex.meta.source_date_epoch, 0});
  }
  return now;
}

class CopyOp : public Op {
 public:
  CopyOp(const Copy& copy, const OpServices& services) : copy_(&copy), services_(&services) {}
  bool is_step() const override { return true; }

  std::vector<KeyPart> source_parts(const OpInputs& inputs, Reading /*reading*/,
                                    std::stop_token stop) override {
    prepare(inputs, stop);
    if (expects_to_run(*inputs.vertex) && has_unread_files(request_, selection_)) {
      written_ = write(inputs, stop);
      selection_ = select_sources(request_);
    }
    return {{"content of sources", digest_of(request_, selection_, kReaders, stop).text()}};
  }

  StepOutcome run(const OpInputs& inputs, const OutputSink&, std::stop_token stop) override {
    return outcome_of(written_ ? *std::move(written_) : write(inputs, stop));
  }

 private:
  // The key needs a digest of every file. Where the step has never been made here it will very
  // likely have to be, so the layer is written at once and the digests fall out: each file is read
  // once. Should the key then be known after all, what was written is garbage that the store
  // sweeps.
  bool expects_to_run(const Vertex& vertex) const {
    return vertex.meta.ignore_cache ||
           !services_->store->records().find_latest(vertex.meta.name).has_value();
  }

  // Takes the selection: its memory is needed for the layer's entries. Making it again takes next
  // to nothing, because the views remember what they have listed.
  AddedLayer write(const OpInputs& inputs, const std::stop_token& stop) {
    request_.now = time_for_new_files(*inputs.vertex, *services_->clock);
    std::shared_ptr<const TreeView> base = base_view(inputs, stop);
    if (!copy_->chown.empty()) {
      request_.owner = find_owner(base.get(), copy_->chown);
    }
    const TreeView* destination = copy_->link ? nullptr : base.get();
    LayerEntries layer = plan_copy(request_, std::exchange(selection_, {}), destination);
    StoreForm form = services_->form_of(*inputs.vertex);
    if (std::optional<cache::StepRecord> before =
            services_->store->records().find_latest(inputs.vertex->meta.name)) {
      form.similar = before->diff_id;
    }
    return services_->layers->add_entries(layer, form, stop);
  }

  // Which files; the same for the key and for the run.
  void prepare(const OpInputs& inputs, const std::stop_token& stop) {
    request_.destination = copy_->destination;
    request_.excludes = copy_->excludes;
    request_.parents = copy_->parents;
    request_.link = copy_->link;
    if (!copy_->chmod.empty()) {
      request_.chmod = parsed_chmod();
    }
    if (copy_->is_add && copy_->unpack.value_or(true)) {
      request_.open_archive = [this, stop](const TreeView& view, const Entry& file) {
        return open_archive(view, file, services_->store->scratch_directory("archive-"), stop);
      };
    }
    for (const CopySource& source : copy_->sources) {
      request_.sources.push_back(request_source(source, inputs, stop));
    }
    selection_ = select_sources(request_);
  }

  CopyFrom request_source(const CopySource& source, const OpInputs& inputs,
                          const std::stop_token& stop) {
    if (source.kind == CopySource::Kind::kHeredoc) {
      return {nullptr, {}, source.heredoc_name, source.heredoc_content};
    }
    // No vertex: a stage that is empty (FROM scratch and nothing more).
    views_.push_back(source.from ? files_of(inputs.result(*source.from), *services_, stop)
                                 : services_->layers->view({}, stop));
    return {views_.back().get(), source.pattern, {}, {}};
  }

  parser::ChmodValue parsed_chmod() const {
    auto value = parser::parse_chmod(copy_->chmod);
    if (!value) {
      base::fail(base::ErrorKind::kInput, value.error());
    }
    return *value;
  }

  // The image's files are looked at for owners' names and, unless it is a --link, for the
  // destination. Nothing is needed of them for `COPY --link --chown=0`.
  std::shared_ptr<const TreeView> base_view(const OpInputs& inputs,
                                            const std::stop_token& stop) const {
    bool needed = !copy_->link || (!copy_->chown.empty() && !is_numeric_owner(copy_->chown));
    State base = inputs.base();
    if (!needed || base.empty()) {
      return nullptr;
    }
    return services_->layers->view(diff_ids_of(base), stop);
  }

  const Copy* copy_;  // owned by the graph
  const OpServices* services_;
  CopyRequest request_;
  CopySelection selection_;
  std::optional<AddedLayer> written_;                   // before the key was known
  std::vector<std::shared_ptr<const TreeView>> views_;  // what request_ points into
};

class DirectoryOp : public Op {
 public:
  DirectoryOp(const MakeDir& make_dir, const OpServices& services)
      : make_dir_(&make_dir), services_(&services) {}
  bool is_step() const override { return true; }

  StepOutcome run(const OpInputs& inputs, const OutputSink&, std::stop_token stop) override {
    State base = inputs.base();
    std::shared_ptr<const TreeView> view;
    if (!base.empty()) {
      view = services_->layers->view(diff_ids_of(base), stop);
    }
    Owner owner = make_dir_->user.empty() ? Owner{} : find_owner(view.get(), make_dir_->user);
    LayerEntries layer =
        plan_directory(base::ImagePath::clean(make_dir_->path), owner,
                       time_for_new_files(*inputs.vertex, *services_->clock), view.get());
    return outcome_of(
        services_->layers->add_entries(layer, services_->form_of(*inputs.vertex), stop));
  }

 private:
  const MakeDir* make_dir_;  // owned by the graph
  const OpServices* services_;
};

}  // namespace

std::unique_ptr<Op> make_copy_op(const Copy& copy, const OpServices& services) {
  return std::make_unique<CopyOp>(copy, services);
}

std::unique_ptr<Op> make_directory_op(const MakeDir& make_dir, const OpServices& services) {
  return std::make_unique<DirectoryOp>(make_dir, services);
}

}  // namespace slipway::builder
