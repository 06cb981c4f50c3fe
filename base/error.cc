#include "base/error.h"

#include <cerrno>
#include <system_error>

#include "base/text.h"

namespace slipway::base {

namespace {

ErrorKind kind_of(int error_number) {
  switch (error_number) {
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorKind::kDenied;
    case ENOENT:
      return ErrorKind::kNotFound;
    default:
      return ErrorKind::kSystem;
  }
}

}  // namespace

void fail(ErrorKind kind, std::string message) {
  throw Error(kind, std::move(message));
}

void fail(ErrorKind kind, std::string message, std::string hint) {
  throw Error(kind, std::move(message)).with_hint(std::move(hint));
}

Error system_error(int error_number, std::string_view call, std::string_view object) {
  // generic_category's text is strerror's, but safe to ask for from several threads.
  std::string message = cat(call, object.empty() ? "" : " ", object, ": ",
                            std::generic_category().message(error_number));
  Error error(kind_of(error_number), std::move(message), error_number);
  if (error_number == ENOSPC || error_number == EDQUOT) {
    return std::move(error).with_hint(
        "free some space on that file system, or choose another store with --root");
  }
  return error;
}

std::string describe(const Error& error) {
  std::string out = error.message();
  for (const std::string& note : error.notes()) {
    out += cat("\n  while ", note);
  }
  if (!error.hint().empty()) {
    out += cat("\n  hint: ", error.hint());
  }
  return out;
}

}  // namespace slipway::base
