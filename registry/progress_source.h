#pragma once

#include <memory>

#include "base/stream.h"
#include "registry/events.h"
#include "registry/oci/descriptor.h"

namespace slipway::registry {

// Tells the observer about one blob; nothing where there is none.
void tell(const TransferObserver& observer, TransferEvent::Kind kind, const Descriptor& descriptor);

// Tells how much of the blob was read, not more often than makes sense; `next` itself where there
// is no observer.
std::unique_ptr<base::Source> with_progress(std::unique_ptr<base::Source> next,
                                            const Descriptor& descriptor,
                                            const TransferObserver& observer);

}  // namespace slipway::registry
