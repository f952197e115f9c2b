// RUN: seq-opt %s --kernel-pack-weights --split-input-file | FileCheck %s --implicit-check-not="kernel.entry @"

// The last value before the product is stored; one computation, one entry.
// Entries of one count lie together, layer by layer.
// CHECK:       module attributes {kernel.layout_id = {{-?[0-9]+}} : i64, kernel.payload_bytes = 1024 : i64}
// CHECK-NEXT:  kernel.entry @"l.{}.w" : tensor<1x5x16xf32> count 2 offset 0 stride 384
// CHECK-NEXT:  kernel.entry @"l.{}.b" : tensor<7xf32> count 2 offset 320 stride 384
// CHECK-NEXT:  kernel.entry @head : tensor<64xf32> count 1 offset 768 stride 256
// CHECK-LABEL: func.func private @layer
// CHECK-SAME:    %[[X:[a-z0-9_]+]]: tensor<?x5xf32>, %[[L:[a-z0-9]+]]: index
// CHECK-NOT:   seq.weight
// CHECK-NOT:   tensor.pad
// CHECK:       %[[W:[a-z0-9_]+]] = kernel.weight @"l.{}.w"[%[[L]]] : tensor<1x5x16xf32>
// CHECK:       kernel.contract ins(%[[X]], %[[W]]
// CHECK:       %[[B:[a-z0-9_]+]] = kernel.weight @"l.{}.b"[%[[L]]] : tensor<7xf32>
// CHECK:       call @use(%[[B]])
// CHECK:       call @use(%[[B]])
func.func private @use(tensor<7xf32>)
func.func private @use_head(tensor<64xf32>)
func.func private @layer(%x: tensor<?x5xf32>, %layer: index {seq.count = 2 : index}) -> tensor<?x16xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %T = tensor.dim %x, %c0 : tensor<?x5xf32>
  %w0 = seq.weight @"l.{}.w"[%layer] : tensor<12x5xbf16>
  %w = arith.extf %w0 : tensor<12x5xbf16> to tensor<12x5xf32>
  %padded = tensor.pad %w low[0, 0] high[4, 0] {
  ^bb0(%i: index, %j: index):
    tensor.yield %zero : f32
  } : tensor<12x5xf32> to tensor<16x5xf32>
  %split = tensor.expand_shape %padded [[0, 1], [2]] output_shape [1, 16, 5] : tensor<16x5xf32> into tensor<1x16x5xf32>
  %e = tensor.empty() : tensor<1x5x16xf32>
  %packed = linalg.transpose ins(%split : tensor<1x16x5xf32>) outs(%e : tensor<1x5x16xf32>) permutation = [0, 2, 1]
  %out = tensor.empty(%T) : tensor<?x16xf32>
  %y = kernel.contract ins(%x, %packed : tensor<?x5xf32>, tensor<1x5x16xf32>) outs(%out : tensor<?x16xf32>) {
  ^bb0(%p: f32, %o: f32):
    kernel.yield %p : f32
  } -> tensor<?x16xf32>
  %b = seq.weight @"l.{}.b"[%layer] : tensor<7xf32>
  call @use(%b) : (tensor<7xf32>) -> ()
  call @use(%b) : (tensor<7xf32>) -> ()
  return %y : tensor<?x16xf32>
}

// The head in two functions, once.
// CHECK-LABEL: func.func @forward
// CHECK:       kernel.weight @head : tensor<64xf32>
func.func @forward() {
  %h0 = seq.weight @head : tensor<64xf16>
  %h = arith.extf %h0 : tensor<64xf16> to tensor<64xf32>
  call @use_head(%h) : (tensor<64xf32>) -> ()
  return
}
// CHECK-LABEL: func.func @last
// CHECK:       kernel.weight @head : tensor<64xf32>
func.func @last() {
  %h0 = seq.weight @head : tensor<64xf16>
  %h = arith.extf %h0 : tensor<64xf16> to tensor<64xf32>
  call @use_head(%h) : (tensor<64xf32>) -> ()
  return
}
// CHECK-LABEL: func.func private @pack
// CHECK:       scf.for %[[I:[a-z0-9_]+]] = %c0{{.*}} to %c2{{.*}} step %c1
// CHECK:         %[[W0:.*]] = seq.weight @"l.{}.w"[%[[I]]] : tensor<12x5xbf16>
// CHECK:         arith.extf %[[W0]]
// CHECK:         tensor.pad
// CHECK:         %[[PACKED:.*]] = linalg.transpose
// CHECK:         kernel.store_entry %[[PACKED]], @"l.{}.w"[%[[I]]] : tensor<1x5x16xf32>
// CHECK:       scf.for %[[I:[a-z0-9_]+]] =
// CHECK-NEXT:    %[[B0:.*]] = seq.weight @"l.{}.b"[%[[I]]] : tensor<7xf32>
// CHECK-NEXT:    kernel.store_entry %[[B0]], @"l.{}.b"[%[[I]]] : tensor<7xf32>
// CHECK:       %[[H0:.*]] = seq.weight @head : tensor<64xf16>
// CHECK-NEXT:  %[[H:.*]] = arith.extf %[[H0]]
// CHECK-NEXT:  kernel.store_entry %[[H]], @head : tensor<64xf32>
// CHECK-NEXT:  return

