"""Calls the shared library that `seq-compile --emit=shared` makes, through its C interface
(runtime/include/seq/api.h).

    model = seqlib.Library("model.so", weights="model.so.weights", threads=2)
    state = model.state(capacity=4096)
    outputs = model.run("last", {"input_ids": ids}, state)
"""

import ctypes

import numpy as np

MAX_RANK = 8
# As seq_dtype numbers them. NumPy has no bfloat16: its bits.
DTYPES = ["float32", "float64", "float16", "uint16", "int8", "uint8", "int32", "int64", "bool"]


class Error(ctypes.Structure):
    _fields_ = [("message", ctypes.c_char * 1024)]


class Tensor(ctypes.Structure):
    _fields_ = [("dtype", ctypes.c_int32), ("rank", ctypes.c_int32), ("shape", ctypes.c_int64 * MAX_RANK),
                ("data", ctypes.c_void_p)]

    @staticmethod
    def of(array):
        sizes = (ctypes.c_int64 * MAX_RANK)(*array.shape)
        return Tensor(DTYPES.index(array.dtype.name), array.ndim, sizes, array.ctypes.data)

    def view(self):
        """The memory as an array, without a copy."""
        shape = tuple(self.shape[:self.rank])
        dtype = np.dtype(DTYPES[self.dtype])
        if not np.prod(shape):
            return np.zeros(shape, dtype)
        memory = (ctypes.c_uint8 * (int(np.prod(shape)) * dtype.itemsize)).from_address(self.data)
        return np.frombuffer(memory, dtype).reshape(shape)


class TensorType(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("dtype", ctypes.c_int32), ("rank", ctypes.c_int32),
                ("shape", ctypes.POINTER(ctypes.c_int64)), ("symbols", ctypes.POINTER(ctypes.c_int32)),
                ("limit", ctypes.c_int64)]


class Options(ctypes.Structure):
    _fields_ = [("weights", ctypes.c_char_p), ("source", ctypes.c_uint64), ("threads", ctypes.c_int32),
                ("reserved", ctypes.c_int32 * 5)]


API_VERSION = 0x10000
POINTER, TYPE, TENSOR = ctypes.c_void_p, ctypes.POINTER(TensorType), ctypes.POINTER(Tensor)
SIGNATURES = {
    "seq_open": (POINTER, [ctypes.c_uint32, POINTER, POINTER]),
    "seq_close": (None, [POINTER]),
    "seq_input": (TYPE, [POINTER, ctypes.c_char_p, ctypes.c_int32]),
    "seq_output": (TYPE, [POINTER, ctypes.c_char_p, ctypes.c_int32]),
    "seq_create": (POINTER, [POINTER, ctypes.c_int64, POINTER]),
    "seq_clone": (POINTER, [POINTER, POINTER]),
    "seq_free": (None, [POINTER]),
    "seq_reset": (None, [POINTER]),
    "seq_stream_bytes": (ctypes.c_int64, [POINTER]),
    "seq_run": (ctypes.c_bool, [POINTER, ctypes.c_char_p, POINTER, ctypes.c_int32, POINTER]),
    "seq_prefill": (ctypes.c_bool, [POINTER, POINTER, ctypes.c_int64, ctypes.c_int32, POINTER, POINTER]),
    "seq_result": (TENSOR, [POINTER, ctypes.c_int32]),
    "seq_take_snapshot": (POINTER, [POINTER, POINTER]),
    "seq_rollback": (ctypes.c_bool, [POINTER, POINTER, POINTER]),
    "seq_free_snapshot": (None, [POINTER]),
    "seq_save": (ctypes.c_bool, [POINTER, ctypes.c_char_p, POINTER]),
    "seq_restore": (ctypes.c_bool, [POINTER, ctypes.c_char_p, POINTER]),
}


class SeqError(Exception):
    """What the library refused, in its words."""


class Snapshot:
    """A place in a state to return to."""

    def __init__(self, state):
        self.library, self.handle = state.library, None
        self.handle = state.library.try_("seq_take_snapshot", state.handle)

    def __del__(self):
        self.library.call.seq_free_snapshot(self.handle)


