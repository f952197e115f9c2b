// RUN: seq-opt %s --scan-to-loops | FileCheck %s

// CHECK-LABEL: func.func @inclusive(
// CHECK-SAME:    %[[X:.*]]: tensor<1x?x8xf32>)
// CHECK:         %[[R:.*]]:2 = scf.for %[[T:.*]] = %{{.*}} iter_args(%[[Y:.*]] = %{{.*}}, %[[S:.*]] = %{{.*}}) -> (tensor<1x?x8xf32>, tensor<1x8xf32>)
// CHECK:           %[[XT:.*]] = tensor.extract_slice %[[X]][0, %[[T]], 0]
// CHECK:           %[[N:.*]] = scf.if
// CHECK-NEXT:        scf.yield %[[XT]]
// CHECK:             arith.addf %[[S]], %[[XT]]
// CHECK:           tensor.insert_slice %[[N]] into %[[Y]]
// CHECK:         } {kernel.sequential}
// CHECK:         return %[[R]]#0
func.func @inclusive(%x: tensor<1x?x8xf32>) -> tensor<1x?x8xf32> {
  %y = seq.scan along 1 ins(%x : tensor<1x?x8xf32>) {
  ^bb0(%a: tensor<1x8xf32>, %b: tensor<1x8xf32>):
    %0 = arith.addf %a, %b : tensor<1x8xf32>
    seq.yield %0 : tensor<1x8xf32>
  }
  return %y : tensor<1x?x8xf32>
}

// What is combined so far comes out before the time is combined.
// CHECK-LABEL: func.func @exclusive(
// CHECK-SAME:    %[[E:[^:]*]]: tensor<1x8xf32>)
// CHECK:         scf.for {{.*}} iter_args(%[[Y:.*]] = %{{.*}}, %[[S:.*]] = %[[E]])
// CHECK-NOT:       scf.if
// CHECK:           tensor.insert_slice %[[S]] into %[[Y]]
// What is combined in the end comes out as well.
// CHECK:         return %{{.*}}#0, %{{.*}}#1
func.func @exclusive(%x: tensor<1x?x8xf32>, %e: tensor<1x8xf32>) -> (tensor<1x?x8xf32>, tensor<1x8xf32>) {
  %y, %last = seq.scan along 1 reverse exclusive ins(%x : tensor<1x?x8xf32>) init(%e : tensor<1x8xf32>) {
  ^bb0(%a: tensor<1x8xf32>, %b: tensor<1x8xf32>):
    %0 = arith.addf %a, %b : tensor<1x8xf32>
    seq.yield %0 : tensor<1x8xf32>
  }
  return %y, %last : tensor<1x?x8xf32>, tensor<1x8xf32>
}

// CHECK-LABEL: func.func @from(
// CHECK-SAME:    %[[E:[^:]*]]: tensor<1x8xf32>)
// CHECK:         %[[R:.*]]:2 = scf.for {{.*}} iter_args(%[[Y:.*]] = %{{.*}}, %[[S:.*]] = %[[E]])
// CHECK:           %[[N:.*]] = arith.addf %[[S]]
// CHECK:           tensor.insert_slice %[[N]] into %[[Y]]
// CHECK:         return %[[R]]#0, %[[R]]#1
func.func @from(%x: tensor<1x?x8xf32>, %e: tensor<1x8xf32>) -> (tensor<1x?x8xf32>, tensor<1x8xf32>) {
  %y, %last = seq.scan along 1 ins(%x : tensor<1x?x8xf32>) init(%e : tensor<1x8xf32>) {
  ^bb0(%a: tensor<1x8xf32>, %b: tensor<1x8xf32>):
    %0 = arith.addf %a, %b : tensor<1x8xf32>
    seq.yield %0 : tensor<1x8xf32>
  }
  return %y, %last : tensor<1x?x8xf32>, tensor<1x8xf32>
}
