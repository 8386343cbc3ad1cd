"""LitServe: batches, and ZeroMQ between its HTTP server and its worker.

https://lightning.ai/docs/litserve/features/batching; `fast_queue` is for more than a hundred requests a second
(https://lightning.ai/docs/litserve/api-reference/litserver). It takes JSON or forms; images come in base64, as in
https://lightning.ai/docs/litserve/speed-up-serving-by-200x. What has waited for longer than `timeout` gets 504; it has no
bound for what waits.
"""

import base64

import litserve as ls
import numpy as np
from settings import Model, settings


class Digits(ls.LitAPI):
    def setup(self, device):
        self.model = Model()

    def decode_request(self, request):
        return np.frombuffer(base64.b64decode(request["image"]), np.uint8)

    def batch(self, inputs):
        return np.stack(inputs).astype(np.float32) / np.float32(255)

    def predict(self, images):
        return self.model(images)

    def unbatch(self, output):
        return list(output)

    def encode_response(self, output):
        return {"logits": output.tolist()}


if __name__ == "__main__":
    api = Digits(max_batch_size=settings.size, batch_timeout=settings.delayMs / 1000)
    timeout = settings.deadlineMs / 1000
    server = ls.LitServer(api, accelerator="cpu", workers_per_device=1, timeout=timeout, fast_queue=True)
    server.run(host="127.0.0.1", port=settings.port, log_level="error", generate_client_file=False)
