// RUN: seq-opt %s --split-input-file --plan-arena --verify-diagnostics

func.func private @size_from_data(%x: memref<1xindex>, %y: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %n = memref.load %x[%c0] : memref<1xindex>
  // expected-error @below {{has a size that depends on data}}
  %a = memref.alloc(%n) : memref<?xf32>
  linalg.copy ins(%y : memref<?xf32>) outs(%a : memref<?xf32>)
  return
}

// -----

func.func private @parallel(%x: memref<4xf32>, %n: index) {
  scf.forall (%i) in (%n) {
    // expected-error @below {{cannot lie in the arena}}
    %a = memref.alloc() : memref<4xf32>
    linalg.copy ins(%x : memref<4xf32>) outs(%a : memref<4xf32>)
  }
  return
}

// -----

func.func private @returned() -> memref<4xf32> {
  // expected-error @below {{is returned}}
  %a = memref.alloc() : memref<4xf32>
  return %a : memref<4xf32>
}
