"""Writes the digits model as a TensorFlow SavedModel, from the weights of the layers model.

    pip install tensorflow-cpu==2.21.0
    python native-models/digits/saved_model.py [FOLDER]

The twin of graph.mjs: the same operators, the same weights, frozen into the graph, so that there are no variables
beside it.
"""

import json
import pathlib
import shutil
import sys
import tempfile

import numpy as np
import tensorflow as tf

HERE = pathlib.Path(__file__).parent


def read_weights():
    """The weights of tfjs/ by name."""
    (group,) = json.loads((HERE / "tfjs" / "model.json").read_text())["weightsManifest"]
    values = np.concatenate([np.fromfile(HERE / "tfjs" / path, "<f4") for path in group["paths"]])
    weights, start = {}, 0
    for entry in group["weights"]:
        size = int(np.prod(entry["shape"]))
        weights[entry["name"]] = values[start : start + size].reshape(entry["shape"])
        start += size
    assert start == values.size
    return weights


class Digits(tf.Module):
    def __init__(self, weights):
        super().__init__()
        self._weights = weights

    @tf.function(input_signature=[tf.TensorSpec([None, 28, 28, 1], tf.float32, name="image")])
    def serve(self, image):
        x = image
        for layer in ["conv1", "conv2", "conv3"]:
            x = tf.nn.conv2d(x, self._weights[f"{layer}/kernel"], 1, "SAME")
            x = tf.nn.relu(tf.nn.bias_add(x, self._weights[f"{layer}/bias"]))
            x = tf.nn.max_pool2d(x, 2, 2, "VALID")
        kernel = self._weights["logits/kernel"]
        x = tf.reshape(x, [-1, kernel.shape[0]])
        return {"logits": tf.nn.bias_add(tf.matmul(x, kernel), self._weights["logits/bias"])}


def main():
    digits = Digits(read_weights())
    with tempfile.TemporaryDirectory() as folder:
        options = tf.saved_model.SaveOptions(save_debug_info=False)
        tf.saved_model.save(digits, folder, signatures=digits.serve, options=options)
        target = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "saved-model"
        shutil.rmtree(target, ignore_errors=True)
        (target / "variables").mkdir(parents=True)
        for name in ["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"]:
            shutil.copyfile(pathlib.Path(folder, name), target / name)


main()
