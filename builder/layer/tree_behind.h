#pragma once

#include <exception>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/guarded.h"
#include "builder/layer/tree_writer.h"

namespace slipway::builder {

// A TreeWriter that works on a thread of its own, some files behind, so that files are read and
// hashed while earlier ones are made. Everything is made in the order in which it was handed over,
// so hard links find their first names. What the writer throws is thrown by a later call. The
// thread is started when there is enough to do: a small tree costs none. Memory: about 2 MiB. One
// thread calls it.
class TreeBehind {
 public:
  // Of a file with its content that is handed over; larger ones are written through direct().
  static constexpr std::size_t kFileBytesMax = 64 * 1024;

  // The writer is owned by the caller and used by nobody else until finish() returns or this is
  // gone.
  explicit TreeBehind(TreeWriter& writer) : writer_(&writer) {}
  TreeBehind(const TreeBehind&) = delete;
  TreeBehind& operator=(const TreeBehind&) = delete;
  // Waits for the file that is being made and drops the rest.
  ~TreeBehind() = default;

  // Anything but kFile.
  void create(const Entry& entry);
  // A kFile with its whole content. Precondition: at most kFileBytesMax (asserted).
  void put_file(const Entry& entry, std::string content);
  // The writer itself, when everything before has been made; it is the caller's until the next call
  // here.
  TreeWriter& direct();
  // Makes everything and finishes the writer.
  void finish();

 private:
  struct Job {
    Entry entry;
    std::string content;  // of a kFile
  };
  using Jobs = std::vector<Job>;
  struct Shared {
    std::vector<Jobs> waiting;
    bool is_working = false;
    std::exception_ptr failure;
  };

  void add(Job job);
  void hand_over();
  void drain();
  void carry_out(const Jobs& jobs, const std::stop_token& stop);
  void work(const std::stop_token& stop);
  std::optional<Jobs> take(const std::stop_token& stop);  // nothing: it is to end

  TreeWriter* writer_;
  Jobs jobs_;  // not handed over yet
  std::size_t bytes_ = 0;
  base::Guarded<Shared> shared_;
  std::optional<std::jthread> thread_;  // last: it uses the others
};

}  // namespace slipway::builder
