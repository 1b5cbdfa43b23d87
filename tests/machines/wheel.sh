#!/usr/bin/env bash
# Installs the wheel that `make wheel` has left in dist/ where there is neither compiler nor checkout,
# and runs it there.
#
#   make wheel && tests/machines/wheel.sh [PYTHON]
#
# PYTHON (default: .venv/bin/python) is what the wheel is installed for.  Needs the network.
set -euo pipefail

cd "$(dirname "$0")/../.."
python=${1:-.venv/bin/python}
python=$("$python" -c 'import os, sys; print(os.path.realpath(sys.executable))')
compgen -G 'dist/aimc_harness-*.whl' >/dev/null || { echo 'error: no wheel in dist/; run: make wheel' >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
environment="$folder/another place"
"$python" -m venv "$environment"
PIP_CONSTRAINT=requirements.lock "$environment/bin/python" -m pip --disable-pip-version-check \
  install --quiet --find-links dist --only-binary :all: aimc-harness

# No PATH but Python's own folder: a compiler that were asked for would not be found.
mkdir "$folder/work"
cd "$folder/work"
aimc() {
  env -i PATH="$environment/bin" HOME="$folder/home" ${PIP_CERT:+PIP_CERT="$PIP_CERT"} \
    "$environment/bin/python" -m aimc.cli.main "$@"
}
aimc presets >presets.txt
grep -q alpine-hp presets.txt
aimc doctor
aimc run lenet5 | tail -n 5
for part in kernels/src workloads/checkpoints gem5_configs/run.py aimc_tile/SConscript; do
  "$environment/bin/python" -c 'import sys
from harness.resources import resource
found = str(resource(sys.argv[1]))
assert found.startswith(sys.prefix), found' "$part"
done
echo 'passed'
