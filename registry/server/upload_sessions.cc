#include "registry/server/upload_sessions.h"

#include "base/fs.h"

namespace slipway::registry {

namespace {

constexpr std::size_t kSessionsMax = 256;
constexpr std::int64_t kIdleSecondsMax = 3600;

}  // namespace

StoreSlot::StoreSlot(std::string root, std::shared_ptr<const base::Clock> clock)
    : root_(std::move(root)), clock_(std::move(clock)) {
  renew();
}

void StoreSlot::renew() {
  auto fresh = std::make_shared<cache::Store>(root_, cache::StoreOptions{.clock = clock_});
  store_.lock()->swap(fresh);
}

std::optional<std::string> UploadSessions::open(const std::string& repository) {
  std::shared_ptr<cache::Store> store = stores_->get();
  std::unique_ptr<cache::BlobWriter> writer = store->blobs().write();
  auto session = std::make_shared<Session>(
      Upload{.repository = repository, .store = std::move(store), .writer = std::move(writer)});
  std::string id = base::random_hex(16);
  std::int64_t now = clock_->now().seconds;
  auto entries = entries_.lock();
  std::erase_if(*entries, [&](const auto& entry) {
    return entry.second.used_seconds < now - kIdleSecondsMax;
  });
  if (entries->size() >= kSessionsMax) {
    return std::nullopt;
  }
  entries->emplace(id, Entry{std::move(session), repository, now});
  return id;
}

std::shared_ptr<UploadSessions::Session> UploadSessions::find(const std::string& repository,
                                                              const std::string& id) {
  auto entries = entries_.lock();
  auto found = entries->find(id);
  if (found == entries->end() || found->second.repository != repository) {
    return nullptr;
  }
  found->second.used_seconds = clock_->now().seconds;
  return found->second.session;
}

void UploadSessions::close(const std::string& id) {
  std::shared_ptr<Session> last;  // destroyed outside of the lock
  auto entries = entries_.lock();
  if (auto found = entries->find(id); found != entries->end()) {
    last = std::move(found->second.session);
    entries->erase(found);
  }
}

}  // namespace slipway::registry
