// RUN: seq-opt %s -seq-expose-states -canonicalize --verify-diagnostics -split-input-file | FileCheck %s
// Evaluated and executed in test/python/test_cached_attention.py.

// Queries, keys and values are of one sequence: they have one time.
// CHECK-LABEL: func.func @causal
// CHECK-SAME:    (%[[X:.+]]: tensor<1x?x4x8xf32>, %[[K:.+]]: tensor<1x?x4x8xf32> {seq.position = "position0", seq.state = "keys0"}, %[[V:.+]]: tensor<1x?x4x8xf32> {seq.position = "position0", seq.state = "values0"}, %[[P:.+]]: tensor<1xi64> {seq.state = "position0"})
// CHECK:       %[[Y:.+]], %[[K1:.+]], %[[V1:.+]], %[[P1:.+]] = seq.cached_attention ins(%[[X]], %[[X]], %[[X]] : {{.*}}) init(%[[K]], %[[V]], %[[P]] : {{.*}}) mask <causal> scale 5.000000e-01
// CHECK:       return %[[Y]], %[[K1]], %[[V1]], %[[P1]]
func.func @causal(%x: tensor<1x?x4x8xf32>) -> tensor<1x?x4x8xf32> {
  %y = seq.attention ins(%x, %x, %x : tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>)
      mask <causal> scale 0.5 -> tensor<1x?x4x8xf32>
  return %y : tensor<1x?x4x8xf32>
}

// -----

// A loop over layers has one stack for each state. The caches of a window are
// rings.
// CHECK-LABEL: func.func private @layer
// CHECK:       seq.cached_attention {{.*}} mask <window(15, 0)>
// CHECK-LABEL: func.func @layers
// CHECK-SAME:    %{{.+}}: tensor<3x1x?x4x8xf32> {seq.most = 16 : i64, seq.position = "position0", seq.state = "keys0"}, %{{.+}}: tensor<3x1x?x4x8xf32> {seq.most = 16 : i64, seq.position = "position0", seq.state = "values0"}, %{{.+}}: tensor<3x1xi64> {seq.state = "position0"}
// CHECK:       %[[C:.+]] = tensor.dim %{{.+}}, %c2
// CHECK:       tensor.extract_slice %{{.+}}[%{{.+}}, 0, 0, 0, 0] [1, 1, %[[C]], 4, 8] [1, 1, 1, 1, 1]
// CHECK:       call @layer
// CHECK:       tensor.insert_slice
func.func private @layer(%x: tensor<1x?x4x8xf32>) -> tensor<1x?x4x8xf32> {
  %y = seq.attention ins(%x, %x, %x : tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>)
      mask <window(15, 0)> scale 0.5 -> tensor<1x?x4x8xf32>
  return %y : tensor<1x?x4x8xf32>
}
func.func @layers(%x: tensor<1x?x4x8xf32>) -> tensor<1x?x4x8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %y = scf.for %l = %c0 to %c3 step %c1 iter_args(%a = %x) -> tensor<1x?x4x8xf32> {
    %n = func.call @layer(%a) : (tensor<1x?x4x8xf32>) -> tensor<1x?x4x8xf32>
    scf.yield %n : tensor<1x?x4x8xf32>
  }
  return %y : tensor<1x?x4x8xf32>
}

// -----

// Keys of another sequence.
// CHECK-LABEL: func.func @crossed
// CHECK:       seq.attention
func.func @crossed(%x: tensor<1x?x4x8xf32>, %z: tensor<1x?x4x8xf32>) -> tensor<1x?x4x8xf32> {
  // expected-remark @+1 {{the states of @crossed stay inside: queries and keys are not known to have one time}}
  %y = seq.attention ins(%x, %z, %z : tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>)
      mask <causal> scale 0.5 -> tensor<1x?x4x8xf32>
  return %y : tensor<1x?x4x8xf32>
}

// -----