// -----

// Indices: layers counted from 1, the layer after, a constant, a loop.
// CHECK-LABEL: module
// CHECK:       kernel.entry @"l.{}.a" : tensor<4xf32> count 3 first 1 offset
// CHECK-NEXT:  kernel.entry @"l.{}.n" : tensor<4xf32> count 3 first 2 offset
// CHECK-NEXT:  kernel.entry @"l.{}.a+l.{}.b" : tensor<4xf32> count 3 first 1 offset
// CHECK-NEXT:  kernel.entry @l.7.a : tensor<4xf32> count 1 offset
// CHECK-NEXT:  kernel.entry @"e.{}" : tensor<4xf32> count 2 first 3 offset
// CHECK-LABEL: func.func private @layer
// CHECK-SAME:    %[[L:[a-z0-9]+]]: index
// CHECK:       %[[C1:[a-z0-9_]+]] = arith.constant 1 : index
// CHECK:       %[[I:[a-z0-9_]+]] = arith.subi %[[L]], %[[C1]]
// CHECK:       kernel.weight @"l.{}.a"[%[[I]]]
// CHECK:       %[[I:[a-z0-9_]+]] = arith.subi %[[L]], %{{.*}}
// CHECK:       kernel.weight @"l.{}.n"[%[[I]]]
// CHECK:       %[[I:[a-z0-9_]+]] = arith.subi %[[L]], %{{.*}}
// CHECK:       kernel.weight @"l.{}.a+l.{}.b"[%[[I]]]
// CHECK:       kernel.weight @l.7.a : tensor<4xf32>
func.func private @use(tensor<4xf32>)
func.func private @layer(%layer: index {seq.count = 3 : index, seq.first = 1 : index}) {
  %a = seq.weight @"l.{}.a"[%layer] : tensor<4xf32>
  call @use(%a) : (tensor<4xf32>) -> ()
  %c1 = arith.constant 1 : index
  %next = arith.addi %layer, %c1 : index
  %n = seq.weight @"l.{}.n"[%next] : tensor<4xf32>
  call @use(%n) : (tensor<4xf32>) -> ()
  %b = seq.weight @"l.{}.b"[%next] : tensor<4xf32>
  %ab = arith.addf %a, %b : tensor<4xf32>
  call @use(%ab) : (tensor<4xf32>) -> ()
  %c7 = arith.constant 7 : index
  %seventh = seq.weight @"l.{}.a"[%c7] : tensor<4xf32>
  call @use(%seventh) : (tensor<4xf32>) -> ()
  return
}
// CHECK-LABEL: func.func @loop
// CHECK:       scf.for %[[I:[a-z0-9_]+]] = %c3 to %c5 step %c1
// CHECK:         %[[J:[a-z0-9_]+]] = arith.subi %[[I]], %c3
// CHECK:         kernel.weight @"e.{}"[%[[J]]]
func.func @loop() {
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %c5 = arith.constant 5 : index
  scf.for %i = %c3 to %c5 step %c1 {
    %e = seq.weight @"e.{}"[%i] : tensor<4xf32>
    func.call @use(%e) : (tensor<4xf32>) -> ()
  }
  return
}
// CHECK-LABEL: func.func private @pack
// CHECK:       seq.weight @"l.{}.n"[%[[N:.*]]] : tensor<4xf32>
// CHECK:       scf.for %[[I:[a-z0-9_]+]] =
// CHECK:         %[[FIRST:.*]] = arith.constant 1 : index
// CHECK:         %[[L:.*]] = arith.addi %[[I]], %[[FIRST]]
// CHECK:         %[[A:.*]] = seq.weight @"l.{}.a"[%[[L]]]
// CHECK:         %[[NEXT:.*]] = arith.addi %[[L]]
// CHECK:         %[[B:[a-z0-9_]+]] = seq.weight @"l.{}.b"[%[[NEXT]]]
// CHECK:         %[[AB:.*]] = arith.addf %[[A]], %[[B]]
// CHECK:         kernel.store_entry %[[AB]], @"l.{}.a+l.{}.b"[%[[I]]]
// CHECK:       arith.constant 7 : index
// CHECK:       seq.weight @"l.{}.a"

