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

    Attention of a sequence to itself gets a bias of -∞ where the sequence of the
    query, counted from the first, is another than that of the key. It knows whole
    sequences only, since a cache would not.

    Functions without a recurrence are left alone. Refused, with an error at the
    operation that is the cause: attention that is not causal, has a bias or a
    key mask, or shows first keys (global); scans, initial states that are
    computed, states that the sequences of a batch share, sequences that are
    reduced, cut or counted along time or computed from a last state, assertions
    on a last state, and functions that run through more than one time.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::tensor::TensorDialect"
  ];
}

def SeqBlockScan : Pass<"seq-block-scan"> {
  let summary = "turns scans into recurrences, associative ones by blocks of time";
  let description = [{
    Reduce, scan, apply [Blelloch 1990]: a `seq.scan associative` of T times
    becomes recurrences in which N blocks of L = ⌊T/N⌋ times are a dimension,
    placed where time was. Nothing in a body couples the blocks, so that threads
    (or blocks of a GPU) take one each, and the combiner runs on all channels of
    a block.

    ```mlir
    %y, %last = seq.scan along 1 associative ins(%x : tensor<1x?x8xf32>) init(%e : tensor<1x8xf32>) { … }
    ```
    ⇒
    ```mlir
    %xs = tensor.expand_shape %x_blocks … : tensor<1x?x8xf32> into tensor<1x16x?x8xf32>
    %sums = seq.recurrence along 2 ins(%xs …) init(%firsts : tensor<1x15x8xf32>) { … }
    %prefixes, … = seq.recurrence along 1 ins(%sums …) outs(…) init(%e …) { … }
    %ys, %ends = seq.recurrence along 2 ins(%xs …) outs(…) init(%prefixes : tensor<1x16x8xf32>) { … }
    %rest, %last = seq.recurrence along 1 ins(%x_rest …) outs(…) init(%ends#15 …) { … }
    ```

    That is twice the sequential work and more memory traffic, on N times as many
    independent channels: it pays where there are more threads than channels fill.
    The rest of fewer than N times follows the blocks, and T < N² times are all
    rest. Members of the tuple that only the sums need are dropped from the last
    two by canonicalization; a sequence that is a `linalg.broadcast` along time is
    captured instead.

    One recurrence over all times, one after the other, is what `blocks=1` makes,
    and what becomes of scans that are not declared associative and, with a
    remark, of those whose combiner has operations that cannot be given a further
    dimension. (Without init the first time is a recurrence of its own.)
  }];
  let options = [
    Option<"blocks", "blocks", "int64_t", "16",
           "blocks of time; 1: sequential">];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::tensor::TensorDialect"];
}