class State:
    """What a model remembers between calls: a stream of the library."""

    def __init__(self, library, handle):
        self.library, self.handle = library, handle

    def reset(self):
        self.library.call.seq_reset(self.handle)

    def clone(self):
        return State(self.library, self.library.try_("seq_clone", self.handle))

    def prefill(self, tokens, every=False):
        """The logits after the last token or after each, as an array of the caller's own."""
        tokens, logits = np.ascontiguousarray(tokens, np.int64), Tensor()
        self.library.try_("seq_prefill", self.handle, tokens.ctypes.data, tokens.shape[-1], 2 if every else 1,
                          ctypes.byref(logits))
        return logits.view().copy()

    def snapshot(self):
        return Snapshot(self)

    def rollback(self, snapshot):
        self.library.try_("seq_rollback", self.handle, snapshot.handle)

    def save(self, path):
        self.library.try_("seq_save", self.handle, str(path).encode())

    def load(self, path):
        self.library.try_("seq_restore", self.handle, str(path).encode())

    def __len__(self):
        """Bytes."""
        return self.library.call.seq_stream_bytes(self.handle)

    def __del__(self):
        self.library.call.seq_free(self.handle)


class Call:
    """One function with its inputs in place, to be run many times (see `Library.prepare`)."""

    def __init__(self, library, function, inputs, state):
        self.library, self.function, self.state = library, function and function.encode(), state
        names = library.names("seq_input", self.function)
        if sorted(names) != sorted(inputs):
            raise SeqError(f"inputs {', '.join(inputs)}, expected {', '.join(names)}")
        self.arrays = [np.ascontiguousarray(inputs[name]) for name in names]
        self.tensors = (Tensor * max(len(names), 1))(*map(Tensor.of, self.arrays))

    def __call__(self):
        self.library.try_("seq_run", self.state.handle, self.function, self.tensors, len(self.arrays))

    def outputs(self):
        """By name: views of memory that the state's next run overwrites."""
        names = self.library.names("seq_output", self.function)
        result = self.library.call.seq_result
        return {name: result(self.state.handle, index).contents.view() for index, name in enumerate(names)}


class Library:
    """A program in a shared library; each call runs on `threads` threads (0: one for each CPU)."""

    def __init__(self, path, weights=None, threads=0):
        self.model = None
        self.call = ctypes.CDLL(str(path))
        for name, (result, arguments) in SIGNATURES.items():
            function = getattr(self.call, name)
            function.restype, function.argtypes = result, arguments
        options = Options(weights=str(weights).encode() if weights else None, threads=threads)
        self.model = self.try_("seq_open", API_VERSION, ctypes.byref(options))

    def try_(self, name, *arguments):
        """Calls a function that takes a seq_error last and answers false or NULL on failure."""
        error = Error()
        result = getattr(self.call, name)(*arguments, ctypes.byref(error))
        if not result:
            raise SeqError(error.message.decode(errors="replace"))
        return result

    def names(self, what, function):
        """Of the inputs or outputs of a function."""
        names = []
        while tensor := getattr(self.call, what)(self.model, function, len(names)):
            names.append(tensor.contents.name.decode())
        return names

    def state(self, capacity=0):
        """A new state; `capacity` is the size of its dynamic dimensions."""
        return State(self, self.try_("seq_create", self.model, capacity))

    def prepare(self, function, inputs, state=None):
        """A call of a function (None: the first). Without a state, it has one that starts at zeros once."""
        if state is None:
            state = self.state(max([1, *(size for array in inputs.values() for size in array.shape)]))
        return Call(self, function, inputs, state)

    def run(self, function, inputs, state=None):
        """The outputs by name, as arrays of the caller's own."""
        call = self.prepare(function, inputs, state)
        call()
        return {name: array.copy() for name, array in call.outputs().items()}

    def __del__(self):
        if self.model:
            self.call.seq_close(self.model)
