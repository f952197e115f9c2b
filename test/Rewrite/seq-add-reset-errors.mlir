// RUN: seq-opt %s --split-input-file --verify-diagnostics --seq-add-reset

func.func @full(%q: tensor<1x?x2x4xf32>) -> tensor<1x?x2x4xf32> {
  // expected-error @below {{no reset can be added: attention is expected to be causal softmax attention}}
  %y = seq.attention ins(%q, %q, %q : tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>)
      mask <full> scale 0.5 -> tensor<1x?x2x4xf32>
  return %y : tensor<1x?x2x4xf32>
}

// -----

func.func @sinks(%q: tensor<1x?x2x4xf32>) -> tensor<1x?x2x4xf32> {
  // expected-error @below {{no reset can be added: the mask shows the first keys of all times}}
  %y = seq.attention ins(%q, %q, %q : tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>)
      mask <window(4, 0) global(1)> scale 0.5 -> tensor<1x?x2x4xf32>
  return %y : tensor<1x?x2x4xf32>
}

// -----

func.func @cross(%q: tensor<1x?x2x4xf32>, %k: tensor<1x?x2x4xf32>) -> tensor<1x?x2x4xf32> {
  // expected-error @below {{no reset can be added: queries and keys are not known to have one time}}
  %y = seq.attention ins(%q, %k, %k : tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>)
      mask <causal> scale 0.5 -> tensor<1x?x2x4xf32>
  return %y : tensor<1x?x2x4xf32>
}

// -----

func.func @scan(%x: tensor<1x?x4xf32>) -> tensor<1x?x4xf32> {
  // expected-error @below {{no reset can be added: a scan has no state}}
  %y = seq.scan along 1 ins(%x : tensor<1x?x4xf32>) {
  ^combine(%a: tensor<1x4xf32>, %b: tensor<1x4xf32>):
    %0 = arith.addf %a, %b : tensor<1x4xf32>
    seq.yield %0 : tensor<1x4xf32>
  }
  return %y : tensor<1x?x4xf32>
}

// -----

func.func @computed(%x: tensor<1x?x4xf32>, %s: tensor<1x4xf32>) -> tensor<1x4xf32> {
  %h0 = math.tanh %s : tensor<1x4xf32>
  // expected-error @below {{no reset can be added: the initial state, a 'tensor<1x4xf32>', is computed; expected a constant or an argument}}
  %h = seq.recurrence along 1 ins(%x : tensor<1x?x4xf32>) init(%h0 : tensor<1x4xf32>) {
  ^step(%xt: tensor<1x4xf32>, %u: tensor<1x4xf32>):
    %0 = arith.addf %u, %xt : tensor<1x4xf32>
    seq.yield %0 : tensor<1x4xf32>
  }
  return %h : tensor<1x4xf32>
}

// -----

// Rows of a batch that share a counter cannot begin at different times.
func.func @shared(%x: tensor<2x?xf32>, %n: tensor<1xi64>) -> (tensor<2xf32>, tensor<1xi64>) {
  %zero = arith.constant dense<0.0> : tensor<2xf32>
  %one = arith.constant dense<1> : tensor<1xi64>
  // expected-error @below {{no reset can be added: it is not known which dimension of the state, a 'tensor<1xi64>', is the batch of the sequences}}
  %h:2 = seq.recurrence along 1 ins(%x : tensor<2x?xf32>) init(%zero, %n : tensor<2xf32>, tensor<1xi64>) {
  ^step(%xt: tensor<2xf32>, %u: tensor<2xf32>, %m: tensor<1xi64>):
    %0 = arith.addf %u, %xt : tensor<2xf32>
    %1 = arith.addi %m, %one : tensor<1xi64>
    seq.yield %0, %1 : tensor<2xf32>, tensor<1xi64>
  }
  return %h#0, %h#1 : tensor<2xf32>, tensor<1xi64>
}

// -----

// expected-error @below {{no reset can be added: @two runs through more than one time}}
func.func @two(%x: tensor<1x?x4xf32>, %z: tensor<1x?x4xf32>) -> (tensor<1x4xf32>, tensor<1x4xf32>) {
  %zero = arith.constant dense<0.0> : tensor<1x4xf32>
  %h = seq.recurrence along 1 ins(%x : tensor<1x?x4xf32>) init(%zero : tensor<1x4xf32>) {
  ^step(%xt: tensor<1x4xf32>, %u: tensor<1x4xf32>):
    %0 = arith.addf %u, %xt : tensor<1x4xf32>
    seq.yield %0 : tensor<1x4xf32>
  }
  %g = seq.recurrence along 1 ins(%z : tensor<1x?x4xf32>) init(%zero : tensor<1x4xf32>) {
  ^step(%xt: tensor<1x4xf32>, %u: tensor<1x4xf32>):
    %0 = arith.addf %u, %xt : tensor<1x4xf32>
    seq.yield %0 : tensor<1x4xf32>
  }
  return %h, %g : tensor<1x4xf32>, tensor<1x4xf32>
}