// Every query sees all keys: there is nothing to keep, and no remark.
// CHECK-LABEL: func.func @full
// CHECK:       seq.attention
func.func @full(%x: tensor<1x?x4x8xf32>) -> tensor<1x?x4x8xf32> {
  %y = seq.attention ins(%x, %x, %x : tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>)
      mask <full> scale 0.5 -> tensor<1x?x4x8xf32>
  return %y : tensor<1x?x4x8xf32>
}

// -----

// Sinks are seen for ever.
// CHECK-LABEL: func.func @sinks
// CHECK-SAME:    %{{.+}}: tensor<1x?x4x8xf32> {seq.position = "position0", seq.state = "keys0"}
func.func @sinks(%x: tensor<1x?x4x8xf32>) -> tensor<1x?x4x8xf32> {
  %y = seq.attention ins(%x, %x, %x : tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>)
      mask <window(15, 0) global(2)> scale 0.5 -> tensor<1x?x4x8xf32>
  return %y : tensor<1x?x4x8xf32>
}

// -----

// A recurrence counts positions: one more state. How many there are may be
// compared, though nothing that is computed for each time may read it.
// CHECK-LABEL: func.func @counted
// CHECK-SAME:    %[[N:[^:]+]]: tensor<1xi64> {seq.state = "state0"}, %{{.+}}: tensor<1x?x4x8xf32> {seq.position = "position0", seq.state = "keys0"}
// CHECK:       %[[R:.+]]:2 = seq.recurrence along 1 outs({{.*}}) init(%[[N]] : tensor<1xi64>)
// CHECK:       tensor.extract %[[R]]#1
// CHECK:       cf.assert
// CHECK:       return %{{.+}}, %[[R]]#1, %{{.+}}, %{{.+}}, %{{.+}} :
func.func @counted(%x: tensor<1x?x4x8xf32>) -> tensor<1x?x4x8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %one = arith.constant dense<1> : tensor<1xi64>
  %zero = arith.constant dense<0> : tensor<1xi64>
  %t = tensor.dim %x, %c1 : tensor<1x?x4x8xf32>
  %slots = tensor.empty(%t) : tensor<1x?xi64>
  %positions, %count = seq.recurrence along 1 outs(%slots : tensor<1x?xi64>) init(%zero : tensor<1xi64>) {
  ^step(%slot: tensor<1xi64>, %s: tensor<1xi64>):
    %next = arith.addi %s, %one : tensor<1xi64>
    seq.yield %s, %next : tensor<1xi64>, tensor<1xi64>
  }
  %end = tensor.extract %count[%c0] : tensor<1xi64>
  %last = arith.index_cast %end : i64 to index
  %fits = arith.cmpi sge, %last, %t : index
  cf.assert %fits, "the position is negative"
  %list = tensor.collapse_shape %positions [[0, 1]] : tensor<1x?xi64> into tensor<?xi64>
  %e = tensor.empty(%t) : tensor<1x?x4x8xf32>
  %h = linalg.generic {indexing_maps = [affine_map<(b, t, h, d) -> (b, t, h, d)>, affine_map<(b, t, h, d) -> (t)>,
      affine_map<(b, t, h, d) -> (b, t, h, d)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x, %list : tensor<1x?x4x8xf32>, tensor<?xi64>) outs(%e : tensor<1x?x4x8xf32>) {
  ^bb0(%a: f32, %p: i64, %o: f32):
    %f = arith.sitofp %p : i64 to f32
    %s = arith.mulf %a, %f : f32
    linalg.yield %s : f32
  } -> tensor<1x?x4x8xf32>
  %y = seq.attention ins(%h, %h, %h : tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>)
      mask <causal> scale 0.5 -> tensor<1x?x4x8xf32>
  return %y : tensor<1x?x4x8xf32>
}

// -----

