"""Triton Inference Server with its dynamic batcher, as PyTriton's wheel brings it.

https://triton-inference-server.github.io/pytriton/latest/binding_configuration/. Triton is on PyPI in no other way, and the
wheel has no backend for ONNX Runtime: PyTriton hands batches to Python through shared memory, and the model runs there.
What has waited for longer than the queue's timeout is rejected, and so is what is too much (the documentation of
`ModelQueuePolicy` in Triton's model_config.proto).
"""

import logging
import os
import sysconfig

import numpy as np
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.model_config.common import QueuePolicy, TimeoutAction
from pytriton.triton import Triton, TritonConfig
from settings import Model, settings

model = Model()


@batch
def infer(image):
    return [model(image)]


# Where Triton's process for Python finds libpython: another one does not go with this one's modules.
os.environ["LD_LIBRARY_PATH"] = f"{sysconfig.get_config_var('LIBDIR')}:{os.environ.get('LD_LIBRARY_PATH', '')}"
logging.getLogger("pytriton").setLevel(logging.ERROR)
policy = QueuePolicy(
    timeout_action=TimeoutAction.REJECT,
    default_timeout_microseconds=settings.deadlineMs * 1000,
    max_queue_size=settings.mostRequests,
)
batcher = DynamicBatcher(max_queue_delay_microseconds=int(settings.delayMs * 1000), default_queue_policy=policy)
config = TritonConfig(http_address="127.0.0.1", http_port=settings.port, allow_grpc=False, allow_metrics=False)
with Triton(config=config) as triton:
    triton.bind(
        model_name="digits",
        infer_func=infer,
        inputs=[Tensor(name="image", dtype=np.float32, shape=(1, 28, 28))],
        outputs=[Tensor(name="logits", dtype=np.float32, shape=(10,))],
        config=ModelConfig(max_batch_size=settings.size, batcher=batcher),
    )
    triton.serve()
