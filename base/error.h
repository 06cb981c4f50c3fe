#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace slipway::base {

// Who must act. A new kind needs a caller that treats it differently.
enum class ErrorKind {
  kUsage,      // the command line
  kInput,      // what the user gave us: Dockerfile, context, archive, a command that failed
  kNotFound,   // something named does not exist
  kDenied,     // permission or credentials
  kNetwork,    // the other side or the way to it; trying again may help
  kIntegrity,  // bytes are not what their digest says, or a store is damaged
  kSystem,     // the machine: disk full, a kernel call that failed
  kCancelled,  // the user stopped it
  kInternal,   // a broken promise of our own code
};

// The one exception type of the project. `message` says what failed, on what, and the value seen:
// lower case, no full stop, no "error:". `notes` are context added while the error climbed,
// innermost first; a note is one line.
class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string message, int error_number = 0)
      : kind_(kind), message_(std::move(message)), error_number_(error_number) {}

  ErrorKind kind() const { return kind_; }
  const std::string& message() const { return message_; }
  const std::vector<std::string>& notes() const { return notes_; }
  // The errno of a failed system call, else 0.
  int error_number() const { return error_number_; }
  // What to do about it, if we truly know; empty otherwise. At most one: the first one given stays.
  const std::string& hint() const { return hint_; }

  const char* what() const noexcept override { return message_.c_str(); }

  void add_note(std::string note) { notes_.push_back(std::move(note)); }
  void set_hint(std::string hint) {
    if (hint_.empty()) {
      hint_ = std::move(hint);
    }
  }
  Error&& with_hint(std::string hint) && {
    set_hint(std::move(hint));
    return std::move(*this);
  }

 private:
  ErrorKind kind_;
  std::string message_;
  std::vector<std::string> notes_;
  std::string hint_;
  int error_number_;
};

[[noreturn]] void fail(ErrorKind kind, std::string message);
[[noreturn]] void fail(ErrorKind kind, std::string message, std::string hint);

// An Error for a failed system call: "openat /x/y: No such file or directory". EACCES, EPERM and
// EROFS are kDenied, ENOENT is kNotFound, the rest kSystem; ENOSPC and EDQUOT carry a hint.
Error system_error(int error_number, std::string_view call, std::string_view object);

// The message, then the notes outermost last, one a line; what a test or a log prints.
std::string describe(const Error& error);

// Runs `body`; an Error that leaves it gets the note `describe_step()` first. The note is made only
// on failure.
template <typename DescribeStep, typename Body>
std::invoke_result_t<Body> noting(DescribeStep describe_step, Body body) {
  try {
    return body();
  } catch (Error& error) {
    error.add_note(describe_step());
    throw;
  }
}

}  // namespace slipway::base
