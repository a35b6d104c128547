"""all-MiniLM-L6-v2 as a graph for ONNX Runtime: six BERT layers, mean pooling, unit length.

The published weights come without a graph, so it is written here operator by operator and given the weights as they are, without
another copy of them.
"""

from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

WIDTH = 384
LONGEST = 256  # word pieces, with the two that mark begin and end
_LAYERS = 6
_HEADS = 12
_HEAD = WIDTH // _HEADS
_OPSET, _IR = 20, 9
_SMALL_BYTES = 4_096


def session(weights: dict[str, np.ndarray]) -> onnxruntime.InferenceSession:
    """Takes `pieces` (texts x length, int64) and `present` (the same, 1.0 or 0.0), answers `vectors` (texts x 384).

    One thread a call; calls may run side by side.
    """
    graph = _Graph(weights)
    graph.write()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # an arena keeps what the largest batch once took
    held = [onnxruntime.OrtValue.ortvalue_from_numpy(value) for value in graph.large.values()]
    options.add_external_initializers(list(graph.large), held)
    return onnxruntime.InferenceSession(graph.model(), options, providers=["CPUExecutionProvider"])


class _Graph:
    """Nodes in the order they run; every method answers the name of its result."""

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        self._weights = weights
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}
        self.large: dict[str, np.ndarray] = {}

    def write(self) -> None:
        places = self._weights["embeddings.position_embeddings.weight"][:LONGEST]
        places = places + self._weights["embeddings.token_type_embeddings.weight"][0]
        zero, last = self._whole(0), self._node("Shape", "pieces", start=1, end=2)
        here = self._node("Slice", self._constant("places", places), zero, last, zero)
        words = self._node("Gather", self._constant("words", self._weights["embeddings.word_embeddings.weight"]), "pieces")
        hidden = self._norm(self._node("Add", words, here), "embeddings.LayerNorm")
        absent = self._node("Sub", self._number("one", 1.0), "present")
        bias = self._node("Unsqueeze", self._node("Mul", absent, self._number("never", -1e9)), self._whole(1, 2))
        for number in range(_LAYERS):
            hidden = self._layer(hidden, bias, f"encoder.layer.{number}")
        read = self._node("Mul", hidden, self._node("Unsqueeze", "present", self._whole(2)))
        total = self._node("ReduceSum", read, self._whole(1), keepdims=0)
        count = self._node("ReduceSum", "present", self._whole(1), keepdims=1)
        self._node("LpNormalization", self._node("Div", total, count), named="vectors", axis=1, p=2)

    def model(self) -> bytes:
        shape = ["texts", "length"]
        taken = [("pieces", TensorProto.INT64), ("present", TensorProto.FLOAT)]
        graph = helper.make_graph(
            self._nodes,
            "all-MiniLM-L6-v2",
            [helper.make_tensor_value_info(name, kind, shape) for name, kind in taken],
            [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["texts", WIDTH])],
            list(self._constants.values()),
        )
        opset = helper.make_opsetid("", _OPSET)
        return helper.make_model(graph, opset_imports=[opset], ir_version=_IR).SerializeToString()

    def _layer(self, hidden: str, bias: str, name: str) -> str:
        gathered = self._dense(self._attention(hidden, bias, name), f"{name}.attention.output.dense")
        seen = self._norm(self._node("Add", gathered, hidden), f"{name}.attention.output.LayerNorm")
        wide = self._node("Gelu", self._dense(seen, f"{name}.intermediate.dense"))
        thought = self._dense(wide, f"{name}.output.dense")
        return self._norm(self._node("Add", thought, seen), f"{name}.output.LayerNorm")

    def _attention(self, hidden: str, bias: str, name: str) -> str:
        split = self._whole(0, 0, _HEADS, _HEAD)
        parts = [self._dense(hidden, f"{name}.attention.self.{part}") for part in ("query", "key", "value")]
        query, key, value = [self._node("Reshape", part, split) for part in parts]
        query, value = [self._node("Transpose", part, perm=[0, 2, 1, 3]) for part in (query, value)]
        key = self._node("Transpose", key, perm=[0, 2, 3, 1])
        alike = self._node("Mul", self._node("MatMul", query, key), self._number("scale", _HEAD**-0.5))
        looks = self._node("Softmax", self._node("Add", alike, bias), axis=-1)
        found = self._node("Transpose", self._node("MatMul", looks, value), perm=[0, 2, 1, 3])
        return self._node("Reshape", found, self._whole(0, 0, WIDTH))

    def _dense(self, values: str, name: str) -> str:
        weight = self._constant(f"{name}.weight", self._weights[f"{name}.weight"].T)
        return self._node("Add", self._node("MatMul", values, weight), self._constant(f"{name}.bias"))

    def _norm(self, values: str, name: str) -> str:
        learned = self._constant(f"{name}.weight"), self._constant(f"{name}.bias")
        return self._node("LayerNormalization", values, *learned, epsilon=1e-12, axis=-1)

    def _node(self, kind: str, *inputs: str, named: str = "", **settings: Any) -> str:
        result = named or f"{kind}.{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [result], **settings))
        return result

    def _whole(self, *values: int) -> str:
        return self._constant("whole." + ".".join(map(str, values)), np.array(values, dtype=np.int64))

    def _number(self, name: str, value: float) -> str:
        return self._constant(name, np.float32(value))

    def _constant(self, name: str, value: Any = None) -> str:
        if name not in self._constants:
            held = np.asarray(self._weights[name] if value is None else value, order="C")
            large = held.nbytes > _SMALL_BYTES
            self._constants[name] = self._outside(name, held) if large else numpy_helper.from_array(held, name)
        return name

    def _outside(self, name: str, value: np.ndarray) -> Any:
        """A tensor whose numbers are handed over beside the graph."""
        self.large[name] = value
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=value.shape, data_location=TensorProto.EXTERNAL)
        tensor.external_data.add(key="location", value="weights")
        return tensor
