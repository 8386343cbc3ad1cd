"""BentoML: a batchable API, batched adaptively.

https://docs.bentoml.com/en/latest/get-started/adaptive-batching.html: `max_latency_ms` is the time within which requests are
to be answered; the dispatcher learns how long batches take, waits no longer than pays, and refuses what would come later.
`max_concurrency` refuses what is too much (https://docs.bentoml.com/en/latest/reference/bentoml/configurations.html).
Its clients send numpy arrays as JSON: pickle is for services among themselves. So pixels come as whole numbers, which are
shorter than ink from 0 to 1.
"""

from typing import Annotated

import bentoml
import numpy as np
from bentoml.validators import DType
from settings import Model, settings


@bentoml.service(
    workers=1,
    traffic={"timeout": 60, "max_concurrency": settings.mostRequests},
    logging={"access": {"enabled": False}},
)
class Digits:
    def __init__(self):
        self.model = Model()

    @bentoml.api(batchable=True, max_batch_size=settings.size, max_latency_ms=settings.deadlineMs)
    def predict(self, images: Annotated[np.ndarray, DType("uint8")]) -> np.ndarray:
        return self.model(images.astype(np.float32) / np.float32(255))
