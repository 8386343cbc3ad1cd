"""Ray Serve: `serve.batch`, behind HAProxy, which comes with it.

https://docs.ray.io/en/latest/serve/advanced-guides/dyn-req-batch.html; the two switches are those of
https://docs.ray.io/en/latest/cluster/kubernetes/user-guides/kuberay-serve-high-throughput.html. The model runs in a thread,
for which it lets go of the interpreter's lock, so that requests are read meanwhile
(https://docs.ray.io/en/latest/serve/advanced-guides/asyncio-best-practices.html). Bodies are the bytes of float32.
"""

import asyncio
import logging
import os
import signal
import sys

# Empty, and of nobody else.
folder = os.getcwd()
os.environ.setdefault("RAY_SERVE_THROUGHPUT_OPTIMIZED", "1")
os.environ.setdefault("RAY_SERVE_ENABLE_HA_PROXY", "1")
os.environ["RAY_SERVE_HAPROXY_CONFIG_FILE_LOC"] = f"{folder}/haproxy.cfg"
os.environ["RAY_SERVE_HAPROXY_SOCKET_PATH"] = f"{folder}/haproxy.sock"
os.environ["RAY_SERVE_HAPROXY_SERVER_STATE_BASE"] = folder
os.environ["RAY_SERVE_HAPROXY_SERVER_STATE_FILE"] = f"{folder}/haproxy-state"

import numpy as np
import ray
from ray import serve
from settings import Model, settings
from starlette.requests import Request
from starlette.responses import Response


@serve.deployment(
    num_replicas=1,
    max_ongoing_requests=settings.mostRequests,
    max_queued_requests=settings.size,
    ray_actor_options={"num_cpus": 1},
)
class Digits:
    def __init__(self):
        self.model = Model()

    @serve.batch(max_batch_size=settings.size, batch_wait_timeout_s=settings.delayMs / 1000)
    async def predict(self, bodies):
        images = np.frombuffer(b"".join(bodies), np.float32)
        return list(await asyncio.to_thread(self.model, images))

    async def __call__(self, request: Request):
        return Response((await self.predict(await request.body())).tobytes(), media_type="application/octet-stream")


ray.init(
    num_cpus=os.cpu_count(),
    _temp_dir=folder,
    object_store_memory=256 * 2**20,
    include_dashboard=False,
    log_to_driver=False,
    logging_level=logging.ERROR,
)
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
try:
    timeout = settings.deadlineMs / 1000
    serve.start(http_options={"host": "127.0.0.1", "port": settings.port, "request_timeout_s": timeout})
    serve.run(Digits.bind(), route_prefix="/")
    while True:
        signal.pause()
finally:
    ray.shutdown()
