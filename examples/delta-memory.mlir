// A memory that corrects itself, as somebody would write it who has a recurrence
// of his own: 20 x 40 numbers S that answer a key k with Sᵀ k. Each step writes
// the error of the answer (the delta rule of Widrow and Hoff, with a rate), and
// then answers a query:
//
//   n_t = k_t / sqrt(k_t·k_t + 1e-6)         r_t = 1 / (1 + exp(-g_t))
//   S_t = S_{t-1} + r_t n_t (v_t - S_{t-1}ᵀ n_t)ᵀ           y_t = S_tᵀ q_t
//
// S begins as zeros inside of the function, so a compiled program keeps it
// between runs, and a sequence may be handed over in pieces.
//
//   seq-compile examples/delta-memory.mlir -o delta-memory
//   ./delta-memory run --input q=q.npy --input k=k.npy --input v=v.npy
//       --input g=g.npy --output y=y.npy
//
// with q and k [1, T, 20], v [1, T, 40] and g [1, T] of float32, of any T.
// seq-eval examples/delta-memory.mlir takes the same --input and --output.
#key = affine_map<(b, j, i) -> (b, i)>
#value = affine_map<(b, j, i) -> (b, j)>
#memory = affine_map<(b, j, i) -> (b, i, j)>
#all = affine_map<(b, i) -> (b, i)>
#batch = affine_map<(b, i) -> (b)>
func.func @delta_memory(%q: tensor<1x?x20xf32> {seq.name = "q"}, %k: tensor<1x?x20xf32> {seq.name = "k"},
                        %v: tensor<1x?x40xf32> {seq.name = "v"}, %g: tensor<1x?xf32> {seq.name = "g"})
    -> (tensor<1x?x40xf32> {seq.name = "y"}) {
  %c1 = arith.constant 1 : index
  %empty = arith.constant dense<0.0> : tensor<1x20x40xf32>
  %times = tensor.dim %v, %c1 : tensor<1x?x40xf32>
  %y0 = tensor.empty(%times) : tensor<1x?x40xf32>
  %y, %last = seq.recurrence along 1
      ins(%q, %k, %v, %g : tensor<1x?x20xf32>, tensor<1x?x20xf32>, tensor<1x?x40xf32>, tensor<1x?xf32>)
      outs(%y0 : tensor<1x?x40xf32>) init(%empty : tensor<1x20x40xf32>) {
  ^step(%qt: tensor<1x20xf32>, %kt: tensor<1x20xf32>, %vt: tensor<1x40xf32>, %gt: tensor<1xf32>,
        %yt: tensor<1x40xf32>, %s: tensor<1x20x40xf32>):
    %zero = arith.constant dense<0.0> : tensor<1xf32>
    %zeros = arith.constant dense<0.0> : tensor<1x40xf32>
    // k·k
    %squares = linalg.generic {indexing_maps = [#all, #batch], iterator_types = ["parallel", "reduction"]}
        ins(%kt : tensor<1x20xf32>) outs(%zero : tensor<1xf32>) {
    ^bb0(%a: f32, %sum: f32):
      %0 = arith.mulf %a, %a : f32
      %1 = arith.addf %sum, %0 : f32
      linalg.yield %1 : f32
    } -> tensor<1xf32>
    // n
    %n = linalg.generic {indexing_maps = [#all, #batch, #all], iterator_types = ["parallel", "parallel"]}
        ins(%kt, %squares : tensor<1x20xf32>, tensor<1xf32>) outs(%kt : tensor<1x20xf32>) {
    ^bb0(%a: f32, %sum: f32, %out: f32):
      %tiny = arith.constant 1.0e-6 : f32
      %0 = arith.addf %sum, %tiny : f32
      %1 = math.sqrt %0 : f32
      %2 = arith.divf %a, %1 : f32
      linalg.yield %2 : f32
    } -> tensor<1x20xf32>
    // Sᵀ n
    %answer = linalg.generic {indexing_maps = [#memory, #key, #value], iterator_types = ["parallel", "parallel", "reduction"]}
        ins(%s, %n : tensor<1x20x40xf32>, tensor<1x20xf32>) outs(%zeros : tensor<1x40xf32>) {
    ^bb0(%a: f32, %b: f32, %sum: f32):
      %0 = arith.mulf %a, %b : f32
      %1 = arith.addf %sum, %0 : f32
      linalg.yield %1 : f32
    } -> tensor<1x40xf32>
    // r (v - Sᵀ n)
    %error = arith.subf %vt, %answer : tensor<1x40xf32>
    %write = linalg.generic {indexing_maps = [#all, #batch, #all], iterator_types = ["parallel", "parallel"]}
        ins(%error, %gt : tensor<1x40xf32>, tensor<1xf32>) outs(%error : tensor<1x40xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %one = arith.constant 1.0 : f32
      %0 = arith.negf %b : f32
      %1 = math.exp %0 : f32
      %2 = arith.addf %one, %1 : f32
      %3 = arith.divf %a, %2 : f32
      linalg.yield %3 : f32
    } -> tensor<1x40xf32>
    // S + n (…)ᵀ
    %next = linalg.generic {indexing_maps = [#memory, #key, #value, #memory], iterator_types = ["parallel", "parallel", "parallel"]}
        ins(%s, %n, %write : tensor<1x20x40xf32>, tensor<1x20xf32>, tensor<1x40xf32>) outs(%s : tensor<1x20x40xf32>) {
    ^bb0(%old: f32, %a: f32, %b: f32, %out: f32):
      %0 = arith.mulf %a, %b : f32
      %1 = arith.addf %old, %0 : f32
      linalg.yield %1 : f32
    } -> tensor<1x20x40xf32>
    // Sᵀ q
    %read = linalg.generic {indexing_maps = [#memory, #key, #value], iterator_types = ["parallel", "parallel", "reduction"]}
        ins(%next, %qt : tensor<1x20x40xf32>, tensor<1x20xf32>) outs(%zeros : tensor<1x40xf32>) {
    ^bb0(%a: f32, %b: f32, %sum: f32):
      %0 = arith.mulf %a, %b : f32
      %1 = arith.addf %sum, %0 : f32
      linalg.yield %1 : f32
    } -> tensor<1x40xf32>
    seq.yield %read, %next : tensor<1x40xf32>, tensor<1x20x40xf32>
  }
  return %y : tensor<1x?x40xf32>
}
