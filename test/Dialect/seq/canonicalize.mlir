// RUN: seq-opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: @drops_an_input_that_is_not_read
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32>, %[[Z:.*]]: tensor<?x4xf32>
func.func @drops_an_input_that_is_not_read(%x: tensor<?x4xf32>, %z: tensor<?x4xf32>, %h0: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: seq.recurrence along 0 ins(%[[Z]] : tensor<?x4xf32>) init
  %h = seq.recurrence along 0 ins(%x, %z : tensor<?x4xf32>, tensor<?x4xf32>) init(%h0 : tensor<4xf32>) {
  ^step(%xt: tensor<4xf32>, %zt: tensor<4xf32>, %s: tensor<4xf32>):
    %0 = arith.addf %zt, %s : tensor<4xf32>
    seq.yield %0 : tensor<4xf32>
  }
  return %h : tensor<4xf32>
}

// CHECK-LABEL: @joins_inputs_that_are_the_same
func.func @joins_inputs_that_are_the_same(%x: tensor<?x4xf32>, %h0: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: seq.recurrence along 0 ins(%{{[^,]*}} : tensor<?x4xf32>) init
  // CHECK-NEXT: ^{{.*}}(%[[XT:.*]]: tensor<4xf32>, %[[S:.*]]: tensor<4xf32>):
  // CHECK-NEXT: %[[P:.*]] = arith.mulf %[[XT]], %[[XT]]
  // CHECK-NEXT: arith.addf %[[P]], %[[S]]
  %h = seq.recurrence along 0 ins(%x, %x : tensor<?x4xf32>, tensor<?x4xf32>) init(%h0 : tensor<4xf32>) {
  ^step(%a: tensor<4xf32>, %b: tensor<4xf32>, %s: tensor<4xf32>):
    %0 = arith.mulf %a, %b : tensor<4xf32>
    %1 = arith.addf %0, %s : tensor<4xf32>
    seq.yield %1 : tensor<4xf32>
  }
  return %h : tensor<4xf32>
}

// CHECK-LABEL: @joins_inputs_of_which_the_first_is_not_read
func.func @joins_inputs_of_which_the_first_is_not_read(%x: tensor<?x4xf32>, %h0: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: seq.recurrence along 0 ins(%{{[^,]*}} : tensor<?x4xf32>) init
  // CHECK-NEXT: ^{{.*}}(%[[XT:.*]]: tensor<4xf32>, %[[S:.*]]: tensor<4xf32>):
  // CHECK-NEXT: arith.addf %[[XT]], %[[S]]
  %h = seq.recurrence along 0 ins(%x, %x : tensor<?x4xf32>, tensor<?x4xf32>) init(%h0 : tensor<4xf32>) {
  ^step(%a: tensor<4xf32>, %b: tensor<4xf32>, %s: tensor<4xf32>):
    %0 = arith.addf %b, %s : tensor<4xf32>
    seq.yield %0 : tensor<4xf32>
  }
  return %h : tensor<4xf32>
}

// CHECK-LABEL: @keeps_one_input_for_the_number_of_times
func.func @keeps_one_input_for_the_number_of_times(%x: tensor<?x4xf32>, %z: tensor<?x4xf32>, %h0: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: seq.recurrence along 0 ins(%{{[^,]*}} : tensor<?x4xf32>) init
  %h = seq.recurrence along 0 ins(%x, %z : tensor<?x4xf32>, tensor<?x4xf32>) init(%h0 : tensor<4xf32>) {
  ^step(%xt: tensor<4xf32>, %zt: tensor<4xf32>, %s: tensor<4xf32>):
    %0 = math.tanh %s : tensor<4xf32>
    seq.yield %0 : tensor<4xf32>
  }
  return %h : tensor<4xf32>
}

// CHECK-LABEL: @drops_an_output_that_is_not_used
func.func @drops_an_output_that_is_not_used(%x: tensor<?x4xf32>, %y0: tensor<?x4xf32>, %h0: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: %[[H:.*]] = seq.recurrence along 0 ins(%{{.*}} : tensor<?x4xf32>) init(%{{.*}} : tensor<4xf32>) attributes {note = "kept"}
  // CHECK-NOT: math.exp
  // CHECK: return %[[H]]
  %y, %h = seq.recurrence along 0 ins(%x : tensor<?x4xf32>) outs(%y0 : tensor<?x4xf32>) init(%h0 : tensor<4xf32>)
      attributes {note = "kept"} {
  ^step(%xt: tensor<4xf32>, %yt: tensor<4xf32>, %s: tensor<4xf32>):
    %0 = arith.addf %xt, %s : tensor<4xf32>
    %1 = math.exp %0 : tensor<4xf32>
    seq.yield %1, %0 : tensor<4xf32>, tensor<4xf32>
  }
  return %h : tensor<4xf32>
}

