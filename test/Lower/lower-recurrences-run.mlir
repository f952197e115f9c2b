// A coupled recurrence whose step forms the outer product of what it has just
// computed by a reduction: the lanes' own value and that of the rows. Compiled
// and compared with the same steps in a plain loop, on small integers, where
// every order of summation is exact. main returns the number of elements that
// differ, over several numbers of times.

// DEFINE: %{N} = 24
// DEFINE: %{lanes} = 16
// DEFINE: %{form} = sed -e 's/NN/%{N}/g' %s | seq-opt -kernel-recurrences="lanes=%{lanes}"
// DEFINE: %{run} = %{form} \
// DEFINE:   -bufferize-program \
// DEFINE:   -lower-recurrences="lanes=%{lanes}" -test-serial-team -canonicalize -cse -convert-linalg-to-loops \
// DEFINE:   -expand-strided-metadata -lower-affine -convert-scf-to-cf -convert-vector-to-llvm -convert-to-llvm \
// DEFINE:   -reconcile-unrealized-casts \
// DEFINE: | mlir-runner -shared-libs=%c_runner_utils -O1 -e main -entry-point-result=i32 \
// DEFINE: | FileCheck %s

// RUN: %{form} | FileCheck %s --check-prefix=FORM
// FORM: kernel.recurrence along 0 coupled
// FORM-NOT: seq.recurrence

// RUN: %{run}

// REDEFINE: %{N} = 7
// RUN: %{run}

// REDEFINE: %{N} = 33
// REDEFINE: %{lanes} = 8
// RUN: %{run}

// CHECK: {{^0$}}

#in = affine_map<(i, k) -> (k)>
#out = affine_map<(i, k) -> (i)>
#columns = affine_map<(i, k) -> (k, i)>
#rows = affine_map<(i, k) -> (i, k)>

