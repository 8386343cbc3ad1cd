"""Triton's own clients against `penstock serve` on the digits, whose outputs onnxruntime computes here, too.

    serve.py HTTP GRPC MODEL            addresses as host:port, and the model's file
    serve.py HTTP GRPC MODEL TOKEN      of a server that asks for a token

The last line counts: `N passed, M failed`.
"""

import concurrent.futures
import gzip
import json
import sys
import traceback
import urllib.error
import urllib.request

import numpy as np
import onnxruntime
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from tritonclient.utils import InferenceServerException

HTTP, GRPC, MODEL = sys.argv[1:4]
TOKEN = sys.argv[4] if len(sys.argv) > 4 else None

session = onnxruntime.InferenceSession(MODEL, providers=["CPUExecutionProvider"])
rng = np.random.default_rng(7)


def images(rows):
    return rng.random((rows, 1, 28, 28), dtype=np.float32)


def expected(data):
    return session.run(["logits"], {"image": data})[0]


def equal(found, data):
    assert found is not None and found.dtype == np.float32
    np.testing.assert_allclose(found, expected(data), rtol=1e-4, atol=1e-4)


def inputs_of(module, data, **how):
    tensor = module.InferInput("image", list(data.shape), "FP32")
    tensor.set_data_from_numpy(data, **how)
    return [tensor]


def refused(status, words, call):
    try:
        call()
    except InferenceServerException as error:
        assert status in str(error.status()), f"{error.status()}: {error.message()}"
        assert words in error.message(), error.message()
        return
    raise AssertionError("it was not refused")


http = triton_http.InferenceServerClient(HTTP, concurrency=8)
grpc = triton_grpc.InferenceServerClient(GRPC)


def test_http_health():
    assert http.is_server_live() and http.is_server_ready()
    assert http.is_model_ready("digits") and http.is_model_ready("digits", "1")


def test_http_metadata():
    server = http.get_server_metadata()
    assert server["name"] == "penstock" and "binary_tensor_data" in server["extensions"]
    model = http.get_model_metadata("digits")
    assert model["platform"] == "onnxruntime_onnx"
    assert model["inputs"] == [{"name": "image", "datatype": "FP32", "shape": [-1, 1, 28, 28]}]
    assert model["outputs"] == [{"name": "logits", "datatype": "FP32", "shape": [-1, 10]}]
    names = [model["name"] for model in http.get_model_repository_index()]
    assert "digits" in names


def test_http_binary():
    for rows in (1, 3, 64, 200):
        data = images(rows)
        equal(http.infer("digits", inputs_of(triton_http, data)).as_numpy("logits"), data)


def test_http_json():
    data = images(2)
    outputs = [triton_http.InferRequestedOutput("logits", binary_data=False)]
    result = http.infer("digits", inputs_of(triton_http, data, binary_data=False), outputs=outputs)
    equal(result.as_numpy("logits"), data)
    assert "data" in result.get_output("logits")


def test_http_json_in_binary_out():
    data = images(2)
    outputs = [triton_http.InferRequestedOutput("logits", binary_data=True)]
    result = http.infer("digits", inputs_of(triton_http, data, binary_data=False), outputs=outputs)
    equal(result.as_numpy("logits"), data)


def test_http_compressed():
    data = images(4)
    for algorithm in ("gzip", "deflate"):
        result = http.infer(
            "digits",
            inputs_of(triton_http, data),
            request_compression_algorithm=algorithm,
            response_compression_algorithm=algorithm,
        )
        equal(result.as_numpy("logits"), data)


def test_http_id_and_parameters():
    data = images(1)
    result = http.infer(
        "digits",
        inputs_of(triton_http, data),
        request_id="42",
        priority=1,
        timeout=30_000_000,
        model_version="1",
        parameters={"mine": "anything"},
    )
    assert result.get_response()["id"] == "42"
    equal(result.as_numpy("logits"), data)


def test_http_many_at_once():
    batches = [images(1 + i % 5) for i in range(64)]
    pending = [http.async_infer("digits-bulk", inputs_of(triton_http, data)) for data in batches]
    for data, one in zip(batches, pending):
        equal(one.get_result().as_numpy("logits"), data)


