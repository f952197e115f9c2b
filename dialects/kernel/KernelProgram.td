//===- KernelProgram.td - the program around the kernels ---------*- tablegen -*-===//
// Entries of the weight file, and what the runtime hands to compiled code.
//===----------------------------------------------------------------------===//

#ifndef KERNEL_PROGRAM_TD
#define KERNEL_PROGRAM_TD

include "kernel/KernelBase.td"

def Kernel_EntryOp : Kernel_Op<"entry", [Symbol]> {
  let summary = "one kind of tensor in the program's weight file";
  let description = [{
    `count` tensors of `type` lie `stride` bytes apart from byte `offset` of the
    payload on. Offset and stride are multiples of 64.

    ```mlir
    kernel.entry @in_proj : tensor<48x768x64xf32> count 24 offset 0 stride 9437184
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttr:$type, I64Attr:$count,
                       I64Attr:$offset, I64Attr:$stride);
  let assemblyFormat = "$sym_name `:` $type `count` $count `offset` $offset `stride` $stride attr-dict";
}

def Kernel_WeightOp : Kernel_Op<"weight", [Pure]> {
  let summary = "a tensor of the program's weight file, read-only";
  let description = [{
    The tensor at `index` (default 0) of an entry. Bufferizes to a view of the
    payload.
  }];
  let arguments = (ins FlatSymbolRefAttr:$entry, Optional<Index>:$index);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$entry (`[` $index^ `]`)? attr-dict `:` type($result)";
}

def Kernel_StoreEntryOp : Kernel_Op<"store_entry", [MemoryEffects<[MemWrite]>]> {
  let summary = "writes one tensor of the weight file; only in @pack";
  let arguments = (ins AnyShaped:$value, FlatSymbolRefAttr:$entry, Optional<Index>:$index);
  let assemblyFormat = "$value `,` $entry (`[` $index^ `]`)? attr-dict `:` type($value)";
}

def Kernel_PayloadOp : Kernel_Op<"payload", [Pure]> {
  let summary = "the weight file's payload";
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
}

def Kernel_SourceOp : Kernel_Op<"source", [MemoryEffects<[MemRead]>]> {
  let summary = "a tensor of the model's own weight file, as a buffer; only in @pack";
  let arguments = (ins FlatSymbolRefAttr:$tensor, Optional<Index>:$index);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "$tensor (`[` $index^ `]`)? attr-dict `:` type($result)";
}

def Kernel_ResultOp : Kernel_Op<"result", [MemoryEffects<[MemAlloc]>]> {
  let summary = "the caller's memory for one output of the program";
  let arguments = (ins I64Attr:$number, Variadic<Index>:$dynamic_sizes);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "$number `(` $dynamic_sizes `)` attr-dict `:` type($result)";
}

#endif // KERNEL_PROGRAM_TD
