"""Calls the shared library that `seq-compile --emit=shared` makes, through the runtime's C
interface (runtime/include/seq/runtime: Session.h, State.h).

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


class Function(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("n_inputs", ctypes.c_int32), ("n_states", ctypes.c_int32),
                ("n_outputs", ctypes.c_int32), ("reserved", ctypes.c_int32),
                ("inputs", ctypes.POINTER(TensorType)), ("states", ctypes.POINTER(TensorType)),
                ("outputs", ctypes.POINTER(TensorType)), ("run", ctypes.c_void_p), ("arena_bytes", ctypes.c_void_p)]


class Options(ctypes.Structure):
    _fields_ = [("weights", ctypes.c_char_p), ("threads", ctypes.c_int32)]


POINTER = ctypes.c_void_p
SIGNATURES = {
    "seq_find_function": (ctypes.POINTER(Function), [POINTER, ctypes.c_char_p, POINTER]),
    "seq_session_open": (POINTER, [POINTER, POINTER, POINTER]),
    "seq_session_close": (None, [POINTER]),
    "seq_session_run": (ctypes.c_bool, [POINTER, POINTER, POINTER, POINTER, POINTER]),
    "seq_session_outputs": (ctypes.POINTER(Tensor), [POINTER]),
    "seq_session_threads": (ctypes.c_int32, [POINTER]),
    "seq_state_create": (POINTER, [POINTER, ctypes.c_int64, POINTER]),
    "seq_state_clone": (POINTER, [POINTER, POINTER]),
    "seq_state_copy": (ctypes.c_bool, [POINTER, POINTER, POINTER]),
    "seq_state_reset": (None, [POINTER]),
    "seq_state_free": (None, [POINTER]),
    "seq_state_bytes": (ctypes.c_int64, [POINTER]),
    "seq_state_save": (ctypes.c_bool, [POINTER, ctypes.c_char_p, POINTER]),
    "seq_state_load": (ctypes.c_bool, [POINTER, ctypes.c_char_p, POINTER]),
}


class SeqError(Exception):
    """What the library refused, in its words."""


class State:
    """What a model remembers between calls."""

    def __init__(self, library, handle):
        self.library, self.handle = library, handle

    def reset(self):
        self.library.call.seq_state_reset(self.handle)

    def clone(self):
        return State(self.library, self.library.try_("seq_state_clone", self.handle))

    def copy_from(self, other):
        self.library.try_("seq_state_copy", self.handle, other.handle)

    def save(self, path):
        self.library.try_("seq_state_save", self.handle, str(path).encode())

    def load(self, path):
        self.library.try_("seq_state_load", self.handle, str(path).encode())

    def __len__(self):
        """Bytes."""
        return self.library.call.seq_state_bytes(self.handle)

    def __del__(self):
        self.library.call.seq_state_free(self.handle)


class Call:
    """One function with its inputs in place, to be run many times (see `Library.prepare`)."""

    def __init__(self, library, function, inputs, state):
        self.library, self.function, self.state = library, function, state
        names = [function.contents.inputs[i].name.decode() for i in range(function.contents.n_inputs)]
        if sorted(names) != sorted(inputs):
            raise SeqError(f"inputs {', '.join(inputs)}, expected {', '.join(names)}")
        self.arrays = [np.ascontiguousarray(inputs[name]) for name in names]
        self.tensors = (Tensor * max(len(names), 1))(*map(Tensor.of, self.arrays))

    def __call__(self):
        self.library.try_("seq_session_run", self.library.session, self.state and self.state.handle, self.function,
                          self.tensors)

    def outputs(self):
        """By name: views of memory that the next run overwrites."""
        function = self.function.contents
        tensors = self.library.call.seq_session_outputs(self.library.session)
        return {function.outputs[i].name.decode(): tensors[i].view() for i in range(function.n_outputs)}


class Library:
    """A program in a shared library, with a session of `threads` threads (0: one for each CPU)."""

    def __init__(self, path, weights=None, threads=0):
        self.session = None
        self.call = ctypes.CDLL(str(path))
        for name, (result, arguments) in SIGNATURES.items():
            function = getattr(self.call, name)
            function.restype, function.argtypes = result, arguments
        self.program = ctypes.addressof(ctypes.c_char.in_dll(self.call, "seq_program_descriptor"))
        options = Options(str(weights).encode() if weights else None, threads)
        self.session = self.try_("seq_session_open", self.program, ctypes.byref(options))

    def try_(self, name, *arguments):
        """Calls a function that takes a seq_error last and answers false or NULL on failure."""
        error = Error()
        result = getattr(self.call, name)(*arguments, ctypes.byref(error))
        if not result:
            raise SeqError(error.message.decode(errors="replace"))
        return result

    def state(self, capacity=0):
        """Zeroed states; `capacity` is the size of their dynamic dimensions."""
        return State(self, self.try_("seq_state_create", self.program, capacity))

    def prepare(self, function, inputs, state=None):
        """A call of a function (None: the first). Without a state, functions that have one start at zeros once."""
        found = self.try_("seq_find_function", self.program, function.encode() if function else None)
        if state is None and found.contents.n_states:
            state = self.state(max([1, *(size for array in inputs.values() for size in array.shape)]))
        return Call(self, found, inputs, state)

    def run(self, function, inputs, state=None):
        """The outputs by name, as arrays of the caller's own."""
        call = self.prepare(function, inputs, state)
        call()
        return {name: array.copy() for name, array in call.outputs().items()}

    def __del__(self):
        if self.session:
            self.call.seq_session_close(self.session)