// Positions that are counted from the first time of each piece are wrong.
// CHECK-LABEL: func.func @numbered
// CHECK:       seq.attention
func.func @numbered(%x: tensor<1x?x4x8xf32>) -> tensor<1x?x4x8xf32> {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<1x?x4x8xf32>
  %e = tensor.empty(%t) : tensor<1x?x4x8xf32>
  // expected-remark @+1 {{the states of @numbered stay inside: the time dimension is used as a number}}
  %n = linalg.generic {indexing_maps = [affine_map<(b, t, h, d) -> (b, t, h, d)>, affine_map<(b, t, h, d) -> (b, t, h, d)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%x : tensor<1x?x4x8xf32>) outs(%e : tensor<1x?x4x8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %i = linalg.index 1 : index
    %j = arith.index_cast %i : index to i32
    %f = arith.sitofp %j : i32 to f32
    %s = arith.addf %a, %f : f32
    linalg.yield %s : f32
  } -> tensor<1x?x4x8xf32>
  %y = seq.attention ins(%n, %n, %n : tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>)
      mask <causal> scale 0.5 -> tensor<1x?x4x8xf32>
  return %y : tensor<1x?x4x8xf32>
}

// -----

// So are the first rows of a table.
// CHECK-LABEL: func.func @table
// CHECK:       seq.attention
func.func @table(%x: tensor<1x?x8xf32>, %rows: tensor<512x8xf32>) -> tensor<1x?x2x4xf32> {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<1x?x8xf32>
  // expected-remark @+1 {{the states of @table stay inside: the time dimension}}
  %r = tensor.extract_slice %rows[0, 0] [%t, 8] [1, 1] : tensor<512x8xf32> to tensor<?x8xf32>
  %e = tensor.empty(%t) : tensor<1x?x8xf32>
  %n = linalg.generic {indexing_maps = [affine_map<(b, t, c) -> (b, t, c)>, affine_map<(b, t, c) -> (t, c)>, affine_map<(b, t, c) -> (b, t, c)>],
      iterator_types = ["parallel", "parallel", "parallel"]} ins(%x, %r : tensor<1x?x8xf32>, tensor<?x8xf32>) outs(%e : tensor<1x?x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %s = arith.addf %a, %b : f32
    linalg.yield %s : f32
  } -> tensor<1x?x8xf32>
  %h = tensor.expand_shape %n [[0], [1], [2, 3]] output_shape [1, %t, 2, 4] : tensor<1x?x8xf32> into tensor<1x?x2x4xf32>
  %y = seq.attention ins(%h, %h, %h : tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>)
      mask <causal> scale 0.5 -> tensor<1x?x2x4xf32>
  return %y : tensor<1x?x2x4xf32>
}

// -----

// A function that stays as it is needs the layer without a cache.
// CHECK-LABEL: func.func private @shared
// CHECK:       seq.attention
func.func private @shared(%x: tensor<1x?x4x8xf32>) -> tensor<1x?x4x8xf32> {
  %y = seq.attention ins(%x, %x, %x : tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>, tensor<1x?x4x8xf32>)
      mask <causal> scale 0.5 -> tensor<1x?x4x8xf32>
  return %y : tensor<1x?x4x8xf32>
}
// expected-remark @+1 {{the states of @streams stay inside: it shares @shared with a function whose states do}}
func.func @streams(%x: tensor<1x?x4x8xf32>) -> tensor<1x?x4x8xf32> {
  %y = func.call @shared(%x) : (tensor<1x?x4x8xf32>) -> tensor<1x?x4x8xf32>
  return %y : tensor<1x?x4x8xf32>
}
func.func @sums(%x: tensor<1x?x4x8xf32>, %z: tensor<1x4x8xf32>) -> tensor<1x4x8xf32> {
  %y = func.call @shared(%x) : (tensor<1x?x4x8xf32>) -> tensor<1x?x4x8xf32>
  // expected-remark @+1 {{the states of @sums stay inside: the time dimension is reduced}}
  %s = linalg.reduce ins(%y : tensor<1x?x4x8xf32>) outs(%z : tensor<1x4x8xf32>) dimensions = [1]
      (%a: f32, %b: f32) { %0 = arith.addf %a, %b : f32
                           linalg.yield %0 : f32 }
  return %s : tensor<1x4x8xf32>
}
