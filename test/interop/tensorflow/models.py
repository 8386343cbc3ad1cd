"""Writes SavedModels into a folder, and beside them what TensorFlow itself makes of some rows: `models.py FOLDER`.

expected.json: name → {"inputs": {tensor: [shape, values]}, "outputs": {tensor: [shape, values]}}; int64 as text, since JSON's
numbers have 53 bits.
"""

import json
import pathlib
import sys

import keras
import numpy as np
import tensorflow as tf

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True)
expected = {}


def spec(name, dtype, *dims):
    return tf.TensorSpec([None, *dims], dtype, name=name)


def plain(value):
    array = np.asarray(value)
    values = [str(v) if array.dtype == np.int64 else v.item() for v in array.reshape(-1)]
    return [list(array.shape), values]


def expect(name, **inputs):
    """Loads the model again and runs it."""
    serve = tf.saved_model.load(folder / name).signatures["serving_default"]
    tensors = {key: tf.constant(value, serve.structured_input_signature[1][key].dtype) for key, value in inputs.items()}
    outputs = serve(**tensors)
    expected[name] = {
        "inputs": {key: plain(value) for key, value in tensors.items()},
        "outputs": {key: plain(value) for key, value in outputs.items()},
    }


def save(name, function, *specs):
    module = tf.Module()
    module.function = tf.function(function, input_signature=specs)
    tf.saved_model.save(module, folder / name, signatures=module.function)
    return module


# Element types: those that tfjs-node hands over, at the ends of their ranges.
save(
    "types",
    lambda f, i, l, u, b: {
        "f": f * 0.5,
        "i": i - 1,
        "l": l * 2**31,
        "u": u + tf.constant(1, tf.uint8),
        "b": tf.logical_not(b),
        "place": tf.argmax(f, 1),
    },
    spec("f", tf.float32, 2),
    spec("i", tf.int32),
    spec("l", tf.int64),
    spec("u", tf.uint8),
    spec("b", tf.bool),
)
expect(
    "types",
    f=[[0.5, -1.5], [3e38, -3e38]],
    i=[2**31 - 1, -(2**31) + 1],
    l=[2**31 + 5, -5],
    u=[0, 254],
    b=[True, False],
)

# One that it stores otherwise, and one that it does not know.
save("integers", lambda l, u: {"l": l - 1, "u": u + tf.constant(1, tf.uint8)}, spec("l", tf.int64, None), spec("u", tf.uint8, None))
save("half", lambda x: {"y": x}, spec("x", tf.float16))

# Nothing is known of the shapes.
save("open", lambda x: {"y": x + 1.0}, tf.TensorSpec(None, tf.float32, name="x"))
expect("open", x=[[1.0, 2.0], [3.0, 4.0]])

# Weights in variables, and integers in front, as Keras exports.
keras.utils.set_random_seed(7)
network = keras.Sequential(
    [
        keras.Input([5], dtype="int64", name="tokens"),
        keras.layers.Embedding(50, 8),
        keras.layers.GlobalAveragePooling1D(),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
network.export(folder / "keras", verbose=False)
expect("keras", tokens=np.arange(20).reshape(4, 5))

# A table in a file of its own: an asset.
source = folder / "prices.txt"
source.write_text("".join(f"{key}\t{key * 1.5}\n" for key in range(10)))
rows = tf.lookup.TextFileInitializer(
    str(source), key_dtype=tf.int64, key_index=0, value_dtype=tf.float32, value_index=1, delimiter="\t"
)
table = tf.lookup.StaticHashTable(rows, default_value=-1.0)
module = tf.Module()
module.table = table
module.function = tf.function(lambda key: {"price": table.lookup(key)}, input_signature=[spec("key", tf.int64)])
tf.saved_model.save(module, folder / "asset", signatures=module.function)
expect("asset", key=[0, 3, 9, 99])

# Two signatures, of which a job names one.
module = tf.Module()
module.double = tf.function(lambda x: {"y": x * 2.0}, input_signature=[spec("x", tf.float32)])
module.half = tf.function(lambda x: {"y": x / 2.0}, input_signature=[spec("x", tf.float32)])
tf.saved_model.save(module, folder / "two", signatures={"serving_default": module.double, "half": module.half})
expect("two", x=[1.0, 3.0])

(folder / "expected.json").write_text(json.dumps(expected))