// CHECK-LABEL: @keeps_an_output_that_alone_tells_the_number_of_times
func.func @keeps_an_output_that_alone_tells_the_number_of_times(%y0: tensor<?x4xf32>, %h0: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: seq.recurrence along 0 outs(%{{.*}} : tensor<?x4xf32>) init
  %y, %h = seq.recurrence along 0 outs(%y0 : tensor<?x4xf32>) init(%h0 : tensor<4xf32>) {
  ^step(%yt: tensor<4xf32>, %s: tensor<4xf32>):
    %0 = math.tanh %s : tensor<4xf32>
    seq.yield %0, %0 : tensor<4xf32>, tensor<4xf32>
  }
  return %h : tensor<4xf32>
}

// CHECK-LABEL: @drops_a_state_that_is_not_read
func.func @drops_a_state_that_is_not_read(%x: tensor<?x4xf32>, %y0: tensor<?x4xf32>, %h0: tensor<4xf32>) -> tensor<?x4xf32> {
  // CHECK: seq.recurrence along 0 ins(%{{.*}} : tensor<?x4xf32>) outs(%{{.*}} : tensor<?x4xf32>) {
  %y, %h = seq.recurrence along 0 ins(%x : tensor<?x4xf32>) outs(%y0 : tensor<?x4xf32>) init(%h0 : tensor<4xf32>) {
  ^step(%xt: tensor<4xf32>, %yt: tensor<4xf32>, %s: tensor<4xf32>):
    %0 = math.tanh %xt : tensor<4xf32>
    seq.yield %0, %xt : tensor<4xf32>, tensor<4xf32>
  }
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: @keeps_a_state_whose_final_value_is_used
func.func @keeps_a_state_whose_final_value_is_used(%x: tensor<?x4xf32>, %h0: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: seq.recurrence {{.*}} init(%{{.*}} : tensor<4xf32>)
  %h = seq.recurrence along 0 ins(%x : tensor<?x4xf32>) init(%h0 : tensor<4xf32>) {
  ^step(%xt: tensor<4xf32>, %s: tensor<4xf32>):
    seq.yield %xt : tensor<4xf32>
  }
  return %h : tensor<4xf32>
}

// CHECK-LABEL: @captures_a_state_that_never_changes
// CHECK-SAME: %[[C0:[a-z0-9]*]]: tensor<4xf32>)
func.func @captures_a_state_that_never_changes(%x: tensor<?x4xf32>, %y0: tensor<?x4xf32>, %c0: tensor<4xf32>)
    -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<4xf32>) {
  // CHECK: %[[Y:.*]]:2 = seq.recurrence along 0 ins(%{{.*}} : tensor<?x4xf32>) outs(%{{.*}}, %{{.*}} : tensor<?x4xf32>, tensor<?x4xf32>) {
  // CHECK: %[[SUM:.*]] = arith.addf %{{.*}}, %[[C0]]
  // CHECK-NEXT: seq.yield %[[SUM]], %[[C0]]
  %y, %z, %c = seq.recurrence along 0 ins(%x : tensor<?x4xf32>) outs(%y0, %y0 : tensor<?x4xf32>, tensor<?x4xf32>)
      init(%c0 : tensor<4xf32>) {
  ^step(%xt: tensor<4xf32>, %yt: tensor<4xf32>, %zt: tensor<4xf32>, %s: tensor<4xf32>):
    %0 = arith.addf %xt, %s : tensor<4xf32>
    seq.yield %0, %s, %s : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
  }
  // CHECK: return %[[Y]]#0, %[[Y]]#1, %[[C0]]
  return %y, %z, %c : tensor<?x4xf32>, tensor<?x4xf32>, tensor<4xf32>
}

// CHECK-LABEL: @one_query_sees_all_keys_before_it
// CHECK: seq.attention {{.*}} mask <full>
func.func @one_query_sees_all_keys_before_it(%q: tensor<1x1x2x4xf32>, %k: tensor<1x?x2x4xf32>) -> tensor<1x1x2x4xf32> {
  %y = seq.attention ins(%q, %k, %k : tensor<1x1x2x4xf32>, tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>)
      mask <causal> scale 1.0 -> tensor<1x1x2x4xf32>
  return %y : tensor<1x1x2x4xf32>
}

// CHECK-LABEL: @several_queries_do_not
// CHECK: seq.attention {{.*}} mask <causal>
func.func @several_queries_do_not(%q: tensor<1x2x2x4xf32>, %k: tensor<1x?x2x4xf32>) -> tensor<1x2x2x4xf32> {
  %y = seq.attention ins(%q, %k, %k : tensor<1x2x2x4xf32>, tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>)
      mask <causal> scale 1.0 -> tensor<1x2x2x4xf32>
  return %y : tensor<1x2x2x4xf32>
}

