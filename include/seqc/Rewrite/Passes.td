//===- Passes.td - passes of lib/Rewrite -------------------------*- tablegen -*-===//

include "mlir/Pass/PassBase.td"

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