def SeqChunk : Pass<"seq-chunk"> {
  let summary = "runs affine recurrences in chunks of time";
  let description = [{
    A recurrence whose step is, in each of its states, diagonal (with one decay,
    or one for each row or channel) or diagonal plus one matrix of rank one (the
    delta rule) becomes products of matrices for all chunks of `chunk` times at
    once, and a `seq.recurrence` over the chunks whose body does nothing but
    S ← decay ⊙ S + F, or S ← decay ⊙ S + M S + F. What reads the states
    is computed for all times afterwards.

    ```mlir
    %y, %s = seq.recurrence along 1 ins(%q, %k, %v, %g : …) outs(%y0 : …) init(%s0 : tensor<1x8x64x64xf32>) {
      … S exp(g) + k vᵀ, Sᵀ q
    }
    ```
    ⇒ (N chunks; the last one is padded with what changes nothing)
    ```mlir
    %scores = … q kᵀ, times the decay in between, where the key is not later : tensor<?x1x8x64x64xf32>
    %added = … Σ kᵀ v, decayed to the end of the chunk : tensor<?x1x8x64x64xf32>
    %before, %s = seq.recurrence along 0 ins(%decay, %added : …) outs(… : tensor<?x1x8x64x64xf32>) init(%s0 : …) {
    ^step(%d: tensor<1x8xf32>, %f: tensor<1x8x64x64xf32>, %out: …, %state: …):
      … d S + F
      seq.yield %state, %next : …
    }
    %y = … %scores v + q %before
    ```

    Products of decays are made in the order of time, as sums of exponents where
    a decay is an exponential or a sigmoid. Nothing is divided or subtracted, so
    no exponent is above 0 and a decay of 0 is nothing special. Where decays
    differ among the channels that a readout sums over, a chunk is cut into blocks
    of 16 rows: rows are decayed from the start of their block, columns to the
    end of theirs.

    A recurrence that has no such form is left alone, and a remark says why:
    another class of step, a decay that is not known to be at most 1, a part of
    a state that is read, factors and outputs that cannot be computed for all
    times.
  }];
  let options = [
    Option<"chunk", "chunk", "int64_t", "64",
           "times in a chunk: 1 to 16, or a multiple of 16">
  ];
  let dependentDialects = ["::mlir::affine::AffineDialect",
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"];
}

def SeqClassify : Pass<"seq-classify"> {
  let summary = "says how each recurrence depends on its states";
  let description = [{
    Remarks at each `seq.recurrence`, one for each state and one for the whole;
    nothing is changed.

    ```
    state 0 (1x8x64x64): diagonal, decay per row (dims 1, 2), log decay <= 0;
      added term is an outer product (dims 2 | 3);
      readout contracts dim 2 after the update; separable dims 0, 1
    ```

    | class of a state s | step |
    |---|---|
    | constant | s' = s |
    | free | s' does not depend on states |
    | diagonal | s'[i] = a[i] s[i] + f[i] |
    | rotation | 2×2 blocks, of two states or of a dimension of size 2 |
    | diagonal plus low rank | s'[i,j] = a s[i,j] + Σ_k u[i] w[k] s[k,j] + f[i,j] |
    | affine | any other affine map, of several states perhaps |
    | nonlinear | anything else; a note at the operation that is the cause |

    Decay is the coefficient a: none (a = 1), scalar, per row or per element of
    the state, with the dimensions on which it depends. `log decay <= 0` means
    that 0 ≤ a ≤ 1 was proven by interval arithmetic; otherwise the bounds found
    are printed.
  }];
}

def SeqConvolve : Pass<"seq-convolve"> {
  let summary = "turns time-invariant recurrences into long convolutions";
  let description = [{
    A `seq.recurrence` with s_t = A s_{t-1} + B x_t, y_t = C s_t, in which A acts
    elementwise on one state, or on several (rotations of two states), and A, B
    and C are the same at all times [S4D 2206.11893]:

        y_t = C A^{t+1} s₀ + Σ_{r≤t} K[t-r] x_r      K[n] = C A^n B
        s_T = A^T s₀ + Σ_r A^{T-1-r} B x_r

    Powers of A are a `seq.scan associative`; K is a `linalg.generic` over the
    dimensions that outputs and x have, with the sum over the others in it; the
    convolution is another one, over t and r. B is what the added terms have of
    time-invariant factors, x the rest. Readouts may be before or after the
    update; what is not linear in them, or multiplies them by what differs from
    time to time, is computed for all times afterwards.

    The work is T² for each channel, without its N states: for short sequences,
    and where K serves a large batch.

    Other recurrences are left as they are, and a remark says why.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::tensor::TensorDialect"];
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

    Attention has a step where its caches are states (run seq-expose-states first):
    `seq.cached_attention` of a sequence of one.

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
    D]` are as large as their user wants them, though those of a window of W keys
    no larger than W, which the attribute `seq.most` says. `seq.position` names
    the state that says how much of a cache is used.

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

def SeqOnlineSoftmax : Pass<"seq-online-softmax"> {
  let summary = "states softmax attention as a recurrence over tiles of keys";
  let description = [{
    The online softmax: over keys, (a, m, l) = (sum of weighted values, largest
    score, sum of weights) merge by M = max(m, m'), l e^(m-M) + l' e^(m'-M), and
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

    **Tiles that hold nothing.** The recurrence runs over the tiles that a band
    (`causal`, `window`) lets one of the queries see. With `queries` the queries
    are in tiles as well, one step each of an outer `seq.recurrence` without
    states, and the inner one runs over what that tile of queries may see: half
    of the tiles where the mask is causal, those of the window where there is
    one. Global positions and patterns of blocks are hidden score by score.

    **Splits.** With `splits=N` the tiles are cut into N parts of as many tiles,
    each with a recurrence of its own, and the states merge by the rule above,
    which is exact: for one query over many keys. A part may be empty.

    `seq.cached_attention` is the same over what its caches hold.

    The normaliser kernel is left alone: its sum over keys needs no maximum.
    Refused: less than one key in a tile, and less than one part.
  }];
  let options = [
    Option<"keys", "keys", "int64_t", "64", "keys in a tile">,
    Option<"queries", "queries", "int64_t", "0",
           "queries in a tile; 0: all at once">,
    Option<"splits", "splits", "int64_t", "1",
           "parts of the keys that are summed apart">
  ];
  let dependentDialects = ["::mlir::affine::AffineDialect",
    "::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
    "::mlir::tensor::TensorDialect"];
}

def SeqParallelScan : Pass<"seq-parallel-scan"> {
  let summary = "turns affine recurrences into scans of maps";
  let description = [{
    A `seq.recurrence` whose step is affine in its states, s ← A_t s + f_t,
    becomes a `seq.scan associative` of the maps,

        (A₁, f₁) ∘ (A₂, f₂) = (A₂ A₁, A₂ f₁ + f₂)      [Blelloch 1990]

    from (0, s₀), the constant map to the initial state. The outputs are computed
    for all times from the states after each update; from those before it, by an
    exclusive scan, where some output needs them.

    ```mlir
    seq.recurrence along 1 ins(%a, %x : tensor<1x?x8xf32>, …) outs(…) init(%s0 : tensor<1x8xf32>) {
    ^step(%at: tensor<1x8xf32>, %xt: tensor<1x8xf32>, %yt: …, %s: tensor<1x8xf32>):
      %0 = arith.mulf %at, %s : tensor<1x8xf32>
      %1 = arith.addf %0, %xt : tensor<1x8xf32>
      seq.yield %1, %1 : tensor<1x8xf32>, tensor<1x8xf32>
    }
    ```
    ⇒
    ```mlir
    %y:4 = seq.scan along 1 associative ins(%a, %x : …) init(%zero, %s0 : …) {
    ^combine(%a1: …, %f1: …, %a2: …, %f2: …):
      %a = arith.mulf %a2, %a1 : tensor<1x8xf32>
      %0 = arith.mulf %a2, %f1 : tensor<1x8xf32>
      %f = arith.addf %0, %f2 : tensor<1x8xf32>
      seq.yield %a, %f : tensor<1x8xf32>, tensor<1x8xf32>
    }
    ```

    | step | A |
    |---|---|
    | diagonal | one tensor, of size 1 in the dimensions that it does not depend on; none where it is 1 |
    | free of the state | none |
    | states that take from each other elementwise (rotations of two states) | one tensor for each pair |
    | low rank, rotations in a dimension, windows, matrices | a matrix over the dimensions that mix, of at most `matrix` rows |

    States that do not meet get scans of their own. A coefficient that is the
    same at all times is a `linalg.broadcast` along time, which needs no memory
    in seq-block-scan.

    Products of coefficients may overflow where no state does, if they are
    beyond ±1: whoever chooses this form asks the bounds that seq-classify prints.

    A recurrence with a state that is not affine, or with a larger matrix, is
    left as it is, and a remark says why.
  }];
  let options = [
    Option<"matrix", "matrix", "int64_t", "16",
           "largest number of rows of a matrix">];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::tensor::TensorDialect"];
}

def SeqQuadratic : Pass<"seq-quadratic"> {
  let summary = "states affine recurrences as masked products";
  let description = [{
    The form of `seq-chunk` with one chunk for all times: scores of all pairs of
    times, masked and decayed, times the values. For short sequences.

    ```mlir
    %scores = … q kᵀ, times the decay in between, where the key is not later : tensor<1x1x8x?x?xf32>
    %y = … %scores v + q %s0
    ```

    Left alone, with a remark, is what `seq-chunk` leaves alone.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect",
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"];
}

def SeqReorderAttention : Pass<"seq-reorder-attention", "::mlir::ModuleOp"> {
  let summary = "multiplies keys with values first, by associativity";
  let description = [{
    (φ(Q) φ(K)ᵀ) V is φ(Q) (φ(K)ᵀ V): T·S·(K + V) multiply-adds become
    (T + S)·K·V, and where a query sees the keys up to its own time only, a
    `seq.recurrence` whose state is φ(K)ᵀ V so far. Two shapes of it are found.

    **`seq.attention` with the normaliser kernel**, mask full or causal. The
    sum of weights is the same product with values of 1.

    ```mlir
    %y = seq.attention ins(%q, %k, %v : tensor<1x?x8x64xf32>, …) mask <causal>
        scale 1.0 {normaliser = #seq<normaliser kernel>} -> tensor<1x?x8x64xf32>
    ```
    ⇒
    ```mlir
    %n, %s = seq.recurrence along 1 ins(%q, %k, %v : …) outs(%n0 : …) init(%s0 : tensor<1x8x64x64xf32>) {
      … S + k vᵀ; Sᵀ q
    }
    %zs, %z = seq.recurrence along 1 ins(%k : …) outs(%zs0 : …) init(%z0 : tensor<1x8x64xf32>) {
      … z + k
    }
    %d = … Σ %q · %zs
    %y = … %n / %d, and 0 where %d is 0
    ```

    Neither state reads the other, so they are two recurrences: each keeps all
    its dimensions separable. Queries that continue a longer sequence of keys
    begin with the sum of the earlier keys.

    **The same in linalg**: a contraction Q Kᵀ in any layout (`linalg.matmul`,
    `linalg.generic`, …), then elementwise operations that are linear in its
    result, then a sum over keys, with values or without. What is found by
    indexing maps:

    - a factor, divisor or condition that does not depend on the key (scale, row
      sum, its guard against 0) comes after the sum;
    - one that depends on the key alone (a key mask) comes before it;
    - a causal mask, s ≤ t or s < t, makes the sum a recurrence. A mask is a
      comparison of `linalg.index` values or a constant triangle, selected by or
      multiplied with;
    - under such a mask, a decay makes it a recurrence whose state decays:
      exp((b[t] - b[s])·c) with b a value of one time gives
      S ← exp((b[t] - b[t-1])·c) S + k vᵀ, exp((t - s)·c) gives S ← exp(c) S + k vᵀ, and
      γ^(t - s) gives S ← γ S + k vᵀ, where c and γ are free of both times. The
      decay may hold the mask: exp(-∞) or a product with 0. Nothing else that
      depends on both is reordered.

    Whether it is attention does not matter: E·(X·W) becomes (E·X)·W where E has
    few rows (Linformer), and (x·W₁)·W₂ becomes x·(W₁·W₂), a product of weights
    that is computed in advance, where that is less work.

    A rewrite must save multiply-adds; unknown sizes count as 2²⁰, and products of
    weights as nothing. All that is computed from the scores must be rewritten.
    Remarks say what was done and what was in the way.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect",
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::seq::SeqDialect",
    "::mlir::tensor::TensorDialect"];
}

def SeqSelectForm : Pass<"seq-select-form", "::mlir::ModuleOp"> {
  let summary = "states each recurrence in the form that costs least";
  let description = [{
    Every recurrence of an affine step may also be computed chunkwise, by a
    parallel scan, or as one masked product. With `form=auto` the cost model
    decides: each form is tried on a copy, its operations are counted as functions
    of the number of times, and a target file has the machine's rates. Another
    form than the sequential one is taken where it saves half of the time.

    Where the number of times is not known and it depends on it which form is
    best, there are several, and the program decides:

    ```mlir
    %y, %h = seq.recurrence along 1 ins(%x, %a : …) outs(%y0 : …) init(%h0 : …) { … }
    ```
    ⇒
    ```mlir
    %t = tensor.dim %x, %c1 : tensor<1x?x64xf32>
    %short = arith.cmpi slt, %t, %c4096 : index
    %y, %h = scf.if %short -> (tensor<1x?x64xf32>, tensor<1x64xf32>) {
      %1, %2 = seq.recurrence along 1 ins(%x, %a : …) outs(%y0 : …) init(%h0 : …) { … }
      scf.yield %1, %2 : …
    } else {
      … the same by seq.scan, then copied to %y0 and %h0
    }
    ```

    Any other `form` is that of every recurrence; one that does not admit it is an
    error that says why. Recurrences whose states no arithmetic of floats reaches
    (windows, counters) are left as they are, and so are those inside of others.
  }];
  let options = [
    Option<"form", "form", "std::string", "\"auto\"",
           "auto, sequential, chunked, scan or quadratic">,
    Option<"targetFile", "target-file", "std::string", "\"\"",
           "the machine's rates (default: those of targets/avx512.json)">
  ];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect"
  ];
}

def SeqWavefront : Pass<"seq-wavefront", "::mlir::ModuleOp"> {
  let summary = "runs two recurrences side by side";
  let description = [{
    Two recurrences of a block become one whose step has parts that do not need
    each other, for threads that share the work of a step.

    **One above the other**: the sequences that `upper` reads are outputs of
    `lower`, or computed from them by operations that are pointwise in time
    (elementwise, products with a weight). Upper runs one step behind: at time t
    it reads what lower has put out at t - 1, a further state. What is not for
    both comes before and after, as recurrences over at most one time, so that
    no state is ever touched at a time that it has not:

    ```mlir
    %y, %h = seq.recurrence along 1 ins(%x) outs(%y0) init(%h0) { … }
    %z, %g = seq.recurrence along 1 ins(%y) outs(%z0) init(%g0) { … }
    ```
    ⇒ (m = min(1, T))
    ```mlir
    %ya, %ha, %ca = seq.recurrence along 1 ins(%x[0, m)) outs(%y0[0, m)) init(%h0, %zeros) { … }
    %yb, %zb, %h, %gb, %c = seq.recurrence along 1 ins(%x[m, T)) outs(%y0[m, T), %z0[0, T - m))
        init(%ha, %g0, %ca) { … }
    %zc, %g = seq.recurrence along 1 outs(%z0[T - m, T)) init(%gb) { … %c … }
    ```

    **Beside each other**: neither reads the other and they have the same number
    of times. If one of them is `reverse`, as in a bidirectional layer, its
    sequences are turned round before and after.

    Recurrences are taken two by two; of three layers the third stays as it is.
    Left alone: stacks that run backwards, upper recurrences whose initial
    states or captured values come from lower, and steps between the two that
    mix times.

    Not part of the pipelines: a product with all times of lower's outputs becomes
    one for each step.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect",
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::tensor::TensorDialect"];
}
