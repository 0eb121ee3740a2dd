# Sourced by the other scripts: runs named steps, says how long each took, and shows why one failed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
logs=$root/build/logs
mkdir -p "$logs"

# say TEXT: one line about what happens now.
say() { printf '==> %s\n' "$*"; }

# step TEXT COMMAND…: runs the command with its output in a log file. A failure prints the command, the end of what it
# wrote and the place of the log, and ends the script.
step() {
  local text=$1 start=$SECONDS log status=0
  shift
  log=$logs/$(printf '%s' "$text" | tr -cs 'a-zA-Z0-9' '-').log
  printf '==> %s … ' "$text"
  "$@" >"$log" 2>&1 </dev/null || status=$?
  if [ "$status" -ne 0 ]; then
    printf 'failed after %d s with exit code %d\n' $((SECONDS - start)) "$status"
    printf '    command: %s\n    whole log: %s\n    its end:\n' "$*" "$log"
    tail -n 40 "$log" | sed 's/^/    | /'
    exit 1
  fi
  printf 'done in %d s\n' $((SECONDS - start))
}

# as_root COMMAND…: with sudo where needed.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo -n "$@"
  else
    printf 'this needs root, and there is no sudo: run it as root: %s\n' "$*" >&2
    return 1
  fi
}