// -----

// Slices of one weight are entries of one name and a number. A name that the
// module or the file has already is passed over.
// CHECK-LABEL: module
// CHECK:       kernel.entry @w : tensor<2x4xf32> count 1
// CHECK-NEXT:  kernel.entry @w.2 : tensor<2x4xf32> count 1
// CHECK-NEXT:  kernel.entry @"v.{}" : tensor<4xf32> count 2
// CHECK-NEXT:  kernel.entry @v.1.1 : tensor<4xf32> count 1
// CHECK-LABEL: func.func private @w.1
func.func private @w.1(tensor<2x4xf32>)
func.func private @use(tensor<4xf32>)
func.func @slices(%i: index {seq.count = 2 : index}) {
  %w = seq.weight @w : tensor<4x4xf32>
  %0 = tensor.extract_slice %w[0, 0] [2, 4] [1, 1] : tensor<4x4xf32> to tensor<2x4xf32>
  %1 = tensor.extract_slice %w[2, 0] [2, 4] [1, 1] : tensor<4x4xf32> to tensor<2x4xf32>
  call @w.1(%0) : (tensor<2x4xf32>) -> ()
  call @w.1(%1) : (tensor<2x4xf32>) -> ()
  %v = seq.weight @"v.{}"[%i] : tensor<4xf32>
  call @use(%v) : (tensor<4xf32>) -> ()
  %v1 = seq.weight @v.1 : tensor<4xf32>
  call @use(%v1) : (tensor<4xf32>) -> ()
  return
}

// -----

// Left in the program: what is much larger than its weights, scalars, dynamic
// shapes, and what needs no weight. A broadcast that is summed up again does
// not count.
// CHECK-LABEL: module
// CHECK:       kernel.entry @b : tensor<64xf32> count 1
// CHECK-NEXT:  kernel.entry @b.1 : tensor<64xf32> count 1
// CHECK-NEXT:  kernel.entry @s : tensor<4xf32> count 1
// CHECK-LABEL: func.func @left
// CHECK:       tensor.splat
// CHECK:       %[[B:[a-z0-9_]+]] = kernel.weight @b : tensor<64xf32>
// CHECK:       %[[BROADCAST:.*]] = linalg.broadcast ins(%[[B]] : tensor<64xf32>)
// CHECK:       call @use_large(%[[BROADCAST]])
// CHECK-NOT:   linalg.reduce
// CHECK:       %[[SUM:.*]] = kernel.weight @b.1
// CHECK:       call @use_small(%[[SUM]])
// CHECK:       %[[S:.*]] = kernel.weight @s
// CHECK:       %[[SCALAR:.*]] = tensor.extract %[[S]]
// CHECK:       %[[DYNAMIC:.*]] = tensor.cast %[[S]] : tensor<4xf32> to tensor<?xf32>
// CHECK:       return %{{.*}}, %[[SCALAR]], %[[DYNAMIC]]
func.func private @use_large(tensor<64x64xf32>)
func.func private @use_small(tensor<64xf32>)
func.func @left() -> (tensor<8xf32>, f32, tensor<?xf32>) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %splat = tensor.splat %zero : tensor<8xf32>
  %b = seq.weight @b : tensor<64xf32>
  %e = tensor.empty() : tensor<64x64xf32>
  %bb = linalg.broadcast ins(%b : tensor<64xf32>) outs(%e : tensor<64x64xf32>) dimensions = [0]
  call @use_large(%bb) : (tensor<64x64xf32>) -> ()
  %zeros = arith.constant dense<0.0> : tensor<64xf32>
  %sum = linalg.reduce { arith.addf } ins(%bb : tensor<64x64xf32>) outs(%zeros : tensor<64xf32>) dimensions = [1]
  call @use_small(%sum) : (tensor<64xf32>) -> ()
  %s = seq.weight @s : tensor<4xf32>
  %scalar = tensor.extract %s[%c0] : tensor<4xf32>
  %dynamic = tensor.cast %s : tensor<4xf32> to tensor<?xf32>
  return %splat, %scalar, %dynamic : tensor<8xf32>, f32, tensor<?xf32>
}

