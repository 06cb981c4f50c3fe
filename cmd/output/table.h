#pragma once

#include <string>
#include <vector>

namespace slipway::cmd {

// Columns as docker prints them: each at least 10 characters wide, three spaces between, the last
// one not filled up.
//
//   REPOSITORY   TAG       IMAGE ID
//   busybox      latest    8c5a804f46c2
class Table {
 public:
  using Row = std::vector<std::string>;
  void add(Row cells) { rows_.push_back(std::move(cells)); }
  // All rows; control characters that would move the cursor or break the line are shown as spaces.
  std::string text() const;

 private:
  std::vector<Row> rows_;
};

}  // namespace slipway::cmd
