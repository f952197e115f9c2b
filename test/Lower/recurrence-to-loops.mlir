// RUN: seq-opt %s --recurrence-to-loops --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func @sum(
// CHECK-SAME:    %[[X:[^:]*]]: tensor<1x?x8xf32>, %[[Y0:[^:]*]]: tensor<1x?x8xf32>, %[[H0:[^:]*]]: tensor<1x8xf32>)
// CHECK:         %[[R:.*]]:2 = scf.for %[[T:.*]] = %{{.*}} to %{{.*}} step %{{.*}} iter_args(%[[Y:.*]] = %[[Y0]], %[[S:.*]] = %[[H0]])
// CHECK:           %[[XT:.*]] = tensor.extract_slice %[[X]][0, %[[T]], 0] [1, 1, 8] [1, 1, 1] : tensor<1x?x8xf32> to tensor<1x8xf32>
// CHECK:           %[[N:.*]] = arith.addf %[[S]], %[[XT]]
// CHECK:           %[[YN:.*]] = tensor.insert_slice %[[N]] into %[[Y]][0, %[[T]], 0]
// CHECK:           scf.yield %[[YN]], %[[N]]
// CHECK:         } {kernel.sequential}
// CHECK:         return %[[R]]#0, %[[R]]#1
func.func @sum(%x: tensor<1x?x8xf32>, %y0: tensor<1x?x8xf32>, %h0: tensor<1x8xf32>) -> (tensor<1x?x8xf32>, tensor<1x8xf32>) {
  %y, %h = seq.recurrence along 1 ins(%x : tensor<1x?x8xf32>) outs(%y0 : tensor<1x?x8xf32>) init(%h0 : tensor<1x8xf32>) {
  ^step(%xt: tensor<1x8xf32>, %yt: tensor<1x8xf32>, %s: tensor<1x8xf32>):
    %n = arith.addf %s, %xt : tensor<1x8xf32>
    seq.yield %n, %n : tensor<1x8xf32>, tensor<1x8xf32>
  }
  return %y, %h : tensor<1x?x8xf32>, tensor<1x8xf32>
}

// The last time comes first.
// CHECK-LABEL: func.func @reverse(
// CHECK:         scf.for %[[T:.*]] = %{{.*}} to %[[LENGTH:.*]] step
// CHECK:           %[[LAST:.*]] = arith.subi %[[LENGTH]], %{{.*}}
// CHECK:           %[[NOW:.*]] = arith.subi %[[LAST]], %[[T]]
// CHECK:           tensor.extract_slice %{{.*}}[%[[NOW]], 0]
func.func @reverse(%x: tensor<?x8xf32>, %y0: tensor<?x8xf32>, %h0: tensor<8xf32>) -> tensor<?x8xf32> {
  %y, %h = seq.recurrence along 0 reverse ins(%x : tensor<?x8xf32>) outs(%y0 : tensor<?x8xf32>) init(%h0 : tensor<8xf32>) {
  ^step(%xt: tensor<8xf32>, %yt: tensor<8xf32>, %s: tensor<8xf32>):
    %n = arith.addf %s, %xt : tensor<8xf32>
    seq.yield %n, %n : tensor<8xf32>, tensor<8xf32>
  }
  return %y : tensor<?x8xf32>
}

// A slice of an output that is read comes from the output as it is so far.
// CHECK-LABEL: func.func @read_output(
// CHECK:         scf.for {{.*}} iter_args(%[[Y:.*]] = %{{.*}}, %{{.*}} = %{{.*}})
// CHECK:           tensor.extract_slice %[[Y]]
func.func @read_output(%x: tensor<?x8xf32>, %y0: tensor<?x8xf32>, %h0: tensor<8xf32>) -> tensor<?x8xf32> {
  %y, %h = seq.recurrence along 0 ins(%x : tensor<?x8xf32>) outs(%y0 : tensor<?x8xf32>) init(%h0 : tensor<8xf32>) {
  ^step(%xt: tensor<8xf32>, %yt: tensor<8xf32>, %s: tensor<8xf32>):
    %n = arith.addf %s, %yt : tensor<8xf32>
    seq.yield %n, %n : tensor<8xf32>, tensor<8xf32>
  }
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func.func @nothing(
// CHECK-NEXT:    return
func.func @nothing(%x: tensor<8xf32>) -> tensor<8xf32> {
  return %x : tensor<8xf32>
}
