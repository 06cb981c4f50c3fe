#include <array>
#include <string_view>

#include "base/error.h"
#include "base/text.h"
#include "cmd/flags.h"
#include "cmd/report.h"
#include "cmd/verbs.h"

// What completes slipway's words in a shell. The scripts ask slipway itself - for verbs and flags
// by
// --help, for images and stages by the verbs that list them - so they know whatever it knows.

namespace slipway::cmd {

namespace {

constexpr std::string_view kBash = R"sh(# bash completion for slipway
_slipway_before_colon() {
  local at=$COMP_CWORD before=''
  [ "${COMP_WORDS[at]}" = : ] && before=':' && at=$((at - 1)) && before=${COMP_WORDS[at]}:
  [ "$before" = '' ] && [ "$at" -ge 2 ] && [ "${COMP_WORDS[at - 1]}" = : ] && before=${COMP_WORDS[at - 2]}:
  printf %s "$before"
}
_slipway() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} verb='' at=1 candidates=''
  while [ "$at" -lt "$COMP_CWORD" ]; do
    case ${COMP_WORDS[at]} in
      --root) at=$((at + 1)) ;;
      -* | =) ;;
      *)
        verb=${COMP_WORDS[at]}
        break
        ;;
    esac
    at=$((at + 1))
  done
  COMPREPLY=()
  # "--flag=va" comes as three words.
  if [ "$current" = = ] || [ "$current" = : ]; then
    current=''
  elif [ "$previous" = = ]; then
    previous=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  case $previous in
    --progress) candidates='auto tty plain rawjson quiet' ;;
    --call) candidates='build check outline targets' ;;
    --network) candidates='default host none' ;;
    --pull) candidates='always missing never newer' ;;
    --target | --no-cache-filter)
      candidates=$(slipway build --call targets . 2>/dev/null | sed -n '2,$s/^\([^ (][^ ]*\).*/\1/p')
      ;;
  esac
  if [ -n "$candidates" ]; then
    :
  elif [ -z "$verb" ]; then
    candidates="--root --help --version $(slipway --help 2>/dev/null | sed -n 's/^  \([a-z]\{2,\}\)  .*/\1/p')"
  elif [[ $current == -* ]]; then
    candidates=$(slipway "$verb" --help 2>/dev/null | sed -n 's/^  \(-[a-zA-Z], \|    \)\(--[a-z-]*\).*/\2/p')
  else
    case $verb in
      run | push | tag | rmi | inspect | history | save)
        candidates=$(slipway images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null | grep -v '<none>')
        ;;
      rm | commit) candidates=$(slipway ps --format '{{.Names}} {{.ID}}' 2>/dev/null) ;;
      debug) candidates=$(slipway debug --list --format '{{.ID}}' 2>/dev/null | sort -u) ;;
      completion) candidates='bash zsh fish' ;;
    esac
  fi
  # A colon begins a new word here: what stands before it is there already.
  local names=() name
  mapfile -t names < <(compgen -W "$candidates" -- "$(_slipway_before_colon)$current")
  for name in "${names[@]}"; do
    COMPREPLY+=("${name#"$(_slipway_before_colon)"}")
  done
}
complete -o default -F _slipway slipway
)sh";

