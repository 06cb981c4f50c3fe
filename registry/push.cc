#include "registry/push.h"

#include <set>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "base/worker_pool.h"

namespace slipway::registry {

namespace {

using Kind = TransferEvent::Kind;

constexpr std::uint64_t kProgressStepBytes = 256 * 1024;

// What the observer hears of one upload.
class UploadReport {
 public:
  UploadReport(const TransferObserver& observer, const Descriptor& descriptor)
      : observer_(&observer),
        event_{.digest = descriptor.digest.text(),
               .total = static_cast<std::uint64_t>(descriptor.size)} {}

  void tell(Kind kind) {
    if (*observer_) {
      event_.kind = kind;
      (*observer_)(event_);
    }
  }
  void sent(std::uint64_t count) {
    bool is_time = count < event_.current || count >= event_.current + kProgressStepBytes ||
                   count == event_.total;
    if (is_time && count > 0) {
      event_.current = count;
      tell(Kind::kBytes);
    }
  }
  void ended(const Client::UploadResult& result) {
    event_.from = result.mounted_from;
    switch (result.how) {
      case Client::Uploaded::kExisted:
        return tell(Kind::kExists);
      case Client::Uploaded::kMounted:
        return tell(Kind::kMounted);
      case Client::Uploaded::kSent:
        return tell(Kind::kDone);
    }
  }

 private:
  const TransferObserver* observer_;  // owned by the caller of push
  TransferEvent event_;
};

void push_one(Client& client, const Repository& repository, const PushBlob& blob,
              const TransferObserver& observer, std::stop_token stop) {
  UploadReport report(observer, blob.descriptor);
  report.tell(Kind::kStarted);
  Client::Upload upload{.descriptor = blob.descriptor,
                        .open = blob.open,
                        .known_sources = blob.known_sources,
                        .progress = [&report](std::uint64_t count) { report.sent(count); },
                        .is_verified = blob.is_verified};
  report.ended(client.push_blob(repository, upload, std::move(stop)));
}

bool is_uploaded(const PushBlob& blob, const PushOptions& options) {
  bool is_elsewhere = is_foreign_layer(blob.descriptor.media_type) && !blob.descriptor.urls.empty();
  return !is_elsewhere || options.foreign_layers == ForeignLayers::kUpload;
}

void push_blobs(Client& client, const Repository& repository, const Push& what,
                const PushOptions& options, std::stop_token stop) {
  std::vector<std::move_only_function<void(std::stop_token)>> jobs;
  std::set<base::Digest> seen = options.sent;
  for (const PushBlob& blob : what.blobs) {
    if (!is_uploaded(blob, options) || !seen.insert(blob.descriptor.digest).second) {
      continue;
    }
    jobs.emplace_back([&client, &repository, &blob, &options](std::stop_token job_stop) {
      push_one(client, repository, blob, options.observer, std::move(job_stop));
    });
  }
  base::run_all(std::move(jobs), options.parallel, std::move(stop));
}

}  // namespace

base::Digest digest_of(const PushDocument& document) {
  return document.digest ? *document.digest : base::sha256_of(document.bytes);
}

Descriptor descriptor_of(const PushDocument& document) {
  return {.media_type = document.media_type,
          .digest = digest_of(document),
          .size = static_cast<std::int64_t>(document.bytes.size())};
}

Pushed push(Client& client, const Push& what, const Reference& reference,
            const PushOptions& options, std::stop_token stop) {
  if (what.documents.empty()) {
    base::fail(base::ErrorKind::kInternal, "a push without a manifest");
  }
  Repository repository = repository_of(reference);
  push_blobs(client, repository, what, options, stop);
  for (std::size_t i = 0; i + 1 < what.documents.size(); ++i) {
    const PushDocument& document = what.documents[i];
    Reference repository_name = reference.without_tag_and_digest();
    client.put_manifest(document.tag.empty() ? repository_name.with_digest(digest_of(document))
                                             : repository_name.with_tag(document.tag),
                        document.bytes, document.media_type, stop);
  }
  const PushDocument& root = what.documents.back();
  base::Digest digest = client.put_manifest(reference.with_default_tag(), root.bytes,
                                            root.media_type, std::move(stop));
  Pushed pushed{.root = {.media_type = root.media_type,
                         .digest = std::move(digest),
                         .size = static_cast<std::int64_t>(root.bytes.size())}};
  for (const PushBlob& blob : what.blobs) {
    if (is_uploaded(blob, options)) {
      pushed.sources.push_back({.digest = blob.descriptor.digest,
                                .host = api_host(repository.domain),
                                .repository = repository.path});
    }
  }
  return pushed;
}

}  // namespace slipway::registry
