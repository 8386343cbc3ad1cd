"""The suite's models in PyTorch's own modules, with the very weights that its ONNX files have.

They are written as anybody would write them: torchvision's bottleneck blocks, and scaled_dot_product_attention. Batch
normalisation is part of the convolutions, as it is in the ONNX file.
"""

import json

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


def load(case):
    tensors = read_safetensors(case.weights)
    model = {"resnet50": resnet, "encoder": Encoder}[case.model](tensors, case.options)
    return model.eval().requires_grad_(False)


def read_safetensors(path):
    """https://huggingface.co/docs/safetensors: the length of a header, the header, the numbers."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    data = np.fromfile(path, np.uint8, offset=8 + length)

    def tensor(entry):
        begin, end = entry["data_offsets"]
        return torch.from_numpy(data[begin:end].view(np.float32).reshape(entry["shape"]).copy())

    return {name: tensor(entry) for name, entry in header.items()}


class Bottleneck(nn.Module):
    def __init__(self, channels, width, stride, is_first):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1)
        self.conv3 = nn.Conv2d(width, width * 4, 1)
        self.down = nn.Conv2d(channels, width * 4, 1, stride) if is_first else nn.Identity()

    def forward(self, x):
        y = F.relu(self.conv1(x), inplace=True)
        y = F.relu(self.conv2(y), inplace=True)
        return F.relu(self.conv3(y) + self.down(x), inplace=True)


class Resnet(nn.Module):
    def __init__(self, classes, scale, shift):
        super().__init__()
        self.register_buffer("scale", torch.tensor(scale), persistent=False)
        self.register_buffer("shift", torch.tensor(shift), persistent=False)
        self.stem = nn.Conv2d(3, 64, 7, 2, padding=3)
        channels = 64
        for stage, (blocks, width) in enumerate([(3, 64), (4, 128), (6, 256), (3, 512)]):
            made = []
            for block in range(blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                made.append(Bottleneck(channels, width, stride, block == 0))
                channels = width * 4
            setattr(self, f"stage{stage + 1}", nn.Sequential(*made))
        self.logits = nn.Linear(channels, classes)

    def forward(self, image):
        """uint8 [batch, side, side, 3], which is channels_last memory already."""
        x = (image * self.scale + self.shift).permute(0, 3, 1, 2)
        x = F.max_pool2d(F.relu(self.stem(x), inplace=True), 3, 2, padding=1)
        x = self.stage4(self.stage3(self.stage2(self.stage1(x))))
        return self.logits(x.mean((2, 3)))


def resnet(tensors, options):
    model = Resnet(tensors["logits.bias"].numel(), options["scale"], options["shift"])
    tensors["logits.weight"] = tensors["logits.weight"].T
    model.load_state_dict(tensors)
    # https://docs.pytorch.org/tutorials/intermediate/memory_format_tutorial.html: the layout that tensor cores want.
    return model.to(memory_format=torch.channels_last)


class Norm(nn.LayerNorm):
    def __init__(self, tensors, name, epsilon):
        scale = tensors[f"{name}.scale"]
        super().__init__(scale.numel(), eps=epsilon)
        self.weight.data, self.bias.data = scale, tensors[f"{name}.shift"]


def dense(tensors, name):
    weight = tensors[f"{name}.weight"]
    layer = nn.Linear(*weight.shape)
    layer.weight.data, layer.bias.data = weight.T.contiguous(), tensors[f"{name}.bias"]
    return layer


class Layer(nn.Module):
    def __init__(self, tensors, name, options):
        super().__init__()
        self.heads = options["heads"]
        for part in ["query", "key", "value", "joined", "up", "down"]:
            setattr(self, part, dense(tensors, f"{name}.{part}"))
        self.norm1 = Norm(tensors, f"{name}.norm1", options["epsilon"])
        self.norm2 = Norm(tensors, f"{name}.norm2", options["epsilon"])

    def forward(self, x, mask):
        split = lambda part: part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        query, key, value = split(self.query(x)), split(self.key(x)), split(self.value(x))
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        x = self.norm1(x + self.joined(mixed.transpose(1, 2).flatten(2)))
        return self.norm2(x + self.down(F.gelu(self.up(x), approximate="tanh")))


class Encoder(nn.Module):
    def __init__(self, tensors, options):
        super().__init__()
        self.tokens = nn.Parameter(tensors["tokens"])
        self.positions = nn.Parameter(tensors["positions"])
        self.norm = Norm(tensors, "norm", options["epsilon"])
        self.layers = nn.ModuleList(Layer(tensors, f"layers.{i}", options) for i in range(options["layers"]))

    def forward(self, ids, mask):
        """ids: int32 [batch, length]; mask: bool [batch, length], false for padding."""
        x = self.norm(F.embedding(ids, self.tokens) + self.positions[: ids.shape[1]])
        # Where all are there, attention is faster without a mask; only the host knows, and it does not ask.
        wide = mask[:, None, None, :]
        for layer in self.layers:
            x = layer(x, wide)
        there = mask[:, :, None]
        return (x * there).sum(1) / there.sum(1)
