#!/usr/bin/env bash
# Prints the Python that `make` sets up with: the one that PYTHON names, or the first on PATH that
# has everything.  Says which packages are missing, all at once, before anything is built.
set -euo pipefail

readonly OLDEST=11 NEWEST=14 # minor versions of Python 3, as in pyproject.toml

# MINOR of Python 3.MINOR at $1; nothing if it does not run or is another Python.
minor_version() {
  "$1" -c 'import sys; print(sys.version_info[1] if sys.version_info[0] == 3 else "")' 2>/dev/null || true
}

# What the Python at $1, of minor version $2, and this machine lack, as Debian's packages.
missing_packages() {
  "$1" -c 'import ensurepip, venv' 2>/dev/null || echo "python3.$2-venv"
  "$1" -c 'import pathlib, sysconfig, sys
sys.exit(not (pathlib.Path(sysconfig.get_config_var("INCLUDEPY")) / "Python.h").is_file())' 2>/dev/null ||
    echo "python3.$2-dev"
  local compiler=${CXX:-c++}
  command -v "${compiler%% *}" >/dev/null || echo g++
}

fail() {
  printf 'error: %s\n  hint: %s\n' "$1" "$2" >&2
  exit 2
}

if [ -n "${PYTHON:-}" ]; then
  candidates=("$PYTHON")
else
  candidates=()
  for ((minor = OLDEST; minor <= NEWEST; minor++)); do candidates+=("python3.$minor"); done
  candidates+=(python3)
fi

seen=() first="" first_missing=""
for name in "${candidates[@]}"; do
  python=$(command -v "$name") || continue
  minor=$(minor_version "$python")
  [ -n "$minor" ] || continue
  seen+=("$name is 3.$minor")
  ((minor >= OLDEST && minor <= NEWEST)) || continue
  missing=$(missing_packages "$python" "$minor")
  if [ -z "$missing" ]; then
    printf '%s\n' "$python"
    exit 0
  fi
  [ -n "$first" ] || { first="$python (3.$minor)" first_missing=${missing//$'\n'/ }; }
done

if [ -z "$first" ]; then
  found=$(IFS=';' && printf '%s' "${seen[*]:-${PYTHON:-python3} does not run}")
  fail "Python 3.$OLDEST to 3.$NEWEST is needed; ${found//;/, }" \
    "on Debian 12 and 13 and Ubuntu 24.04: apt-get install python3 python3-venv python3-dev;
        on Ubuntu 22.04: apt-get install python3.11 python3.11-venv python3.11-dev;
        one in another place: make PYTHON=/path/to/python3.12 ..."
fi
lacks=()
[[ $first_missing != *-venv* ]] || lacks+=("its venv module")
[[ $first_missing != *-dev* ]] || lacks+=("its headers (Python.h)")
[[ $first_missing != *g++* ]] || lacks+=("a C++ compiler")
text=$(IFS=';' && printf '%s' "${lacks[*]}")
fail "$first is found without ${text//;/, }" "on Debian and Ubuntu, as root: apt-get install $first_missing"