// CHECK-LABEL: @a_window_over_all_keys
// CHECK: seq.attention {{.*}} mask <causal>
func.func @a_window_over_all_keys(%q: tensor<1x?x2x4xf32>, %k: tensor<1x8x2x4xf32>) -> tensor<1x?x2x4xf32> {
  %y = seq.attention ins(%q, %k, %k : tensor<1x?x2x4xf32>, tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32>)
      mask <window(7, 0) global(2)> scale 1.0 -> tensor<1x?x2x4xf32>
  return %y : tensor<1x?x2x4xf32>
}

// CHECK-LABEL: @a_window_that_hides
// CHECK: seq.attention {{.*}} mask <window(6, 0) global(2)>
func.func @a_window_that_hides(%q: tensor<1x?x2x4xf32>, %k: tensor<1x8x2x4xf32>) -> tensor<1x?x2x4xf32> {
  %y = seq.attention ins(%q, %k, %k : tensor<1x?x2x4xf32>, tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32>)
      mask <window(6, 0) global(2)> scale 1.0 -> tensor<1x?x2x4xf32>
  return %y : tensor<1x?x2x4xf32>
}

// CHECK-LABEL: @a_key_mask_that_hides_nothing
// CHECK-NOT: key_mask
// CHECK: return
func.func @a_key_mask_that_hides_nothing(%q: tensor<1x8x2x4xf32>) -> tensor<1x8x2x4xf32> {
  %m = arith.constant dense<true> : tensor<1x8xi1>
  %y = seq.attention ins(%q, %q, %q : tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32>, tensor<1x8x2x4xf32>)
      key_mask(%m : tensor<1x8xi1>) mask <full> scale 1.0 -> tensor<1x8x2x4xf32>
  return %y : tensor<1x8x2x4xf32>
}

// A state that only keeps itself alive goes, with what it is computed from.
// CHECK-LABEL: @a_state_for_itself
// CHECK-SAME: %[[A:.*]]: tensor<?x4xf32>, %[[X:.*]]: tensor<?x4xf32>, %[[S:.*]]: tensor<4xf32>)
// CHECK: %[[Y:.*]] = seq.recurrence along 0 ins(%[[X]] : tensor<?x4xf32>) init(%[[S]] : tensor<4xf32>)
// CHECK-NOT: math.exp
// CHECK: return %[[Y]]
func.func @a_state_for_itself(%a: tensor<?x4xf32>, %x: tensor<?x4xf32>, %s0: tensor<4xf32>) -> tensor<4xf32> {
  %y, %p, %s = seq.recurrence along 0 ins(%a, %x : tensor<?x4xf32>, tensor<?x4xf32>) outs(%x : tensor<?x4xf32>) init(%s0, %s0 : tensor<4xf32>, tensor<4xf32>) {
  ^step(%at: tensor<4xf32>, %xt: tensor<4xf32>, %yt: tensor<4xf32>, %pt: tensor<4xf32>, %st: tensor<4xf32>):
    %0 = math.exp %at : tensor<4xf32>
    %1 = arith.mulf %0, %pt : tensor<4xf32>
    %2 = arith.addf %st, %xt : tensor<4xf32>
    seq.yield %yt, %1, %2 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
  }
  return %s : tensor<4xf32>
}

// Two that keep each other alive, and one that is read.
// CHECK-LABEL: @states_for_each_other
// CHECK: seq.recurrence along 0 ins({{.*}}) init(%{{[^,]*}}, %{{[^,]*}} : tensor<4xf32>, tensor<4xf32>)
// CHECK-NEXT: ^bb0(%[[X:.*]]: tensor<4xf32>, %[[Q:.*]]: tensor<4xf32>, %[[S:.*]]: tensor<4xf32>):
// CHECK-NEXT: %[[N:.*]] = arith.addf %[[S]], %[[Q]]
// CHECK-NEXT: seq.yield %[[X]], %[[N]]
func.func @states_for_each_other(%x: tensor<?x4xf32>, %s0: tensor<4xf32>, %s1: tensor<4xf32>) -> tensor<4xf32> {
  %a, %b, %q, %s = seq.recurrence along 0 ins(%x : tensor<?x4xf32>) init(%s0, %s0, %s1, %s0 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  ^step(%xt: tensor<4xf32>, %at: tensor<4xf32>, %bt: tensor<4xf32>, %qt: tensor<4xf32>, %st: tensor<4xf32>):
    %0 = arith.addf %bt, %xt : tensor<4xf32>
    %1 = arith.addf %st, %qt : tensor<4xf32>
    seq.yield %0, %at, %xt, %1 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
  }
  return %s : tensor<4xf32>
}
