#include "registry/progress_source.h"

#include <utility>

namespace slipway::registry {

namespace {

using Kind = TransferEvent::Kind;

// Events about bytes come no closer together.
constexpr std::uint64_t kProgressStepBytes = 256 * 1024;

class ProgressSource : public base::Source {
 public:
  ProgressSource(std::unique_ptr<base::Source> next, const Descriptor& descriptor,
                 const TransferObserver& observer)
      : next_(std::move(next)),
        observer_(observer),
        event_{.kind = Kind::kBytes,
               .digest = descriptor.digest.text(),
               .total = static_cast<std::uint64_t>(descriptor.size)} {}

  std::size_t read(std::span<char> bytes) override {
    std::size_t count = next_->read(bytes);
    event_.current += count;
    bool is_time = event_.current >= told_ + kProgressStepBytes || event_.current == event_.total;
    if (count > 0 && is_time) {
      told_ = event_.current;
      observer_(event_);
    }
    return count;
  }

 private:
  std::unique_ptr<base::Source> next_;
  TransferObserver observer_;
  TransferEvent event_;
  std::uint64_t told_ = 0;
};

}  // namespace

void tell(const TransferObserver& observer, TransferEvent::Kind kind,
          const Descriptor& descriptor) {
  if (observer) {
    observer({.kind = kind,
              .digest = descriptor.digest.text(),
              .total = static_cast<std::uint64_t>(descriptor.size)});
  }
}

std::unique_ptr<base::Source> with_progress(std::unique_ptr<base::Source> next,
                                            const Descriptor& descriptor,
                                            const TransferObserver& observer) {
  if (!observer) {
    return next;
  }
  return std::make_unique<ProgressSource>(std::move(next), descriptor, observer);
}

}  // namespace slipway::registry
