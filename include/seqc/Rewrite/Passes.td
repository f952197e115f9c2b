//===- Passes.td - passes of lib/Rewrite -------------------------*- tablegen -*-===//

include "mlir/Pass/PassBase.td"

def SeqAddReset : Pass<"seq-add-reset", "::mlir::ModuleOp"> {
  let summary = "several sequences in one, with resets at their starts";
  let description = [{
    Each public function with a recurrence or named layer in it, or in a function
    that it calls, gets the argument `reset`, of i1: `[B, T]`, or `[T]` where time
    is the first dimension of its sequences. Where it is true, the states of all
    recurrences are those of the start, before the step of that time:

    ```
    (y_t, s_t) = step(x_t, y_t, reset_t ? start : s_{t-1})
    ```

    So sequences of any lengths, one behind the other, give what each gives alone.
    A recurrence with `reverse` is reset where the sequence behind begins, which is
    where its own ends.

    ```mlir
    %y, %h = seq.recurrence along 1 ins(%x : tensor<2x?x8xf32>) … init(%h0 : tensor<2x8xf32>) {
    ^step(%xt: tensor<2x8xf32>, %yt: …, %s: tensor<2x8xf32>):
      … %s …
    ```
    ⇒
    ```mlir
    %y, %h = seq.recurrence along 1 ins(%x, %reset : tensor<2x?x8xf32>, tensor<2x?xi1>) … init(%h0 : tensor<2x8xf32>) {
    ^step(%xt: tensor<2x8xf32>, %r: tensor<2xi1>, %yt: …, %s: tensor<2x8xf32>):
      %s1 = linalg.generic … ins(%r, %s : …) { arith.select %r, %start, %s }
      … %s1 …
    ```

    The start is the initial state where that is constant, or an argument that is
    not returned. A state that the function takes and returns comes from the run
    before: it starts as zeros, or as `seq.initial` of the argument says. Named
    layers become general operations.

    Functions without a recurrence are left alone. Refused, with an error at the
    operation that is the cause: attention (it would see the keys of before),
    scans, initial states that are computed, states that the sequences of a batch
    share, sequences that are reduced, cut or counted along time or computed from
    a last state, and functions that run through more than one time.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::tensor::TensorDialect"
  ];
}

def SeqDeriveStep : Pass<"seq-derive-step", "::mlir::ModuleOp"> {
  let summary = "derives the step of functions that run through time";
  let description = [{
    Adds, for each public function `@f` with a recurrence in it or in a function
    that it calls, `@f_step`: one time of it. Arguments and results of `@f` that
    are sequences lose their time dimension; which dimension that is follows
    from the recurrences. States are explicit:

    - one that is an argument of `@f` stays an argument, and a result (where
      `@f` does not return it, it becomes a further result);
    - one whose initial value is a constant in `@f` becomes a further argument
      and a further result, after all others, in the order of the recurrences;
      `seq.initial` at the argument gives the value of all elements. In an
      `scf.for` of L iterations, such as one over layers, the states of all
      iterations are one tensor, `[L, …]`.

    The attribute `seq.state` gives argument and result of a state the same
    name. Calling `@f_step` T times, each time with the states it returned, is
    the same as calling `@f` on T times. Results that are not sequences are
    those of `@f` on the times so far; what `@f` reads at the last time, by a
    `tensor.extract_slice` at T - 1, is read at each.

    ```mlir
    func.func @f(%x: tensor<1x?x8xf32>) -> tensor<1x?x8xf32> {
      %zero = arith.constant dense<0.0> : tensor<1x8xf32>
      %y, %h = seq.recurrence along 1 ins(%x : …) outs(%y0 : …) init(%zero : …) {
      ^step(%xt: tensor<1x8xf32>, %yt: …, %s: tensor<1x8xf32>):
        %0 = arith.addf %s, %xt : tensor<1x8xf32>
        seq.yield %0, %0 : tensor<1x8xf32>, tensor<1x8xf32>
      }
      return %y : tensor<1x?x8xf32>
    }
    ```
    ⇒ in addition
    ```mlir
    func.func @f_step(%x: tensor<1x8xf32>,
                      %s: tensor<1x8xf32> {seq.state = "state0", seq.initial = 0.0 : f32})
        -> (tensor<1x8xf32>, tensor<1x8xf32> {seq.state = "state0"}) {
      %0 = arith.addf %s, %x : tensor<1x8xf32>
      return %0, %0 : tensor<1x8xf32>, tensor<1x8xf32>
    }
    ```

    Functions without a recurrence are left alone. Refused, with an error at the
    operation that is the cause: named layers (run seq-generalize first),
    reverse recurrences, scans, operations that reduce over time, cut it or use
    its length or position as a number, sequences read as a whole by a step,
    sequences computed from the last state of a recurrence, and initial states
    that are neither constant nor arguments.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect"
  ];
}

def SeqExposeStates : Pass<"seq-expose-states", "::mlir::ModuleOp"> {
  let summary = "makes the states of public functions arguments and results";
  let description = [{
    Each public function whose recurrences and named layers begin with states of
    zeros gets these states as further arguments and the last states as further
    results, after all others, in the order of the operations. The sequences
    keep their time. Then a sequence may be handed over in pieces, each with the
    states that the last one returned: the results are those of the whole.

    The states of functions that are called become arguments and results of
    these. In an `scf.for` of L iterations, such as one over layers, the states
    of all iterations are one tensor `[L, …]`, of which each iteration takes its
    part out and puts it back.

    ```mlir
    func.func @f(%x: tensor<1x?x8xf32>) -> tensor<1x?x4xf32> {
      %zero = arith.constant dense<0.0> : tensor<1x4xf32>
      %y, %h = seq.gru ins(%x : …) weights(…) init(%zero : tensor<1x4xf32>) -> …
      return %y : tensor<1x?x4xf32>
    }
    ```
    ⇒
    ```mlir
    func.func @f(%x: tensor<1x?x8xf32>, %s: tensor<1x4xf32> {seq.state = "h0"})
        -> (tensor<1x?x4xf32>, tensor<1x4xf32> {seq.state = "h0"}) {
      %y, %h = seq.gru ins(%x : …) weights(…) init(%s : tensor<1x4xf32>) -> …
      return %y, %h : tensor<1x?x4xf32>, tensor<1x4xf32>
    }
    ```

    A `seq.attention` in which no query sees a later key, without key mask and
    bias and with an unknown number of times, has states as well if queries and
    keys have one time: it becomes `seq.cached_attention`, whose caches `[B, ?, H,
    D]` are as large as their user wants them.

    A name is that of the layer's state (h, c, conv, ssm, kv; keys, values,
    position; state for `seq.recurrence`) with a number. Functions have a state of the same name
    where they compute it in the same way from arguments of the same names: after
    `@forward` on the first part of a text, `@last` may get the rest.

    A function is left as it is where it could not run on pieces, and a remark
    says why:

    - something runs from the last time to the first, or in regions other than
      those of functions and `scf.for`;
    - time is reduced, cut, scanned, or used as a number (reading a sequence at
      the last time, `tensor.extract_slice` at T - 1, is allowed);
    - what is computed for each time reads a last state or the last time;
    - an initial state is computed, or an argument that its user hands over
      again, or a constant other than zero: the states of a program are zeros at
      the start, and nothing else could set them.

    Where such a function calls a function that another one needs rewritten, it
    passes zeros.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect"
  ];
}

def SeqGeneralize : Pass<"seq-generalize"> {
  let summary = "replaces named layers by recurrences";
  let description = [{
    States every named layer of the seq dialect (`GeneralizableOpInterface`) in
    general operations: a `seq.recurrence` whose body is the layer's formula on
    one time slice, in `linalg`, `tensor`, `arith` and `math`. Weights are
    captured by the body. All that belongs to a time is computed inside, the
    products of the inputs included; to move them out is another pass's work.

    ```mlir
    %y, %h = seq.rnn ins(%x : tensor<1x?x8xf32>)
        weights(%w, %r : tensor<4x8xf32>, tensor<4x4xf32>)
        init(%h0 : tensor<1x4xf32>) -> tensor<1x?x4xf32>, tensor<1x4xf32>
    ```

    ⇒ (`W xₜ` and `R h` are `linalg.generic`s)

    ```mlir
    %t = tensor.dim %x, %c1 : tensor<1x?x8xf32>
    %y0 = tensor.empty(%t) : tensor<1x?x4xf32>
    %y, %h = seq.recurrence along 1 ins(%x : tensor<1x?x8xf32>)
        outs(%y0 : tensor<1x?x4xf32>) init(%h0 : tensor<1x4xf32>) {
    ^step(%xt: tensor<1x8xf32>, %yt: tensor<1x4xf32>, %s: tensor<1x4xf32>):
      %wx = linalg.generic … ins(%xt, %w : tensor<1x8xf32>, tensor<4x8xf32>) …
      %rh = linalg.generic … ins(%s, %r : tensor<1x4xf32>, tensor<4x4xf32>) …
      %sum = arith.addf %wx, %rh : tensor<1x4xf32>
      %next = math.tanh %sum : tensor<1x4xf32>
      seq.yield %next, %next : tensor<1x4xf32>, tensor<1x4xf32>
    }
    ```
  }];
}

def SeqHoist : Pass<"seq-hoist"> {
  let summary = "moves what is free of the state out of recurrences";
  let description = [{
    Three things leave the body of a `seq.recurrence`.

    **Time-invariant operations**, in front of the loop, once. Operations that
    only make or rearrange elements stay, unless another one needs them there.

    **Reductions free of the state**, products first of all, in front of the
    loop, for all times at once; with them what they are computed from, and sums
    with time-invariant tensors (biases) that follow directly. Other elementwise
    operations stay: they fuse in the loop and nothing is stored for them.

    ```mlir
    seq.recurrence along 1 ins(%x : tensor<4x?x8xf32>) … {
    ^step(%xt: tensor<4x8xf32>, %yt: …, %h: tensor<4x16xf32>):
      %p = linalg.matmul ins(%xt, %w : …) outs(%zero : …) -> tensor<4x16xf32>
      %r = linalg.matmul ins(%h, %u : …) outs(%p : …) -> tensor<4x16xf32>
      …
    ```
    ⇒
    ```mlir
    // (b, t, n, k): (b, t, k), (k, n) -> (b, t, n)
    %ps = linalg.generic … ins(%x, %w : …) outs(%zeros : …) -> tensor<4x?x16xf32>
    seq.recurrence along 1 ins(%ps : tensor<4x?x16xf32>) … {
    ^step(%p: tensor<4x16xf32>, %yt: …, %h: tensor<4x16xf32>):
      %r = linalg.matmul ins(%h, %u : …) outs(%p : …) -> tensor<4x16xf32>
      …
    ```

    **Readouts**: a product of a state-dependent v with a time-invariant W, if
    no next state depends on it and W has a dimension that v has not. It and
    what follows from it are computed after the loop, of the sequence of v.

    ```mlir
      %o = linalg.matmul ins(%h1, %w : …) outs(…)
      seq.yield %o, %h1
    ```
    ⇒
    ```mlir
      seq.yield %h1, %h1
    }
    %os = linalg.generic … ins(%h1s, %w : …)
    ```

    Left inside: values of fewer dimensions than `along` counts (their
    sequences could not come back), and operations other than linalg,
    elementwise ones, slices, reshapes, casts and `tensor.concat`.
  }];
  let options = [
    Option<"elementwise", "elementwise", "bool", /*default=*/"false",
           "Move elementwise operations free of the state as well, which stores "
           "their results for all times.">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::tensor::TensorDialect"
  ];
}

def SeqMergeProducts : Pass<"seq-merge-products"> {
  let summary = "merges products of one tensor with several weights";
  let description = [{
    Products x·W₁ … x·Wₙ in a block become one product with the joined weights,
    of which slices are taken:

    ```mlir
    %q = linalg.matmul ins(%x, %wq : …, tensor<64x32xf32>) outs(%zero : …)
    %k = linalg.matmul ins(%x, %wk : …, tensor<64x16xf32>) outs(%zero : …)
    ```
    ⇒
    ```mlir
    %w = tensor.concat dim(1) %wq, %wk : … -> tensor<64x48xf32>
    %p = linalg.matmul ins(%x, %w : …) outs(%zeros : …)
    %q = tensor.extract_slice %p[0, 0] [4, 32] [1, 1] : …
    %k = tensor.extract_slice %p[0, 32] [4, 16] [1, 1] : …
    ```

    The weights are `seq.weight` values, as they are, converted or rearranged,
    which are joined when they are packed; or arguments of the function of static shape
    that no recurrence takes as a sequence or state, if x is no such argument.
    x is no weight. The products are contractions that differ in the size of
    one dimension of the weight, and their destinations are fills with the same
    value. Inside of a recurrence the weights are joined in front of it.

    Where each product is read by a `linalg.generic` alone, the same for all, that
    adds a weight of the file to its columns, these join too.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::tensor::TensorDialect"
  ];
}

def SeqNameArguments : Pass<"seq-name-arguments", "::mlir::ModuleOp"> {
  let summary = "completes and checks the signatures of a program";
  let description = [{
    A public function is an entry point of the program. Its arguments and
    results without a `seq.name` are named arg0, arg1, …, result0, result1, …
    after their places.

    Those with dynamic dimensions get `seq.sizes`, a number for each dimension:
    -1 where the size is known, and else the same number for sizes that the
    function needs to be equal, or makes equal. This is found in the operations,
    through calls, loops and recurrences.

    ```mlir
    func.func @f(%x: tensor<1x?x8xf32> {seq.name = "x"}, %g: tensor<1x?x8xf32>)
        -> tensor<1x?x8xf32> {
      %y = arith.mulf %x, %g : tensor<1x?x8xf32>
      return %y : tensor<1x?x8xf32>
    }
    ```
    ⇒
    ```mlir
    func.func @f(
        %x: tensor<1x?x8xf32> {seq.name = "x", seq.sizes = array<i64: -1, 0, -1>},
        %g: tensor<1x?x8xf32> {seq.name = "arg1", seq.sizes = array<i64: -1, 0, -1>})
        -> (tensor<1x?x8xf32> {seq.name = "result0", seq.sizes = array<i64: -1, 0, -1>})
    ```

    Refused: a module without a public function, a public function without a
    result, one name for two arguments or two results, and types that the
    interface of programs has not: anything but tensors of at most eight
    dimensions with elements of f32, f64, f16, bf16, i8, ui8, i32, i64 or i1.
    (A single number is a `tensor<f32>`.)
  }];
}

def SeqTileAttention : Pass<"seq-tile-attention"> {
  let summary = "states softmax attention as a recurrence over tiles of keys";
  let description = [{
    The online softmax: over keys, (m, l, a) = (largest score, sum of weights,
    sum of weighted values) merge by M = max(m, m'), l e^(m-M) + l' e^(m'-M), and
    a alike. So attention is a `seq.recurrence` along the tiles of keys with
    these three as states, and no score outlives its tile.

    ```mlir
    %y = seq.attention ins(%q, %k, %v : …) mask <causal> scale 0.125 -> tensor<1x?x8x64xf32>
    ```
    ⇒ (`%k1` and `%v1` are padded to whole tiles; `%first` is the first key of each)
    ```mlir
    %a, %m, %l = seq.recurrence along 1 ins(%k1, %v1, %first : tensor<1x?x64x8x64xf32>, …, tensor<1x?xi64>)
        init(%a0, %m0, %l0 : tensor<1x?x8x64xf32>, tensor<1x8x?xf32>, tensor<1x8x?xf32>) {
    ^step(…):
      … scores of the tile, hidden ones -∞; the new maximum; weights; both sums
    }
    %y = … %a / %l, and 0 where %l is 0
    ```

    The normaliser kernel is left alone: its sum over keys needs no maximum.
  }];
  let options = [
    Option<"keys", "keys", "int64_t", "64", "keys in a tile">
  ];
  let dependentDialects = ["::mlir::affine::AffineDialect",
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"];
}