constexpr std::string_view kZsh = R"sh(#compdef slipway
# zsh completion for slipway
_slipway() {
  local -a candidates
  local verb='' at=2
  while (( at < CURRENT )); do
    case ${words[at]} in
      --root) (( at++ )) ;;
      -*) ;;
      *) verb=${words[at]}; break ;;
    esac
    (( at++ ))
  done
  local previous=${words[CURRENT - 1]}
  [[ ${words[CURRENT]} == --*=* ]] && previous=${words[CURRENT]%%=*} && compset -P '*='
  case $previous in
    --progress) candidates=(auto tty plain rawjson quiet) ;;
    --call) candidates=(build check outline targets) ;;
    --network) candidates=(default host none) ;;
    --pull) candidates=(always missing never newer) ;;
    --target | --no-cache-filter)
      candidates=(${(f)"$(slipway build --call targets . 2>/dev/null | sed -n '2,$s/^\([^ (][^ ]*\).*/\1/p')"})
      ;;
  esac
  if (( ${#candidates} == 0 )); then
    if [[ -z $verb ]]; then
      candidates=(--root --help --version ${(f)"$(slipway --help 2>/dev/null | sed -n 's/^  \([a-z]\{2,\}\)  .*/\1/p')"})
    elif [[ ${words[CURRENT]} == -* ]]; then
      candidates=(${(f)"$(slipway $verb --help 2>/dev/null | sed -n 's/^  \(-[a-zA-Z], \|    \)\(--[a-z-]*\).*/\2/p')"})
    else
      case $verb in
        run | push | tag | rmi | inspect | history | save)
          candidates=(${(f)"$(slipway images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null | grep -v '<none>')"})
          ;;
        rm | commit) candidates=(${(f)"$(slipway ps --format '{{.ID}}' 2>/dev/null)"}) ;;
        debug) candidates=(${(f)"$(slipway debug --list --format '{{.ID}}' 2>/dev/null | sort -u)"}) ;;
        completion) candidates=(bash zsh fish) ;;
      esac
    fi
  fi
  if (( ${#candidates} )); then
    compadd -- $candidates
  else
    _files
  fi
}
compdef _slipway slipway
)sh";

constexpr std::string_view kFish = R"sh(# fish completion for slipway
function __slipway_verbs
    slipway --help 2>/dev/null | sed -n 's/^  \([a-z]\{2,\}\)  *\(.*\)/\1\t\2/p'
end
function __slipway_verb
    for word in (commandline -opc)[2..]
        string match -q -- '-*' $word; or begin
            echo $word
            return 0
        end
    end
    return 1
end
function __slipway_flags
    slipway (__slipway_verb) --help 2>/dev/null | sed -n 's/^  \(-[a-zA-Z], \|    \)\(--[a-z-]*\)\( VALUE\)\{0,1\}  *\(.*\)/\2\t\4/p'
end
function __slipway_images
    slipway images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null | string match -v '*<none>*'
end
complete -c slipway -n 'not __slipway_verb >/dev/null' -f -a '(__slipway_verbs)'
complete -c slipway -n '__slipway_verb >/dev/null; and string match -q -- "-*" (commandline -ct)' -f -a '(__slipway_flags)'
complete -c slipway -n 'contains (__slipway_verb) run push tag rmi inspect history save' -f -a '(__slipway_images)'
complete -c slipway -n 'contains (__slipway_verb) rm commit' -f -a "(slipway ps --format '{{.ID}}' 2>/dev/null)"
complete -c slipway -n 'contains (__slipway_verb) debug' -f -a "(slipway debug --list --format '{{.ID}}' 2>/dev/null | sort -u)"
complete -c slipway -n 'contains (__slipway_verb) completion' -f -a 'bash zsh fish'
)sh";

struct Shell {
  std::string_view name;
  std::string_view script;
};
constexpr std::array kShells = {Shell{"bash", kBash}, Shell{"zsh", kZsh}, Shell{"fish", kFish}};

}  // namespace

int run_completion(const Invocation& invocation) {
  Flags flags(
      "completion", "bash|zsh|fish",
      "Print what completes slipway's words in a shell. For bash: slipway completion bash > "
      "~/.local/share/bash-completion/completions/slipway");
  std::vector<std::string> words;
  flags.words(words, {1, 1});
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return 0;
  }
  for (const Shell& shell : kShells) {
    if (shell.name == words.front()) {
      print_out(std::string(shell.script));
      return 0;
    }
  }
  base::fail(base::ErrorKind::kUsage, base::cat("completion: no shell ", base::quote(words.front()),
                                                ": use bash, zsh or fish"));
}

}  // namespace slipway::cmd
