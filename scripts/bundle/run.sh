#!/bin/sh
# Penstock on a host that has no Node.js, no npm and no network.
#
#   run.sh doctor                     what can run here, and what is missing
#   run.sh demo                       a real job, in a few seconds
#   run.sh gpu-suite [--quick] [DIR]  real figures of this machine, in a folder: see docs/gpu-hosts.md
#   run.sh bench JOB, run.sh run JOB, …: any command of penstock; without one, its help
#   run.sh join DIR                   adds the CUDA libraries, from a folder with their pieces
#   run.sh verify                     are all files as they were bundled?
#   run.sh node …                     the Node.js in here
set -eu

self=$(readlink -f -- "$0" 2>/dev/null) || self=$0
here=$(CDPATH='' cd -- "$(dirname -- "$self")" && pwd -P)
node=$here/node/bin/node

fail() {
  echo "run.sh: $*" >&2
  exit 2
}

# Does the system's own loader find a library?
has_library() {
  for ldconfig in ldconfig /sbin/ldconfig /usr/sbin/ldconfig; do
    if command -v "$ldconfig" >/dev/null 2>&1; then
      if "$ldconfig" -p 2>/dev/null | grep -q "[[:space:]]$1 "; then return 0; fi
    fi
  done
  old=$IFS
  IFS=:
  for folder in ${LD_LIBRARY_PATH:-} /lib/x86_64-linux-gnu /usr/lib/x86_64-linux-gnu /lib64 /usr/lib64; do
    if [ -n "$folder" ] && [ -e "$folder/$1" ]; then
      IFS=$old
      return 0
    fi
  done
  IFS=$old
  return 1
}

# Behind what is there already.
add_libraries() {
  if [ -d "$1" ]; then
    LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$1
    export LD_LIBRARY_PATH
  fi
}

# A folder of Debian's libraries, where the host has none of its own.
lend() {
  if [ -d "$here/lib/$1" ] && ! has_library "$2"; then add_libraries "$here/lib/$1"; fi
}

set_paths() {
  # What else runs on the host, the suite's Python, has libraries of its own.
  PENSTOCK_HOST_LIBRARY_PATH=${LD_LIBRARY_PATH:-}
  export PENSTOCK_HOST_LIBRARY_PATH
  # Where drivers and toolkits are that the system's loader was not told of.
  add_libraries "$here/cuda/lib"
  add_libraries /usr/local/nvidia/lib64
  add_libraries /usr/local/cuda/lib64
@LEND@
  # Vulkan looks for drivers in the first folders only; hosts that mount NVIDIA's driver have it in one of the last.
  if [ -z "${VK_DRIVER_FILES:-}" ] && [ -z "${VK_ICD_FILENAMES:-}" ]; then
    for file in /etc/vulkan/icd.d/*.json /usr/share/vulkan/icd.d/*.json /usr/local/share/vulkan/icd.d/*.json; do
      if [ -e "$file" ]; then return; fi
    done
    for file in /usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json /usr/local/nvidia/vulkan/icd.d/nvidia_icd.json; do
      if [ -e "$file" ]; then
        VK_DRIVER_FILES=$file
        VK_ICD_FILENAMES=$file
        export VK_DRIVER_FILES VK_ICD_FILENAMES
        return
      fi
    done
  fi
}

# The pieces of the CUDA archive become files in here.
join() {
  [ $# -eq 1 ] || fail 'join: expected one folder, that with the pieces'
  pieces=$1
  set -- "$pieces"/penstock-*-cuda.tar*.000
  [ -e "$1" ] || fail "join: $pieces has no penstock-*-cuda.tar*.000"
  [ $# -eq 1 ] || fail "join: $pieces has pieces of more than one archive"
  archive=${1%.000}
  name=${archive##*/}
  (cd "$pieces" && sha256sum -c --quiet "$name.sha256") || fail "join: a piece is missing or damaged: copy it again"
  case $archive in
    *.xz) unpack='xz -dc' ;;
    *.gz) unpack='gzip -dc' ;;
    *) unpack=cat ;;
  esac
  command -v "${unpack%% *}" >/dev/null 2>&1 ||
    fail "join: ${unpack%% *} is not installed; make the archive with --compress gz or none"
  # In the order of their names, which is that of the shell.
  cat "$archive".[0-9][0-9][0-9] | $unpack | tar -x -C "$here" --no-same-owner -f -
  echo "joined: run.sh doctor tells whether CUDA works now" >&2
}

case ${1:-} in
  join)
    shift
    join "$@"
    exit 0
    ;;
  verify)
    cd "$here"
    sha256sum -c --quiet SHA256SUMS || fail 'verify: files are missing or changed'
    echo 'all files are as they were bundled' >&2
    exit 0
    ;;
esac

set_paths
case ${1:-} in
  gpu-suite)
    shift
    exec "$node" "$here/penstock/bench/gpu/main.mjs" "$@"
    ;;
  node)
    shift
    exec "$node" "$@"
    ;;
  *) exec "$node" "$here/penstock/dist/cli/main.js" "$@" ;;
esac
