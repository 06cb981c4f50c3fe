// Rows that are ahead of their bytes.
//
// A build's steps are recorded as they end, without waiting for the disk each time: every process
// sees them at once, and a process that is killed loses none. Only a power cut could leave such a
// row without its bytes. So the transaction that writes it also writes a note with the number of
// this boot of the machine and what it is about; the next sync, by whichever process, takes the
// notes away that were there when it began. A store that is opened after another boot and finds
// notes takes what they name for lost.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cache/content/ids.h"
#include "cache/db/connection.h"
#include "cache/session/layout.h"
#include "cache/session/placed.h"

namespace slipway::cache {

// What the kernel calls this boot; nothing where it does not say.
std::optional<std::string> find_boot_id();

// The following are parts of somebody's write transaction.

void note_unsynced(Connection& connection, const std::string& boot, const Placed& placed,
                   const std::vector<StepKey>& records);
// The number of the newest note, 0 if there is none. To be asked before the sync begins ...
std::int64_t newest_unsynced(Connection& connection);
// ... and forgotten with all older ones of this boot when it has ended well.
void forget_unsynced(Connection& connection, const std::string& boot, std::int64_t newest);

// Takes the records, blobs and trees away that were not synced before the machine went down. Their
// other rows stay: rows without bytes count as absent.
void drop_lost(const Layout& layout, Connection& connection, const std::string& boot);

}  // namespace slipway::cache
