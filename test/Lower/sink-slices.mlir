// RUN: seq-opt %s -sink-slices -canonicalize -split-input-file | FileCheck %s

// CHECK-LABEL: func.func private @step
// CHECK-SAME:    (%[[X:.+]]: tensor<8xf32>, %[[STACK:.+]]: tensor<6x8xf32>, %[[N:.+]]: index) -> tensor<6x8xf32>
// CHECK:       %[[PART:.+]] = tensor.extract_slice %[[STACK]][%[[N]], 0] [1, 8] [1, 1] : tensor<6x8xf32> to tensor<8xf32>
// CHECK:       %[[NEXT:.+]] = arith.addf %[[X]], %[[PART]]
// CHECK:       %[[NEW:.+]] = tensor.insert_slice %[[NEXT]] into %[[STACK]][%[[N]], 0] [1, 8] [1, 1]
// CHECK:       return %[[NEW]]
func.func private @step(%x: tensor<8xf32>, %part: tensor<8xf32>) -> tensor<8xf32> {
  %next = arith.addf %x, %part : tensor<8xf32>
  return %next : tensor<8xf32>
}
// CHECK-LABEL: func.func @layers
// CHECK:       scf.for %[[L:.+]] = %c0 to %c6 step %c1 iter_args(%[[S:.+]] = %{{.+}}) -> (tensor<6x8xf32>)
// CHECK-NEXT:    %[[R:.+]] = func.call @step(%{{.+}}, %[[S]], %[[L]])
// CHECK-NEXT:    scf.yield %[[R]]
func.func @layers(%x: tensor<8xf32>, %stack: tensor<6x8xf32>) -> tensor<6x8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c6 = arith.constant 6 : index
  %r = scf.for %l = %c0 to %c6 step %c1 iter_args(%s = %stack) -> tensor<6x8xf32> {
    %part = tensor.extract_slice %s[%l, 0] [1, 8] [1, 1] : tensor<6x8xf32> to tensor<8xf32>
    %next = func.call @step(%x, %part) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %new = tensor.insert_slice %next into %s[%l, 0] [1, 8] [1, 1] : tensor<8xf32> into tensor<6x8xf32>
    scf.yield %new : tensor<6x8xf32>
  }
  return %r : tensor<6x8xf32>
}

// -----

// The size of the part is asked of the part.
// CHECK-LABEL: func.func private @dynamic
// CHECK-SAME:    (%[[STACK:.+]]: tensor<6x?xf32>, %[[N:.+]]: index) -> (tensor<6x?xf32>, index)
// CHECK:       %[[D:.+]] = tensor.dim %[[STACK]], %c1
// CHECK:       return %{{.+}}, %[[D]]
func.func private @dynamic(%part: tensor<?xf32>) -> (tensor<?xf32>, index) {
  %c0 = arith.constant 0 : index
  %d = tensor.dim %part, %c0 : tensor<?xf32>
  %next = math.exp %part : tensor<?xf32>
  return %next, %d : tensor<?xf32>, index
}
// CHECK-LABEL: func.func @caller
// CHECK:       call @dynamic(%{{.+}}, %c2)
func.func @caller(%stack: tensor<6x?xf32>) -> (tensor<6x?xf32>, index) {
  %c1 = arith.constant 1 : index
  %d = tensor.dim %stack, %c1 : tensor<6x?xf32>
  %part = tensor.extract_slice %stack[2, 0] [1, %d] [1, 1] : tensor<6x?xf32> to tensor<?xf32>
  %next:2 = func.call @dynamic(%part) : (tensor<?xf32>) -> (tensor<?xf32>, index)
  %new = tensor.insert_slice %next#0 into %stack[2, 0] [1, %d] [1, 1] : tensor<?xf32> into tensor<6x?xf32>
  return %new, %next#1 : tensor<6x?xf32>, index
}

// -----

// One of the calls has a tensor of its own.
// CHECK-LABEL: func.func private @both
// CHECK-SAME:    (%{{.+}}: tensor<8xf32>) -> tensor<8xf32>
func.func private @both(%part: tensor<8xf32>) -> tensor<8xf32> {
  %next = math.exp %part : tensor<8xf32>
  return %next : tensor<8xf32>
}
func.func @calls(%x: tensor<8xf32>, %stack: tensor<6x8xf32>) -> (tensor<8xf32>, tensor<6x8xf32>) {
  %y = func.call @both(%x) : (tensor<8xf32>) -> tensor<8xf32>
  %part = tensor.extract_slice %stack[1, 0] [1, 8] [1, 1] : tensor<6x8xf32> to tensor<8xf32>
  %next = func.call @both(%part) : (tensor<8xf32>) -> tensor<8xf32>
  %new = tensor.insert_slice %next into %stack[1, 0] [1, 8] [1, 1] : tensor<8xf32> into tensor<6x8xf32>
  return %y, %new : tensor<8xf32>, tensor<6x8xf32>
}

// -----

// What is put back goes to another place.
// CHECK-LABEL: func.func private @moves
// CHECK-SAME:    (%{{.+}}: tensor<8xf32>) -> tensor<8xf32>
func.func private @moves(%part: tensor<8xf32>) -> tensor<8xf32> {
  %next = math.exp %part : tensor<8xf32>
  return %next : tensor<8xf32>
}
func.func @elsewhere(%stack: tensor<6x8xf32>) -> tensor<6x8xf32> {
  %part = tensor.extract_slice %stack[1, 0] [1, 8] [1, 1] : tensor<6x8xf32> to tensor<8xf32>
  %next = func.call @moves(%part) : (tensor<8xf32>) -> tensor<8xf32>
  %new = tensor.insert_slice %next into %stack[2, 0] [1, 8] [1, 1] : tensor<8xf32> into tensor<6x8xf32>
  return %new : tensor<6x8xf32>
}