// -----

func.func @last_state(%x: tensor<1x?x4xf32>) -> tensor<1x?x4xf32> {
  %c1 = arith.constant 1 : index
  %zero = arith.constant dense<0.0> : tensor<1x4xf32>
  %t = tensor.dim %x, %c1 : tensor<1x?x4xf32>
  %e = tensor.empty(%t) : tensor<1x?x4xf32>
  %h = seq.recurrence along 1 ins(%x : tensor<1x?x4xf32>) init(%zero : tensor<1x4xf32>) {
  ^step(%xt: tensor<1x4xf32>, %u: tensor<1x4xf32>):
    %0 = arith.addf %u, %xt : tensor<1x4xf32>
    seq.yield %0 : tensor<1x4xf32>
  }
  // expected-error @below {{no reset can be added: what is computed for each time reads the last state of a recurrence, or the last time}}
  %b = linalg.broadcast ins(%h : tensor<1x4xf32>) outs(%e : tensor<1x?x4xf32>) dimensions = [1]
  %y = arith.addf %x, %b : tensor<1x?x4xf32>
  return %y : tensor<1x?x4xf32>
}

// -----

func.func @mean(%x: tensor<1x?x4xf32>) -> tensor<1x4xf32> {
  %c1 = arith.constant 1 : index
  %zero = arith.constant dense<0.0> : tensor<1x4xf32>
  %t = tensor.dim %x, %c1 : tensor<1x?x4xf32>
  %e = tensor.empty(%t) : tensor<1x?x4xf32>
  %y, %h = seq.recurrence along 1 ins(%x : tensor<1x?x4xf32>) outs(%e : tensor<1x?x4xf32>) init(%zero : tensor<1x4xf32>) {
  ^step(%xt: tensor<1x4xf32>, %yt: tensor<1x4xf32>, %u: tensor<1x4xf32>):
    %0 = arith.addf %u, %xt : tensor<1x4xf32>
    seq.yield %0, %0 : tensor<1x4xf32>, tensor<1x4xf32>
  }
  // expected-error @below {{no reset can be added: the time dimension is reduced}}
  %m = linalg.reduce ins(%y : tensor<1x?x4xf32>) outs(%zero : tensor<1x4xf32>) dimensions = [1]
    (%a: f32, %b: f32) {
      %0 = arith.addf %a, %b : f32
      linalg.yield %0 : f32
    }
  return %m : tensor<1x4xf32>
}

// -----

// expected-error @below {{no reset can be added: @named has an argument 'reset'}}
func.func @named(%x: tensor<1x?x4xf32> {seq.name = "reset"}) -> tensor<1x4xf32> {
  %zero = arith.constant dense<0.0> : tensor<1x4xf32>
  %h = seq.recurrence along 1 ins(%x : tensor<1x?x4xf32>) init(%zero : tensor<1x4xf32>) {
  ^step(%xt: tensor<1x4xf32>, %u: tensor<1x4xf32>):
    %0 = arith.addf %u, %xt : tensor<1x4xf32>
    seq.yield %0 : tensor<1x4xf32>
  }
  return %h : tensor<1x4xf32>
}

// -----

// Positions of a table that has an end.
func.func @checked(%x: tensor<1x?xf32>) -> tensor<1x?xf32> {
  %c0 = arith.constant 0 : index
  %h0 = arith.constant dense<0.0> : tensor<1xf32>
  %most = arith.constant 64.0 : f32
  %y, %h = seq.recurrence along 1 ins(%x : tensor<1x?xf32>) outs(%x : tensor<1x?xf32>) init(%h0 : tensor<1xf32>) {
  ^step(%xt: tensor<1xf32>, %u: tensor<1xf32>, %s: tensor<1xf32>):
    %0 = arith.addf %s, %xt : tensor<1xf32>
    seq.yield %0, %0 : tensor<1xf32>, tensor<1xf32>
  }
  %last = tensor.extract %h[%c0] : tensor<1xf32>
  %fits = arith.cmpf ole, %last, %most : f32
  // expected-error @below {{no reset can be added: the last state is checked ('too far')}}
  cf.assert %fits, "too far"
  return %y : tensor<1x?xf32>
}
