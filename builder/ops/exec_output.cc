#include "builder/ops/exec_output.h"

#include <algorithm>

#include "base/compress.h"
#include "cache/store.h"

namespace slipway::builder {

namespace {

constexpr std::string_view kMask = "***";

// How long an end of `text` is a proper beginning of `secret`.
std::size_t overlap(std::string_view text, std::string_view secret) {
  for (std::size_t length = std::min(text.size(), secret.size() - 1); length > 0; --length) {
    if (text.ends_with(secret.substr(0, length))) {
      return length;
    }
  }
  return 0;
}

}  // namespace

std::string_view without_line_end(std::string_view secret) {
  while (secret.ends_with('\n') || secret.ends_with('\r')) {
    secret.remove_suffix(1);
  }
  return secret;
}

MaskedText mask(std::string_view text, const std::vector<std::string>& masked) {
  MaskedText result{std::string(text)};
  for (const std::string& secret : masked) {
    for (std::size_t place = result.text.find(secret); place != std::string::npos;
         place = result.text.find(secret, place + kMask.size())) {
      result.text.replace(place, secret.size(), kMask);
    }
  }
  for (const std::string& secret : masked) {
    result.keep = std::max(result.keep, overlap(result.text, secret));
  }
  result.text.resize(result.text.size() - result.keep);
  return result;
}

// The compressed log; made at the first byte, because most steps print nothing.
struct ExecOutput::Log {
  explicit Log(cache::Store& store)
      : writer(store.blobs().write()),
        compressor(base::make_compressor(*writer, {.compression = base::Compression::kGzip})) {}
  std::unique_ptr<cache::BlobWriter> writer;
  std::unique_ptr<base::Sink> compressor;
};

ExecOutput::ExecOutput(cache::Store& store, OutputSink sink, std::vector<std::string> masked)
    : store_(&store), sink_(std::move(sink)), masked_(std::move(masked)), pipe_(base::make_pipe()) {
  for (std::string& secret : masked_) {
    secret.resize(without_line_end(secret).size());
  }
  // A short secret would mask half of the output, and an empty one everything.
  std::erase_if(masked_, [](const std::string& secret) { return secret.size() < 4; });
  reader_ = std::jthread([this] { read_all(); });
}

ExecOutput::~ExecOutput() {
  // Closing our end is what lets the reader come to an end.
  pipe_.write_end.reset();
}

void ExecOutput::read_all() {
  try {
    std::vector<char> piece(base::kCopyPieceBytes);
    while (std::size_t count = base::read_some(pipe_.read_end, piece, "output of the step")) {
      pass({piece.data(), count});
    }
  } catch (const base::Error&) {
    // Thrown again by finish(). Without a reader the step would hang on a full pipe, so the pipe
    // goes too.
    error_ = std::current_exception();
    pipe_.read_end.reset();
  }
}

void ExecOutput::pass(std::string_view bytes) {
  std::string text;
  if (!masked_.empty()) {
    std::string joined = held_back_ + std::string(bytes);
    MaskedText result = mask(joined, masked_);
    // What is kept back is taken from the masked text's end, where it is unmasked still.
    held_back_ = joined.substr(joined.size() - result.keep);
    text = std::move(result.text);
    bytes = text;
  }
  if (bytes.empty()) {
    return;
  }
  if (log_ == nullptr) {
    log_ = std::make_unique<Log>(*store_);
  }
  log_->compressor->write(bytes);
  sink_(bytes);
}

std::optional<base::Digest> ExecOutput::finish() {
  pipe_.write_end.reset();
  reader_.join();
  if (error_) {
    std::rethrow_exception(error_);
  }
  if (!held_back_.empty()) {
    // It was only a beginning.
    masked_.clear();
    pass(std::exchange(held_back_, {}));
  }
  if (log_ == nullptr) {
    return std::nullopt;
  }
  log_->compressor->finish();
  return log_->writer->commit().digest;
}

}  // namespace slipway::builder
