"""What the servers in Python share: their settings, and the model with as many threads as all of them have."""

import json
import os
from types import SimpleNamespace

import onnxruntime

# model, port, size (rows of a batch at most), delayMs, deadlineMs, threads, mostRequests (in the server at a time)
settings = SimpleNamespace(**json.loads(os.environ["PEER_SETTINGS"]))


class Model:
    def __init__(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = settings.threads
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(settings.model, options, providers=["CPUExecutionProvider"])

    def __call__(self, images):
        """float32 of any shape, 784 elements a row → logits float32 [rows, 10]."""
        return self.session.run(None, {"image": images.reshape(-1, 1, 28, 28)})[0]