func.func private @compiled(%x: tensor<?xNNxf32>) -> tensor<?xNNxf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %t = tensor.dim %x, %c0 : tensor<?xNNxf32>
  %e = tensor.empty(%t) : tensor<?xNNxf32>
  %eh = tensor.empty() : tensor<NNxf32>
  %h0 = linalg.fill ins(%zero : f32) outs(%eh : tensor<NNxf32>) -> tensor<NNxf32>
  %ea = tensor.empty() : tensor<NNxNNxf32>
  %a0 = linalg.fill ins(%zero : f32) outs(%ea : tensor<NNxNNxf32>) -> tensor<NNxNNxf32>
  %y, %h, %a = seq.recurrence along 0 ins(%x : tensor<?xNNxf32>) outs(%e : tensor<?xNNxf32>)
      init(%h0, %a0 : tensor<NNxf32>, tensor<NNxNNxf32>) {
  ^step(%xt: tensor<NNxf32>, %yt: tensor<NNxf32>, %s: tensor<NNxf32>, %m: tensor<NNxNNxf32>):
    %sum = linalg.generic {indexing_maps = [#in, #columns, #out], iterator_types = ["parallel", "reduction"]}
        ins(%s, %m : tensor<NNxf32>, tensor<NNxNNxf32>) outs(%xt : tensor<NNxf32>) {
    ^bb0(%p: f32, %q: f32, %o: f32):
      %0 = arith.mulf %p, %q : f32
      %1 = arith.addf %o, %0 : f32
      linalg.yield %1 : f32
    } -> tensor<NNxf32>
    %next = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
        ins(%sum : tensor<NNxf32>) outs(%yt : tensor<NNxf32>) {
    ^bb0(%p: f32, %o: f32):
      %low = arith.constant -2.0 : f32
      %high = arith.constant 2.0 : f32
      %0 = arith.maximumf %p, %low : f32
      %1 = arith.minimumf %0, %high : f32
      linalg.yield %1 : f32
    } -> tensor<NNxf32>
    %learned = linalg.generic {indexing_maps = [#out, #in, #rows, #rows], iterator_types = ["parallel", "parallel"]}
        ins(%next, %next, %m : tensor<NNxf32>, tensor<NNxf32>, tensor<NNxNNxf32>) outs(%m : tensor<NNxNNxf32>) {
    ^bb0(%p: f32, %q: f32, %old: f32, %o: f32):
      %0 = arith.mulf %p, %q : f32
      %1 = arith.subf %0, %old : f32
      linalg.yield %1 : f32
    } -> tensor<NNxNNxf32>
    seq.yield %next, %next, %learned : tensor<NNxf32>, tensor<NNxf32>, tensor<NNxNNxf32>
  }
  return %y : tensor<?xNNxf32>
}

func.func private @reference(%x: tensor<?xNNxf32>) -> tensor<?xNNxf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant NN : index
  %zero = arith.constant 0.0 : f32
  %low = arith.constant -2.0 : f32
  %high = arith.constant 2.0 : f32
  %t = tensor.dim %x, %c0 : tensor<?xNNxf32>
  %e = tensor.empty(%t) : tensor<?xNNxf32>
  %eh = tensor.empty() : tensor<NNxf32>
  %h0 = linalg.fill ins(%zero : f32) outs(%eh : tensor<NNxf32>) -> tensor<NNxf32>
  %ea = tensor.empty() : tensor<NNxNNxf32>
  %a0 = linalg.fill ins(%zero : f32) outs(%ea : tensor<NNxNNxf32>) -> tensor<NNxNNxf32>
  %y, %h, %a = scf.for %i = %c0 to %t step %c1 iter_args(%ys = %e, %s = %h0, %m = %a0)
      -> (tensor<?xNNxf32>, tensor<NNxf32>, tensor<NNxNNxf32>) {
    %yn, %next = scf.for %j = %c0 to %n step %c1 iter_args(%yj = %ys, %sj = %eh) -> (tensor<?xNNxf32>, tensor<NNxf32>) {
      %start = tensor.extract %x[%i, %j] : tensor<?xNNxf32>
      %sum = scf.for %k = %c0 to %n step %c1 iter_args(%acc = %start) -> f32 {
        %p = tensor.extract %s[%k] : tensor<NNxf32>
        %q = tensor.extract %m[%j, %k] : tensor<NNxNNxf32>
        %0 = arith.mulf %p, %q : f32
        %1 = arith.addf %acc, %0 : f32
        scf.yield %1 : f32
      }
      %2 = arith.maximumf %sum, %low : f32
      %3 = arith.minimumf %2, %high : f32
      %sk = tensor.insert %3 into %sj[%j] : tensor<NNxf32>
      %yk = tensor.insert %3 into %yj[%i, %j] : tensor<?xNNxf32>
      scf.yield %yk, %sk : tensor<?xNNxf32>, tensor<NNxf32>
    }
    %learned = scf.for %j = %c0 to %n step %c1 iter_args(%mj = %m) -> tensor<NNxNNxf32> {
      %row = scf.for %k = %c0 to %n step %c1 iter_args(%mk = %mj) -> tensor<NNxNNxf32> {
        %p = tensor.extract %next[%j] : tensor<NNxf32>
        %q = tensor.extract %next[%k] : tensor<NNxf32>
        %old = tensor.extract %mk[%j, %k] : tensor<NNxNNxf32>
        %0 = arith.mulf %p, %q : f32
        %1 = arith.subf %0, %old : f32
        %ml = tensor.insert %1 into %mk[%j, %k] : tensor<NNxNNxf32>
        scf.yield %ml : tensor<NNxNNxf32>
      }
      scf.yield %row : tensor<NNxNNxf32>
    }
    %sn = linalg.copy ins(%next : tensor<NNxf32>) outs(%s : tensor<NNxf32>) -> tensor<NNxf32>
    scf.yield %yn, %sn, %learned : tensor<?xNNxf32>, tensor<NNxf32>, tensor<NNxNNxf32>
  }
  return %y : tensor<?xNNxf32>
}

// Integers from -2 to 2, in an order without a short period.
func.func private @input(%T: index) -> tensor<?xNNxf32> {
  %e = tensor.empty(%T) : tensor<?xNNxf32>
  %x = linalg.generic {indexing_maps = [affine_map<(t, i) -> (t, i)>], iterator_types = ["parallel", "parallel"]}
      outs(%e : tensor<?xNNxf32>) {
  ^bb0(%o: f32):
    %t = linalg.index 0 : index
    %i = linalg.index 1 : index
    %c17 = arith.constant 17 : index
    %c101 = arith.constant 101 : index
    %c5 = arith.constant 5 : index
    %two = arith.constant 2.0 : f32
    %0 = arith.muli %t, %c17 : index
    %1 = arith.addi %0, %i : index
    %2 = arith.muli %1, %1 : index
    %3 = arith.remui %2, %c101 : index
    %4 = arith.remui %3, %c5 : index
    %5 = arith.index_cast %4 : index to i32
    %6 = arith.sitofp %5 : i32 to f32
    %7 = arith.subf %6, %two : f32
    linalg.yield %7 : f32
  } -> tensor<?xNNxf32>
  return %x : tensor<?xNNxf32>
}

func.func private @mismatches(%T: index) -> i32 {
  %c0 = arith.constant 0 : i32
  %x = call @input(%T) : (index) -> tensor<?xNNxf32>
  %y = call @compiled(%x) : (tensor<?xNNxf32>) -> tensor<?xNNxf32>
  %z = call @reference(%x) : (tensor<?xNNxf32>) -> tensor<?xNNxf32>
  %count = tensor.empty() : tensor<i32>
  %start = linalg.fill ins(%c0 : i32) outs(%count : tensor<i32>) -> tensor<i32>
  %total = linalg.generic {indexing_maps = [affine_map<(t, i) -> (t, i)>, affine_map<(t, i) -> (t, i)>, affine_map<(t, i) -> ()>],
      iterator_types = ["reduction", "reduction"]} ins(%y, %z : tensor<?xNNxf32>, tensor<?xNNxf32>) outs(%start : tensor<i32>) {
  ^bb0(%p: f32, %q: f32, %c: i32):
    %d = arith.cmpf une, %p, %q : f32
    %e = arith.extui %d : i1 to i32
    %f = arith.addi %c, %e : i32
    linalg.yield %f : i32
  } -> tensor<i32>
  %result = tensor.extract %total[] : tensor<i32>
  return %result : i32
}

func.func @main() -> i32 {
  %zero = arith.constant 0 : i32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 9 : index
  %sum = scf.for %T = %c0 to %n step %c1 iter_args(%s = %zero) -> i32 {
    %m = func.call @mismatches(%T) : (index) -> i32
    %t = arith.addi %s, %m : i32
    scf.yield %t : i32
  }
  return %sum : i32
}
