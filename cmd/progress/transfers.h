#pragma once

// Progress of pulls and pushes, a line for each layer, in the words that docker's users know:
//
//   8c5a804f46c2: Pulling fs layer
//   8c5a804f46c2: Pull complete
//
// On a terminal each layer keeps its line and shows how far it is.

#include <cstdint>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "base/time.h"
#include "registry/events.h"

namespace slipway::cmd {

enum class TransferKind { kPull, kPush };

class TransferProgress {
 public:
  enum class Style {
    kQuiet,     // warnings only
    kLines,     // a line whenever something begins or ends
    kTerminal,  // lines are rewritten in place
  };
  struct Screen {
    int descriptor = -1;  // not owned
    Style style = Style::kLines;
    unsigned rows = 24;  // of the terminal
    unsigned columns = 80;
  };
  // What suits the descriptor: a terminal, or lines.
  static Screen screen_of(int descriptor, bool quiet);

  // The clock outlives this.
  TransferProgress(TransferKind kind, Screen screen, const base::Clock& clock)
      : kind_(kind), screen_(screen), clock_(&clock) {}

  // Calls show(); this outlives the observer.
  registry::TransferObserver observer();
  // From any thread.
  void show(const registry::TransferEvent& event);

  // How many blobs were moved, not found or mounted.
  std::uint64_t moved();

 private:
  struct Line {
    std::string id;
    std::string status;
    std::uint64_t current = 0;
    std::uint64_t total = 0;
    std::int64_t drawn_ns = 0;
  };
  struct Lines {
    std::vector<Line> lines;
    std::uint64_t moved = 0;
  };
  std::string status_of(const registry::TransferEvent& event) const;
  std::string bar_text(const Line& line) const;
  void draw(Lines& lines, std::size_t place, bool is_new);
  void write(const std::string& text) const;

  TransferKind kind_;
  Screen screen_;
  const base::Clock* clock_;
  base::Guarded<Lines> lines_;
};

}  // namespace slipway::cmd
