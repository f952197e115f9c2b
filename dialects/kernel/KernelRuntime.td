//===- KernelRuntime.td - calls between a program and its runtime -*- tablegen -*-===//
// What entry-points, plan-arena and outline-teams leave for the last lowering;
// each operation stands for one thing of runtime/include/seq/runtime/Program.h.
//===----------------------------------------------------------------------===//

#ifndef KERNEL_RUNTIME_TD
#define KERNEL_RUNTIME_TD

include "kernel/KernelBase.td"

def Kernel_ArgumentOp : Kernel_Op<"argument", [Pure]> {
  let summary = "an input or state that the caller of the program handed over";
  let description = [{
    Argument `number` of the entry point (inputs, then states), as a memref whose
    dynamic sizes are the numbers `first_size`, `first_size + 1`, … of all
    dynamic sizes of the arguments in order.
  }];
  let arguments = (ins I64Attr:$number, I64Attr:$first_size);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "$number `sizes` $first_size attr-dict `:` type($result)";
}

def Kernel_ArenaOp : Kernel_Op<"arena", [MemoryEffects<[MemAlloc]>]> {
  let summary = "the scratch memory of a run";
  let arguments = (ins Index:$bytes);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "$bytes attr-dict `:` type($result)";
}

def Kernel_ParallelOp : Kernel_Op<"parallel", [
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "shares units of work among the team";
  let description = [{
    Calls `body(captures…, lo, hi)` for disjoint ranges that cover `[0, units)`,
    each of at most `grain` units, on any threads of the team.
  }];
  let arguments = (ins FlatSymbolRefAttr:$body, Variadic<AnyType>:$captures,
                       Index:$units, I64Attr:$grain);
  let assemblyFormat = [{
    $body `(` $captures `)` `units` $units `grain` $grain attr-dict `:` type($captures)
  }];
}

def Kernel_RunTeamOp : Kernel_Op<"run_team", [
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "calls a function on every thread of the team at once";
  let description = [{
    Calls `body(captures…, thread, threads)`. The threads meet at each
    `kernel.barrier` of it.
  }];
  let arguments = (ins FlatSymbolRefAttr:$body, Variadic<AnyType>:$captures);
  let assemblyFormat = [{
    $body `(` $captures `)` attr-dict `:` type($captures)
  }];
}

#endif // KERNEL_RUNTIME_TD
