"""One RNN, LSTM or GRU layer as torch.nn defines it, from zeros: all outputs and the last state."""

import json

import numpy as np
from safetensors.numpy import save_file

import ours
from timing import Contender

GATES = {"rnn": 1, "lstm": 4, "gru": 3}


class Data:
    """x is [B, T, I]; the weights are named and ordered as torch.nn's."""

    def __init__(self, kind, T, B, I, H):
        rng = np.random.default_rng(0)
        self.kind, self.sizes = kind, (T, B, I, H)
        uniform = lambda *shape: (rng.uniform(-1, 1, shape) / np.sqrt(H)).astype(np.float32)
        rows = GATES[kind] * H
        self.x = rng.standard_normal((B, T, I)).astype(np.float32)
        self.weights = dict(weight_ih_l0=uniform(rows, I), weight_hh_l0=uniform(rows, H), bias_ih_l0=uniform(rows),
                            bias_hh_l0=uniform(rows))


def our_contender(setting, data):
    _, B, I, H = data.sizes
    name = f"{data.kind}-{'x'.join(map(str, data.sizes))}"
    model = setting.folder / name
    model.mkdir()
    save_file(data.weights, model / "model.safetensors")
    config = dict(model_type=data.kind, input_size=I, hidden_size=H, num_layers=1)
    (model / "config.json").write_text(json.dumps(config))
    library = ours.compile_library(setting, name, model, f"--batch={B}")
    return ours.contender(setting, library, "forward", {"inputs_embeds": data.x}, "last_hidden_state")


def torch_contender(data):
    import torch
    _, _, I, H = data.sizes
    module = getattr(torch.nn, data.kind.upper())(I, H, batch_first=True)
    module.load_state_dict({name: torch.from_numpy(value) for name, value in data.weights.items()})
    x, last = torch.from_numpy(data.x), {}

    def call():
        with torch.inference_mode():
            last["y"], _ = module(x)
    return Contender("torch", call, lambda: last["y"].numpy(), torch.__version__)


def jax_contender(data):
    import jax
    import jax.numpy as jnp
    _, B, _, H = data.sizes
    w, r, b, br = (jnp.asarray(value) for value in data.weights.values())
    x = jnp.asarray(data.x.transpose(1, 0, 2))

    def step(state, xt):
        h = state[0]
        if data.kind == "gru":
            hr = h @ r.T + br
            reset, update = jnp.split(jax.nn.sigmoid(xt[:, :2 * H] + hr[:, :2 * H]), 2, axis=1)
            h = (1 - update) * jnp.tanh(xt[:, 2 * H:] + reset * hr[:, 2 * H:]) + update * h
            return (h,), h
        gates = xt + h @ r.T
        if data.kind == "rnn":
            h = jnp.tanh(gates)
            return (h,), h
        i, f, g, o = jnp.split(gates, 4, axis=1)
        c = jax.nn.sigmoid(f) * state[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    @jax.jit
    def layer(x):
        zero = jnp.zeros((B, H))
        states, y = jax.lax.scan(step, (zero,) * (2 if data.kind == "lstm" else 1),
                                 x @ w.T + b + (0 if data.kind == "gru" else br))
        return y, states

    last = {}

    def call():
        last["y"], _ = jax.block_until_ready(layer(x))
    return Contender("jax", call, lambda: np.asarray(last["y"]).transpose(1, 0, 2), jax.__version__)


def onnx_model(data):
    """The ONNX operator, with the layout and the order of gates that it has by default."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    T, B, I, H = data.sizes
    order = {"rnn": [0], "lstm": [0, 3, 1, 2], "gru": [1, 0, 2]}[data.kind]  # torch's gates in ONNX's places
    reorder = lambda value: np.concatenate([np.split(value, GATES[data.kind])[gate] for gate in order])
    w, r, b, br = (reorder(value) for value in data.weights.values())
    weights = dict(W=w[None], R=r[None], B=np.concatenate([b, br])[None])
    states = ["Y_h", "Y_c"] if data.kind == "lstm" else ["Y_h"]
    extra = dict(linear_before_reset=1) if data.kind == "gru" else {}
    node = helper.make_node(data.kind.upper(), ["X", "W", "R", "B"], ["Y", *states], hidden_size=H, **extra)
    value = lambda name, *shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    graph = helper.make_graph(
        [node], "layer", [value("X", T, B, I)],
        [value("Y", T, 1, B, H), *(value(state, 1, B, H) for state in states)],
        [numpy_helper.from_array(array, name) for name, array in weights.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def onnxruntime_contender(setting, data):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = setting.threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(onnx_model(data), options, providers=["CPUExecutionProvider"])
    inputs, last = {"X": np.ascontiguousarray(data.x.transpose(1, 0, 2))}, {}

    def call():
        last["y"] = session.run(None, inputs)[0]
    return Contender("onnxruntime", call, lambda: last["y"][:, 0].transpose(1, 0, 2), onnxruntime.__version__)


def openvino_contender(setting, data):
    import openvino
    core = openvino.Core()
    model = core.compile_model(core.read_model(onnx_model(data)), "CPU", {
        "INFERENCE_NUM_THREADS": setting.threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"})
    request = model.create_infer_request()
    x, last = np.ascontiguousarray(data.x.transpose(1, 0, 2)), {}

    def call():
        last["y"] = request.infer({"X": x}, share_inputs=True, share_outputs=True)[0]
    return Contender("openvino", call, lambda: np.array(last["y"])[:, 0].transpose(1, 0, 2),
                     openvino.__version__.split("-")[0])


def contenders(setting, kind, T, B, I, H):
    data = Data(kind, T, B, I, H)
    if setting.wants("seq"):
        yield our_contender(setting, data)
    if setting.wants("torch"):
        yield torch_contender(data)
    if setting.wants("jax"):
        yield jax_contender(data)
    if setting.wants("onnxruntime"):
        yield onnxruntime_contender(setting, data)
    if setting.wants("openvino"):
        yield openvino_contender(setting, data)
