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
    payload on. In the file the name of the tensor at index `i` has the number
    `first + i` in place of each `{}`.

    ```mlir
    kernel.entry @"h.{}.in_proj" : tensor<48x768x64xf32> count 24 offset 0 stride 9437184
    ```

    Constraints:

    - (C1) `type` is a tensor of static shape; its elements are f16, bf16, f32,
      f64, i1 (a byte each), i8, i32 or i64;
    - (C2) `count` is at least 1; the name holds `{}` if it is more;
    - (C3) `offset` and `stride` are multiples of 64 and not negative; `stride`
      is at least the bytes of a tensor if there are several.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttr:$type, I64Attr:$count,
                       DefaultValuedAttr<I64Attr, "0">:$first,
                       I64Attr:$offset, I64Attr:$stride);
  let assemblyFormat = [{
    $sym_name `:` $type `count` $count (`first` $first^)? `offset` $offset
    `stride` $stride attr-dict
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Multiples of this many bytes are the places of tensors.
    static constexpr int64_t kAlignment = 64;

    /// Bytes of an element in the weight file; 0 if it cannot be there.
    static int64_t getElementBytes(::mlir::Type element);
    ::mlir::RankedTensorType getTensorType();
    /// Bytes of one tensor.
    int64_t getBytes();
    /// The name in the file of the tensor at `index`.
    std::string getFileName(int64_t index);
  }];
}

def Kernel_WeightOp : Kernel_Op<"weight", [
    Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a tensor of the program's weight file, read-only";
  let description = [{
    The tensor at `index` (default 0) of an entry. Bufferizes to a view of the
    payload.

    Constraints:

    - (C1) there is such an entry, and the result is of its type.
  }];
  let arguments = (ins FlatSymbolRefAttr:$entry, Optional<Index>:$index);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$entry (`[` $index^ `]`)? attr-dict `:` type($result)";
}

def Kernel_StoreEntryOp : Kernel_Op<"store_entry", [
    MemoryEffects<[MemWrite]>,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "writes one tensor of the weight file; only in @pack";
  let description = [{
    `value`, a tensor or a buffer, is the tensor at `index` (default 0) of an
    entry.

    Constraints:

    - (C1) there is such an entry, and `value` has its shape and elements.
  }];
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
