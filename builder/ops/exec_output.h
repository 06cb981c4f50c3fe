#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/digest.h"
#include "base/fd.h"
#include "builder/ops/op.h"

namespace slipway::cache {
class Store;
}

namespace slipway::builder {

// Collects what a step prints. Both of the step's streams end in one pipe, so that their order is
// the one in which they were written. A thread reads it: everything goes to the sink and,
// compressed, to a blob; memory does not grow with the amount.
//
// Bytes of `masked` (build secrets) are shown as "***", also where they fall across two reads.
class ExecOutput {
 public:
  ExecOutput(cache::Store& store, OutputSink sink, std::vector<std::string> masked);
  ~ExecOutput();
  ExecOutput(const ExecOutput&) = delete;
  ExecOutput& operator=(const ExecOutput&) = delete;

  // For the step's standard output and standard error.
  int descriptor() const { return pipe_.write_end.get(); }

  // After the step's end: reads what is left and gives the blob of the whole log; nothing if
  // nothing was printed. Once.
  std::optional<base::Digest> finish();

 private:
  struct Log;
  void read_all();
  void pass(std::string_view bytes);

  cache::Store* store_;
  OutputSink sink_;
  std::vector<std::string> masked_;
  base::Pipe pipe_;
  std::string held_back_;  // an end that may be the beginning of a secret
  std::unique_ptr<Log> log_;
  std::exception_ptr error_;
  std::jthread reader_;
};

// A secret file mostly ends with a line feed that is no part of the secret.
std::string_view without_line_end(std::string_view secret);

// `text` with every occurrence of a masked text replaced. `keep` is how many bytes at the end may
// be the beginning of one and were left out; they come again with the next bytes.
struct MaskedText {
  std::string text;
  std::size_t keep = 0;
};
MaskedText mask(std::string_view text, const std::vector<std::string>& masked);

}  // namespace slipway::builder
