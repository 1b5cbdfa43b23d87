#!/usr/bin/env bash
# Builds the wheel of the checkout, installs it where there is neither compiler nor checkout, and
# runs it there.
#
#   tests/machines/wheel.sh [PYTHON]
#
# PYTHON (default: .venv/bin/python) is what the wheel is installed for.  Needs the network.
set -euo pipefail

cd "$(dirname "$0")/../.."
python=${1:-.venv/bin/python}
python=$("$python" -c 'import os, sys; print(os.path.realpath(sys.executable))')
[ -n "$(find dist -name '*.whl' -newer CMakeLists.txt 2>/dev/null)" ] || make wheel
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
    "$environment/bin/python" -m harness.cli.main "$@"
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
