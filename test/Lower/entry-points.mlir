// RUN: seq-opt %s --split-input-file --entry-points --verify-diagnostics | FileCheck %s

// Inputs come before states; a result's buffer is the caller's memory; a state
// that stays in its place needs no copy.
// CHECK-LABEL: func.func @step()
// CHECK-SAME:    seq.entry = {
// CHECK-SAME:    inputs = [{name = "x", type = memref<?xf32>}]
// CHECK-SAME:    name = "step", outputs = [{name = "result1", type = memref<?xf32>}]
// CHECK-SAME:    states = [{most = 9 : i64, name = "s", position = "p", type = memref<4xf32>}]
// CHECK-DAG:     %[[X:.*]] = kernel.argument 0 sizes 0 : memref<?xf32>
// CHECK-DAG:     %[[S:.*]] = kernel.argument 1 sizes 1 : memref<4xf32>
// CHECK:         %[[Y:.*]] = kernel.result 0(%{{.*}}) : memref<?xf32>
// CHECK-NEXT:    linalg.copy ins(%[[X]] {{.*}} outs(%[[Y]]
// CHECK-NEXT:    return
func.func @step(%s: memref<4xf32> {seq.state = "s", seq.most = 9 : i64, seq.position = "p"}, %x: memref<?xf32> {seq.name = "x"})
    -> (memref<4xf32> {seq.state = "s"}, memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  %y = memref.alloc(%n) : memref<?xf32>
  linalg.copy ins(%x : memref<?xf32>) outs(%y : memref<?xf32>)
  return %s, %y : memref<4xf32>, memref<?xf32>
}

// -----

// States that change places do not overwrite each other.
// CHECK-LABEL: func.func @exchange()
// CHECK-DAG:     %[[A:.*]] = kernel.argument 0
// CHECK-DAG:     %[[B:.*]] = kernel.argument 1
// CHECK:         %[[B2:.*]] = memref.alloc
// CHECK-NEXT:    memref.copy %[[B]], %[[B2]]
// CHECK:         %[[A2:.*]] = memref.alloc
// CHECK-NEXT:    memref.copy %[[A]], %[[A2]]
// CHECK:         memref.copy %[[B2]], %[[A]]
// CHECK:         memref.copy %[[A2]], %[[B]]
func.func @exchange(%a: memref<4xf32> {seq.state = "a"}, %b: memref<4xf32> {seq.state = "b"})
    -> (memref<4xf32> {seq.state = "a"}, memref<4xf32> {seq.state = "b"}) {
  return %b, %a : memref<4xf32>, memref<4xf32>
}

// -----

// One buffer for two outputs: the second gets a copy. An input is copied, too.
// CHECK-LABEL: func.func @twice()
// CHECK:         %[[X:.*]] = kernel.argument 0
// CHECK:         %[[Y:.*]] = kernel.result 0()
// CHECK:         %[[Z:.*]] = kernel.result 1()
// CHECK-NEXT:    memref.copy %[[Y]], %[[Z]]
// CHECK:         %[[W:.*]] = kernel.result 2()
// CHECK-NEXT:    memref.copy %[[X]], %[[W]]
func.func @twice(%x: memref<4xf32>) -> (memref<4xf32>, memref<4xf32>, memref<4xf32>) {
  %y = memref.alloc() : memref<4xf32>
  linalg.copy ins(%x : memref<4xf32>) outs(%y : memref<4xf32>)
  return %y, %y, %x : memref<4xf32>, memref<4xf32>, memref<4xf32>
}

// -----

// Private functions keep their arguments.
// CHECK: func.func private @private(%{{.*}}: memref<4xf32>)
func.func private @private(%x: memref<4xf32>) {
  return
}

// -----

// expected-error @below {{result 0 is state s, which no argument is}}
func.func @unknown_state() -> (memref<4xf32> {seq.state = "s"}) {
  %y = memref.alloc() : memref<4xf32>
  return %y : memref<4xf32>
}

// -----

// expected-error @below {{argument 0 is no dense tensor but 'f32'}}
func.func @number(%x: f32) {
  return
}
