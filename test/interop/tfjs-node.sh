#!/usr/bin/env bash
# Penstock with @tensorflow/tfjs-node and -gpu, for real: an application that has them installed runs the digits through
# the SavedModel, the graph model and the layers model, and compares with ONNX Runtime.
#
#   test/interop/tfjs-node.sh [folder]      what it downloads and builds is kept in the folder and used again
#
# npm's packages download libtensorflow from a host of their own when they are installed. Here their bindings are built
# against the libtensorflow inside Python's tensorflow-cpu instead, so that pip and npm are all that is needed. It has no
# CUDA: the -gpu package then computes on the CPU, and has to say so. Needs python3 with pip, a C++ compiler and make.
# The last line counts tests.
set -euo pipefail
readonly repository="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
readonly folder="${1:-$(mktemp -d)}"
readonly tensorflow=2.21.0 tfjs=4.22.0
[ -n "${1:-}" ] || trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/wheel" "$folder/app"

fetch_libtensorflow() {
  [ -f "$folder/tensorflow/libtensorflow_cc.so.2" ] && return
  ls "$folder"/wheel/*.whl >/dev/null 2>&1 ||
    python3 -m pip download --quiet --no-deps --dest "$folder/wheel" "tensorflow-cpu==$tensorflow"
  # The two libraries, and the headers of the C interface with what they include.
  python3 - "$folder" "$folder"/wheel/*.whl <<'PYTHON'
import re, sys, zipfile
wanted = re.compile(r'tensorflow/(libtensorflow_(cc|framework)\.so\.2$|include/(tensorflow/c/|tensorflow/core/platform/ctstring|tsl/platform/|xla/tsl/(c|platform)/))')
wheel = zipfile.ZipFile(sys.argv[2])
wheel.extractall(sys.argv[1], [name for name in wheel.namelist() if wanted.match(name)])
PYTHON
}

# The packages are installed without their scripts, which would download; --no-save leaves penstock alone.
install_packages() {
  cd "$folder/app"
  [ -f package.json ] || echo '{ "private": true, "type": "module" }' >package.json
  local tarball
  tarball="$(cd "$repository" && npm pack --silent --ignore-scripts --pack-destination "$folder")"
  npm install --no-audit --no-fund --ignore-scripts --save=false \
    "$folder/$tarball" "@tensorflow/tfjs-node-gpu@$tfjs" "@tensorflow/tfjs-node@$tfjs"
}

build_binding() {
  local package="$folder/app/node_modules/@tensorflow/$1"
  cd "$package"
  ls lib/napi-v*/tfjs_binding.node >/dev/null 2>&1 && return
  mkdir -p deps/lib
  ln -sfn "$folder/tensorflow/include" deps/include
  # The loader looks for the libraries by their own names, the linker without the version.
  for library in cc framework; do
    ln -sf "$folder/tensorflow/libtensorflow_$library.so.2" deps/lib/
  done
  ln -sf libtensorflow_cc.so.2 deps/lib/libtensorflow.so
  ln -sf libtensorflow_framework.so.2 deps/lib/libtensorflow_framework.so
  # Headers of Node that are on this machine already need no download.
  local prefix
  prefix="$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")"
  [ ! -f "$prefix/include/node/node_api.h" ] || export npm_config_nodedir="$prefix"
  npm_config_node_gyp="$(npm root --global)/npm/node_modules/node-gyp/bin/node-gyp.js" \
    PATH="$folder/app/node_modules/.bin:$PATH" node-pre-gyp install --build-from-source
}

fetch_libtensorflow
install_packages
build_binding tfjs-node-gpu
build_binding tfjs-node
cp "$repository/test/interop/tfjs-node.mjs" "$folder/app/"
cd "$folder/app"
# Native code reads it when it is loaded, and its log would stand between the lines of the test.
TF_CPP_MIN_LOG_LEVEL=2 node tfjs-node.mjs "$repository"
