# syntax=docker/dockerfile:1

# Two images, from the published package:
#   docker build --target cpu -t penstock .
#   docker build --target cuda -t penstock:cuda .
# The version to install is PENSTOCK; a tarball of this repository (npm pack) does as well:
#   docker build --target cpu --build-arg PENSTOCK=./penstock-0.1.0.tgz -t penstock .

ARG NODE_IMAGE=node:20-bookworm-slim
# CUDA and cuDNN as ONNX Runtime wants them: `penstock doctor` says which.
ARG CUDA_IMAGE=nvidia/cuda:13.0.1-cudnn-runtime-ubuntu22.04

FROM ${NODE_IMAGE} AS installed
ARG PENSTOCK=penstock@0.1.0
# The libraries of the CUDA provider are in one of the two images only.
ENV ONNXRUNTIME_NODE_INSTALL=skip
WORKDIR /context
RUN --mount=type=bind,target=/context \
    --mount=type=cache,target=/root/.npm \
    npm install --global --no-audit --no-fund "$PENSTOCK" \
    && penstock --version
# Half of all bytes are programs for other systems, which some packages bring along.
RUN cd /usr/local/lib/node_modules/penstock/node_modules \
    && arch="$(node -p process.arch)" \
    && rm -rf onnxruntime-node/bin/napi-v*/darwin onnxruntime-node/bin/napi-v*/win32 \
    && find onnxruntime-node/bin/napi-v*/linux -mindepth 1 -maxdepth 1 ! -name "$arch" -exec rm -rf {} + \
    && find webgpu/dist -mindepth 1 -maxdepth 1 -type d ! -name "linux-$arch" -exec rm -rf {} +

FROM installed AS installed-cuda
# It is what the install script calls them, whatever CUDA they are built for.
RUN ONNXRUNTIME_NODE_INSTALL=cuda12 \
    node /usr/local/lib/node_modules/penstock/node_modules/onnxruntime-node/script/install.js

FROM ${CUDA_IMAGE} AS cuda
# npm is not needed any more; official builds of Node run wherever the GNU C library is 2.28 or newer.
COPY --from=installed /usr/local/bin/node /usr/local/bin/node
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates tini \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 1000 penstock \
    && useradd --uid 1000 --gid 1000 --home-dir /tmp --no-create-home penstock \
    && install --directory --owner=1000 --group=1000 /work
COPY --from=installed-cuda /usr/local/lib/node_modules/penstock /usr/local/lib/node_modules/penstock
RUN ln -s ../lib/node_modules/penstock/dist/cli/main.js /usr/local/bin/penstock
# All that is written without being told where goes to /tmp, so that everything else may be read-only.
ENV NODE_ENV=production HOME=/tmp
WORKDIR /work
# By number, so that Kubernetes can see that it is not root.
USER 1000:1000
# A worker with PENSTOCK_HEALTH=PORT answers there; what runs without it is as healthy as its process.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["node", "-e", "const at = process.env.PENSTOCK_HEALTH; if (at) fetch(`http://127.0.0.1:${at.split(':').at(-1)}/healthz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# As process 1 of a container, tini hands signals on and takes leave of processes that have lost their parent.
ENTRYPOINT ["tini", "--", "penstock"]
CMD ["--help"]

FROM ${NODE_IMAGE} AS cpu
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates tini \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner=1000 --group=1000 /work
COPY --from=installed /usr/local/lib/node_modules/penstock /usr/local/lib/node_modules/penstock
RUN ln -s ../lib/node_modules/penstock/dist/cli/main.js /usr/local/bin/penstock
ENV NODE_ENV=production HOME=/tmp
WORKDIR /work
USER 1000:1000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["node", "-e", "const at = process.env.PENSTOCK_HEALTH; if (at) fetch(`http://127.0.0.1:${at.split(':').at(-1)}/healthz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["tini", "--", "penstock"]
CMD ["--help"]
