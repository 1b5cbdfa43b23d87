#!/usr/bin/env bash
# Makes this folder's results again, one after the other, and byte_equality.csv:
#
#   GEM5=/path/to/gem5.opt results/gem5/update.sh DATA [FOLDER...]
#
# DATA, a path from the repository's root, is a folder with the dataset cifar10-jpeg; with FOLDERs
# only these are made.  Those whose run has ended well are replaced at the end, all together, so that
# no manifest speaks of a modified commit.
set -euo pipefail

cd "$(dirname "$0")/../.."
here=results/gem5
work=runs/update-gem5 # manifests name it
python=${PYTHON:-.venv/bin/python}
data=$1
shift
wanted=" ${*:-vgg16-pio vgg16-dma resnet20-pio lenet5-pio lenet5-o3 byte_equality.csv} "
rm -rf "$work"
mkdir -p "$work/done"

publish() {
  for result in "$work"/done/*; do
    [ -e "$result" ] || continue
    rm -rf "${here:?}/$(basename "$result")"
    mv "$result" "$here/"
  done
  rm -rf "$work"
}
trap publish EXIT

make_result() {
  name=$1
  shift
  case "$wanted" in *" $name "*) ;; *) return 0 ;; esac
  "$python" -m aimc.cli.main run "$@" --engine gem5 --images 1 --out "$work/runs" \
    --set run.timeout_s=7200
  mkdir "$work/$name"
  for run in "$work"/runs/*/; do
    for file in config.yaml layers.csv manifest.json report.png result.json; do
      cp "$run$file" "$work/$name/"
    done
    for program in digital mapped; do
      mkdir "$work/$name/$program"
      cp "$run$program/gem5/regions.jsonl" "$run$program/gem5/stats.txt.gz" "$work/$name/$program/"
    done
  done
  rm -rf "$work/runs"
  mv "$work/$name" "$work/done/$name"
}

make_result lenet5-pio lenet5
make_result lenet5-o3 lenet5 --set system.core=o3-high-power
make_result resnet20-pio resnet20 --dataset "$data"
make_result vgg16-pio vgg16 --dataset "$data"
make_result vgg16-dma vgg16 --dataset "$data" --set system.tile.io=dma
case "$wanted" in *" byte_equality.csv "*)
  "$python" benchmarks/byte_equality.py --engine gem5 --images 1 --csv "$work/byte_equality.csv"
  mv "$work/byte_equality.csv" "$work/done/"
  ;;
esac