def test_http_errors():
    data = images(1)
    refused("404", "no model", lambda: http.infer("nix", inputs_of(triton_http, data)))
    refused("404", "no version", lambda: http.infer("digits", inputs_of(triton_http, data), model_version="9"))
    refused("400", "shape", lambda: http.infer("digits", inputs_of(triton_http, data[0])))
    wrong = triton_http.InferInput("image", [1, 1, 28, 28], "FP64")
    wrong.set_data_from_numpy(data.astype(np.float64))
    refused("400", "expected FP32", lambda: http.infer("digits", [wrong]))
    other = [triton_http.InferRequestedOutput("labels")]
    refused("400", "no output", lambda: http.infer("digits", inputs_of(triton_http, data), outputs=other))


def test_http_late():
    data = images(64)

    def ask():
        http.infer("digits", inputs_of(triton_http, data), timeout=1)

    # A microsecond: nothing could be answered by then.
    refused("429", "", ask)


def test_http_raw_binary():
    data = images(1)
    request = urllib.request.Request(
        f"http://{HTTP}/v2/models/digits/infer",
        data=gzip.compress(data.tobytes()),
        headers={"Inference-Header-Content-Length": "0", "Content-Encoding": "gzip"},
    )
    with urllib.request.urlopen(request) as response:
        body = response.read()
        length = int(response.headers["Inference-Header-Content-Length"])
    assert json.loads(body[:length])["outputs"][0]["parameters"] == {"binary_data_size": 40}
    equal(np.frombuffer(body[length:], dtype=np.float32).reshape(1, 10), data)


def test_grpc_health():
    assert grpc.is_server_live() and grpc.is_server_ready() and grpc.is_model_ready("digits")


def test_grpc_metadata():
    assert grpc.get_server_metadata().name == "penstock"
    model = grpc.get_model_metadata("digits", as_json=True)
    assert model["inputs"] == [{"name": "image", "datatype": "FP32", "shape": ["-1", "1", "28", "28"]}]
    assert [model.name for model in grpc.get_model_repository_index().models] == ["digits", "digits-bulk"]


def test_grpc_infer():
    for rows in (1, 3, 64, 200):
        data = images(rows)
        result = grpc.infer("digits", inputs_of(triton_grpc, data), request_id="7", priority=1)
        assert result.get_response().id == "7"
        equal(result.as_numpy("logits"), data)


def test_grpc_outputs_and_deadline():
    data = images(2)
    outputs = [triton_grpc.InferRequestedOutput("logits")]
    result = grpc.infer("digits", inputs_of(triton_grpc, data), outputs=outputs, client_timeout=30)
    equal(result.as_numpy("logits"), data)


def test_grpc_compressed():
    data = images(4)
    result = grpc.infer("digits", inputs_of(triton_grpc, data), compression_algorithm="gzip")
    equal(result.as_numpy("logits"), data)


def test_grpc_many_at_once():
    batches = [images(1 + i % 5) for i in range(64)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        ask = lambda data: grpc.infer("digits-bulk", inputs_of(triton_grpc, data)).as_numpy("logits")
        for data, found in zip(batches, pool.map(ask, batches)):
            equal(found, data)


def test_grpc_errors():
    data = images(1)
    refused("NOT_FOUND", "no model", lambda: grpc.infer("nix", inputs_of(triton_grpc, data)))
    refused("INVALID_ARGUMENT", "shape", lambda: grpc.infer("digits", inputs_of(triton_grpc, data[0])))
    refused("RESOURCE_EXHAUSTED", "", lambda: grpc.infer("digits", inputs_of(triton_grpc, images(64)), timeout=1))


def test_token():
    data = images(1)
    assert http.is_server_live() and http.is_server_ready() and grpc.is_server_ready()
    refused("401", "token", lambda: http.infer("digits", inputs_of(triton_http, data)))
    refused("UNAUTHENTICATED", "token", lambda: grpc.infer("digits", inputs_of(triton_grpc, data)))
    # Its HTTP client writes into what it is given.
    headers = lambda: {"authorization": f"Bearer {TOKEN}"}
    equal(http.infer("digits", inputs_of(triton_http, data), headers=headers()).as_numpy("logits"), data)
    equal(grpc.infer("digits", inputs_of(triton_grpc, data), headers=headers()).as_numpy("logits"), data)


passed = failed = 0
for name, test in list(globals().items()):
    if not name.startswith("test_") or (name == "test_token") != (TOKEN is not None):
        continue
    try:
        test()
        passed += 1
        print(f"ok      {name}")
    except Exception:
        failed += 1
        print(f"FAILED  {name}")
        traceback.print_exc(file=sys.stdout)
print(f"{passed} passed, {failed} failed")
# The clients' threads need not be waited for.
sys.stdout.flush()
sys.exit(1 if failed else 0)
