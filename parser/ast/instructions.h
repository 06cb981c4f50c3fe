#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "parser/ast/mounts.h"
#include "parser/source.h"

// The typed instructions. Values are as written: nothing is expanded (see ast/expand_instruction.h)
// and nothing outside the text was looked at.

namespace slipway::parser {

// What every instruction carries.
struct InstructionBase {
  std::string keyword;  // the instruction word as written: "copy"
  LineSpan lines;       // first to last physical line, heredoc bodies included
  std::string text;     // the joined line, trimmed: "copy  a b"
  // The comment lines remembered above it, trimmed, without '#'.
  std::vector<std::string> comments;
  std::size_t line_index = 0;  // into Dockerfile::lines; 0 in a trigger

  bool operator==(const InstructionBase&) const = default;
};

// A file given in the Dockerfile itself: the body of a heredoc of COPY or ADD.
struct InlineFile {
  std::string name;
  std::string content;  // leading tabs removed where the heredoc asked for that
  bool expand = false;  // expand with ExpandOptions::heredoc_body() before use

  bool operator==(const InlineFile&) const = default;
};

// A heredoc of RUN, CMD or ENTRYPOINT: `content` as written, not chomped.
struct ShellFile {
  std::string name;
  std::string content;
  bool chomp = false;

  bool operator==(const ShellFile&) const = default;
};

// COPY and ADD share their arguments. Paths come before heredocs whatever the written order.
struct CopyArguments {
  std::vector<std::string> sources;
  std::vector<InlineFile> files;
  std::string destination;
  std::string chown;
  std::string chmod;
  bool link = false;
  std::vector<std::string> exclude;

  bool operator==(const CopyArguments&) const = default;
};

struct Add : InstructionBase {
  CopyArguments copy;
  std::string checksum;
  std::optional<bool> keep_git_dir;  // nothing: the flag was not given
  std::optional<bool> unpack;

  bool operator==(const Add&) const = default;
};

struct Copy : InstructionBase {
  CopyArguments copy;
  std::string from;
  bool parents = false;

  bool operator==(const Copy&) const = default;
};

struct Arg : InstructionBase {
  struct Declaration {
    std::string name;  // raw, quotes and all
    std::optional<std::string> default_value;
    std::string description;  // the doc comment of this name
    bool operator==(const Declaration&) const = default;
  };
  std::vector<Declaration> declarations;  // at least one

  bool operator==(const Arg&) const = default;
};

// The command of RUN, CMD and ENTRYPOINT. Exec form: `arguments` is the argv. Shell form: one
// argument, or none where there is no text (which still runs the shell, with "").
struct CommandLine {
  std::vector<std::string> arguments;
  bool shell_form = false;
  std::vector<ShellFile> files;

  bool operator==(const CommandLine&) const = default;
};

struct Cmd : InstructionBase {
  CommandLine command;
  bool operator==(const Cmd&) const = default;
};

struct Entrypoint : InstructionBase {
  CommandLine command;
  bool operator==(const Entrypoint&) const = default;
};

struct KeyValue {
  std::string key;
  std::string value;
  bool operator==(const KeyValue&) const = default;
};

struct Env : InstructionBase {
  std::vector<KeyValue> variables;  // at least one
  bool legacy_form = false;         // `ENV key value`
  bool operator==(const Env&) const = default;
};

struct Label : InstructionBase {
  std::vector<KeyValue> labels;  // at least one
  bool legacy_form = false;
  bool operator==(const Label&) const = default;
};

struct Expose : InstructionBase {
  std::vector<std::string> ports;  // sorted as strings; as written
  bool operator==(const Expose&) const = default;
};

struct From : InstructionBase {
  std::string base;      // image or stage, as written
  std::string platform;  // --platform as written, empty if absent
  std::string as_word;   // "AS" as written, empty without a name
  std::string name;      // lower case; empty if absent
  std::string name_as_written;
  std::string description;  // the doc comment of the stage
  bool operator==(const From&) const = default;
};

struct Healthcheck : InstructionBase {
  std::vector<std::string> test;  // {"NONE"}, {"CMD", argv...}, {"CMD-SHELL", text}
  // Nanoseconds; 0 means inherit.
  std::int64_t interval_ns = 0;
  std::int64_t timeout_ns = 0;
  std::int64_t start_period_ns = 0;
  std::int64_t start_interval_ns = 0;
  int retries = 0;
  bool operator==(const Healthcheck&) const = default;
};

struct Maintainer : InstructionBase {
  std::string name;
  bool operator==(const Maintainer&) const = default;
};

struct Onbuild : InstructionBase {
  // What goes into the image config: the instruction text, then newline + body + terminator for
  // each heredoc. Read it back with parse_trigger().
  std::string trigger;
  bool operator==(const Onbuild&) const = default;
};

struct Run : InstructionBase {
  enum class Network { kDefault, kNone, kHost };
  enum class Security { kSandbox, kInsecure };
  struct Device {
    std::string name;
    bool required = false;
    bool operator==(const Device&) const = default;
  };

  CommandLine command;
  // The --mount flags as written; evaluate_mount() gives their meaning.
  std::vector<std::string> mounts;
  Network network = Network::kDefault;
  Security security = Security::kSandbox;
  std::vector<Device> devices;
  std::vector<std::string> flags_used;  // names, sorted, unique
  bool operator==(const Run&) const = default;
};

struct Shell : InstructionBase {
  std::vector<std::string> shell;  // at least one
  bool operator==(const Shell&) const = default;
};

struct Stopsignal : InstructionBase {
  std::string signal;  // check with parse_signal() after expansion
  bool operator==(const Stopsignal&) const = default;
};

struct User : InstructionBase {
  std::string user;
  bool operator==(const User&) const = default;
};

struct Volume : InstructionBase {
  std::vector<std::string> volumes;  // at least one, none empty
  bool operator==(const Volume&) const = default;
};

struct Workdir : InstructionBase {
  std::string path;
  bool operator==(const Workdir&) const = default;
};

// Every instruction but FROM, which opens a stage and is kept there.
using Instruction =
    std::variant<Add, Arg, Cmd, Copy, Entrypoint, Env, Expose, Healthcheck, Label, Maintainer,
                 Onbuild, Run, Shell, Stopsignal, User, Volume, Workdir>;

const InstructionBase& base_of(const Instruction& instruction);

// "RUN", whatever case it was written in.
std::string_view name_of(const Instruction& instruction);

// The text of a doc comment: the rest of the first comment line that begins with "<name> ".
std::string find_description(const std::vector<std::string>& comments, std::string_view name);

// `{Test:[CMD-SHELL curl -f x] Interval:5s Timeout:0s StartPeriod:0s StartInterval:0s Retries:3}`,
// as in history entries.
std::string healthcheck_text(const Healthcheck& healthcheck);

}  // namespace slipway::parser
