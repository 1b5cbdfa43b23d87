#!/usr/bin/env bash
# Sets up and runs the harness on a fresh Debian, as an ordinary user, with README's packages only.
#
#   sudo tests/machines/debootstrap.sh SUITE [FOLDER] [MAKE ARGUMENTS ...]
#
# SUITE is bookworm or trixie.  FOLDER (default: a temporary one, removed afterwards) keeps the
# system for the next run.  The make arguments are by default those of README's first example.
# The commit that is checked out is tested, in a folder with a space and an umlaut, under LC_ALL=C.
# Needs root, debootstrap and the network; pip's settings in variables PIP_* are handed on, and the
# certificates that PIP_CERT names.  DEBIAN_MIRROR names another mirror than debootstrap's own.
set -euo pipefail

suite=${1:?name a suite: bookworm or trixie}
folder=${2:-}
shift "$(($# < 2 ? $# : 2))"
make_arguments=("${@:-sim}")
[ "${make_arguments[*]}" != sim ] || make_arguments=(sim MODEL=lenet5)
checkout=$(cd "$(dirname "$0")/../.." && pwd)
readonly user=someone
home="/home/$user"
place="$home/check out ü"

say() { printf '\n== %s: %s\n' "$suite" "$1"; }

if [ -z "$folder" ]; then
  folder=$(mktemp -d)
  temporary=$folder
fi
folder=$(realpath -m "$folder")
root="$folder/$suite"
leave() {
  for mounted in dev/pts dev/shm dev proc; do
    ! mountpoint -q "$root/$mounted" || umount "$root/$mounted"
  done
  [ -z "${temporary:-}" ] || rm -rf --one-file-system "$temporary"
}
trap leave EXIT

if [ ! -e "$root/bootstrapped" ]; then
  say 'bootstrapping (about 100 MB)'
  debootstrap --variant=minbase "$suite" "$root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >"$folder/$suite.log"
  touch "$root/bootstrapped"
fi
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/dev"
mkdir -p "$root/dev/pts" "$root/dev/shm"
mount -t tmpfs tmpfs "$root/dev/shm"
for device in null zero random urandom tty; do
  touch "$root/dev/$device"
  cp -a --remove-destination "/dev/$device" "$root/dev/$device"
done
ln -sfn /proc/self/fd "$root/dev/fd"
cp --dereference /etc/resolv.conf "$root/etc/resolv.conf"
environment=(LC_ALL=C HOME="$home" USER="$user" PATH=/usr/local/bin:/usr/bin:/bin)
while IFS='=' read -r name value; do
  environment+=("$name=$value")
done < <(env | grep '^PIP_' || true)
if [ -n "${PIP_CERT:-}" ]; then
  cp --dereference "$PIP_CERT" "$root/etc/pip-certificates.pem" # no package writes there
  environment+=(PIP_CERT=/etc/pip-certificates.pem)
fi

as_root() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }
as_user() {
  chroot --userspec="$user:$user" "$root" env -i "${environment[@]}" \
    bash -c 'cd "$1" && shift && exec "$@"' - "$place" "$@"
}

# The list of README.md is the one that is tested.
read -ra packages < <(sed -n 's/^ *sudo apt-get install \(.*python3-dev.*\)$/\1/p' "$checkout/README.md" | head -1)
[ "${#packages[@]}" -gt 0 ] || { echo 'error: README.md has no line "sudo apt-get install ... python3-dev"' >&2; exit 2; }

say "a clone of $(git -C "$checkout" rev-parse --short HEAD) for $user"
as_root id "$user" >/dev/null 2>&1 || as_root useradd --create-home --shell /bin/bash "$user"
rm -rf "${root:?}$place"
git clone --quiet --no-hardlinks "$checkout" "$root$place"
as_root chown -R "$user:$user" "$home"

say "apt-get install ${packages[*]}, at first without python3-dev"
as_root apt-get -qq update
without=()
for package in "${packages[@]}"; do [ "$package" = python3-dev ] || without+=("$package"); done
if ! as_root dpkg -s python3-dev >/dev/null 2>&1; then
  as_root apt-get -qq -y --no-install-recommends install "${without[@]}" >"$folder/$suite-apt.log" 2>&1
  if as_user make setup >"$folder/$suite-make.log" 2>&1; then
    echo 'error: make setup passed without the headers' >&2
    exit 1
  fi
  cat "$folder/$suite-make.log"
  grep -q 'apt-get install python3\.[0-9]*-dev' "$folder/$suite-make.log"
  [ "$(wc -l <"$folder/$suite-make.log")" -le 4 ]
fi
as_root apt-get -qq -y --no-install-recommends install "${packages[@]}" >"$folder/$suite-apt.log" 2>&1

say "make ${make_arguments[*]}"
as_user make "${make_arguments[@]}"
say "the same with odd names: OUT='out ü', AIMC_CACHE, HOME"
as_user env HOME="$home/a home ü" AIMC_CACHE="$home/ca che ü" make sim MODEL=lenet5 IMAGES=1 OUT="out ü 'quoted'" |
  tail -n 3
say 'make doctor'
as_user make doctor
say 'passed'