// -----

// A table that a payload reads is stored; a destination that only tells the
// shape is not; weights that nobody reads disappear.
// CHECK-LABEL: module
// CHECK:       kernel.entry @table : tensor<100x8xbf16> count 1
// CHECK-LABEL: func.func @gather
// CHECK:       %[[TABLE:.*]] = kernel.weight @table : tensor<100x8xbf16>
// CHECK:       linalg.generic
// CHECK:         tensor.extract %[[TABLE]]
// CHECK:       %[[EMPTY:.*]] = tensor.empty() : tensor<4xf32>
// CHECK:       linalg.generic {{.*}} outs(%[[EMPTY]] : tensor<4xf32>)
// CHECK-LABEL: func.func private @pack
// CHECK:       seq.weight @table
// CHECK-NOT:   seq.weight
func.func @gather(%ids: tensor<?xi64>, %y: tensor<?x8xf32>, %x: tensor<4xf32>) -> (tensor<?x8xf32>, tensor<4xf32>) {
  %table = seq.weight @table : tensor<100x8xbf16>
  %rows = linalg.generic {indexing_maps = [affine_map<(t, c) -> (t)>, affine_map<(t, c) -> (t, c)>],
      iterator_types = ["parallel", "parallel"]} ins(%ids : tensor<?xi64>) outs(%y : tensor<?x8xf32>) {
  ^bb0(%id: i64, %o: f32):
    %row = arith.index_cast %id : i64 to index
    %column = linalg.index 1 : index
    %0 = tensor.extract %table[%row, %column] : tensor<100x8xbf16>
    %1 = arith.extf %0 : bf16 to f32
    linalg.yield %1 : f32
  } -> tensor<?x8xf32>
  %shape = seq.weight @shape : tensor<4xf32>
  %unread = seq.weight @unread : tensor<4xf32>
  %n = linalg.generic {indexing_maps = [affine_map<(c) -> (c)>, affine_map<(c) -> (c)>],
      iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%shape : tensor<4xf32>) {
  ^bb0(%in: f32, %o: f32):
    %0 = arith.negf %in : f32
    linalg.yield %0 : f32
  } -> tensor<4xf32>
  return %rows, %n : tensor<?x8xf32>, tensor<4xf32>
}

// -----

// Without weights nothing happens.
// CHECK-LABEL: module {
// CHECK-NOT:   @pack
func.func @none(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

// Layers of two kinds in turns: those of one kind are counted, and a table says
// which layer of the file each one is.
// CHECK-LABEL: module
// CHECK:       kernel.entry @"l.{}.a" : tensor<4xf32> count 3 offset
// CHECK-NEXT:  kernel.entry @l.5.a : tensor<4xf32> count 1 offset
// CHECK-LABEL: func.func private @kind
// CHECK-SAME:    %[[L:[a-z0-9]+]]: index
// CHECK:       kernel.weight @"l.{}.a"[%[[L]]]
// CHECK:       kernel.weight @l.5.a : tensor<4xf32>
func.func private @use(tensor<4xf32>)
func.func private @kind(%place: index {seq.count = 3 : index}) {
  %numbers = arith.constant dense<[0, 2, 5]> : tensor<3xindex>
  %layer = tensor.extract %numbers[%place] : tensor<3xindex>
  %a = seq.weight @"l.{}.a"[%layer] : tensor<4xf32>
  call @use(%a) : (tensor<4xf32>) -> ()
  %c2 = arith.constant 2 : index
  %last = tensor.extract %numbers[%c2] : tensor<3xindex>
  %b = seq.weight @"l.{}.a"[%last] : tensor<4xf32>
  call @use(%b) : (tensor<4xf32>) -> ()
  return
}
// CHECK-LABEL: func.func private @pack
// CHECK:       scf.for %[[I:[a-z0-9_]+]] =
// CHECK:         %[[TABLE:.*]] = arith.constant dense<[0, 2, 5]>
// CHECK:         %[[L:.*]] = tensor.extract %[[TABLE]][%[[I]]]
// CHECK:         %[[A:.*]] = seq.weight @"l.{}.a"[%[[L]]]
// CHECK:         kernel.store_entry %[[A]], @"l.{}.a"[%[[I]]]
// CHECK:       arith.constant 5 : index
// CHECK:       seq.weight @"l.{}.a"
