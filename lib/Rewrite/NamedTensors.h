//===- NamedTensors.h - formulas on tensors with named dimensions --------===//

#ifndef SEQC_LIB_REWRITE_NAMEDTENSORS_H
#define SEQC_LIB_REWRITE_NAMEDTENSORS_H

#include "seq/Seq.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/DenseMap.h"

namespace seqc {

/// A dimension's name: any number. Dimensions of one name have one size.
using DimName = unsigned;
using DimNames = llvm::SmallVector<DimName>;

/// A tensor, and the name of each of its dimensions. A name may come twice: the
/// diagonal is meant then.
struct NamedTensor {
  mlir::Value value;
  DimNames dims;

  explicit operator bool() const { return static_cast<bool>(value); }
  bool has(DimName name) const { return llvm::is_contained(dims, name); }
  NamedTensor renamed(DimName from, DimName to) const {
    NamedTensor result = *this;
    llvm::replace(result.dims, from, to);
    return result;
  }
};

/// Builds formulas on named tensors of one float type, at the builder's
/// insertion point. Operands need not have every dimension of a result: they
/// are the same for all its indices.
class NamedTensors {
public:
  NamedTensors(mlir::OpBuilder &builder, mlir::Location loc,
               mlir::Type elementType)
      : b(loc, builder), elementType(elementType) {}

  mlir::Type getElementType() const { return elementType; }
  mlir::Location getLoc() const { return b.getLoc(); }
  mlir::OpBuilder &getBuilder() { return b; }

  void setSize(DimName name, mlir::OpFoldResult size) { sizes[name] = size; }
  mlir::OpFoldResult getSize(DimName name) const { return sizes.at(name); }
  /// The size where it is known, or ShapedType::kDynamic.
  int64_t getStaticSize(DimName name) const;

  /// The value of one element, given those of the operands.
  using Scalar = llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &,
                                                mlir::ValueRange)>;
  /// result[dims] = scalar(operands[…]). `linalg.index i` is the index of the
  /// i-th of `dims`. The result may take the memory of `destination`, which has
  /// these dims: that of a state which is not read again.
  NamedTensor pointwise(llvm::ArrayRef<NamedTensor> operands,
                        llvm::ArrayRef<DimName> dims, Scalar scalar,
                        NamedTensor destination = {});
  /// result[dims] = onto[dims] + Σ Π operands[…], the sum over the dimensions
  /// of the operands that the result has not, and over `also`; null operands
  /// are 1, a null `onto` is 0.
  NamedTensor contract(llvm::ArrayRef<NamedTensor> operands,
                       llvm::ArrayRef<DimName> dims, NamedTensor onto = {},
                       llvm::ArrayRef<DimName> also = {});
  /// As pointwise and contract, of any tensors and maps from the loops
  /// [dims…, reduced…]: the sum over `reduced`, if there are any, onto `init`.
  NamedTensor generic(mlir::ValueRange operands,
                      llvm::ArrayRef<mlir::AffineMap> maps,
                      llvm::ArrayRef<DimName> dims,
                      llvm::ArrayRef<DimName> reduced, NamedTensor init,
                      Scalar scalar, bool adds);

  /// The tensor with its dimensions in another order.
  NamedTensor arranged(NamedTensor tensor, llvm::ArrayRef<DimName> dims);
  NamedTensor filled(llvm::ArrayRef<DimName> dims, double value);
  NamedTensor empty(llvm::ArrayRef<DimName> dims);

  /// Dimension `name` as `outer` × `inner`, whose sizes are known here.
  NamedTensor split(NamedTensor tensor, DimName name, DimName outer,
                    DimName inner);
  /// The inverse, of neighbours.
  NamedTensor join(NamedTensor tensor, DimName outer, DimName inner,
                   DimName name);
  /// The elements along `dim`, followed by `padding` up to the size of `name`,
  /// which the dimension is called then.
  NamedTensor pad(NamedTensor tensor, DimName dim, DimName name,
                  double padding);
  /// Elements offset … offset + size(name) - 1 of a dimension, called `name`.
  NamedTensor slice(NamedTensor tensor, DimName dim, DimName name,
                    int64_t offset);
  /// `whole` with `part` in the place of elements offset, … of dimension `dim`,
  /// which `part` calls `name`. The other dimensions have one order.
  NamedTensor inserted(NamedTensor part, DimName name, NamedTensor whole,
                       DimName dim, int64_t offset);
  /// The only element of a dimension of size 1.
  NamedTensor dropUnit(NamedTensor tensor, DimName dim);

  /// A recurrence along `time`, the first dimension of all sequences. `outputs`
  /// are the dimensions of the output slices; `step` returns these, then the
  /// next states. Returns the outputs, then the final states.
  using Step = llvm::function_ref<llvm::SmallVector<NamedTensor>(
      llvm::ArrayRef<NamedTensor> slices, llvm::ArrayRef<NamedTensor> states)>;
  llvm::SmallVector<NamedTensor>
  recurrence(DimName time, bool reverse, llvm::ArrayRef<NamedTensor> sequences,
             llvm::ArrayRef<DimNames> outputs,
             llvm::ArrayRef<NamedTensor> states, Step step);

private:
  mlir::RankedTensorType getType(llvm::ArrayRef<DimName> dims) const;
  llvm::SmallVector<mlir::OpFoldResult>
  getSizes(llvm::ArrayRef<DimName> dims) const;

  mlir::ImplicitLocOpBuilder b;
  mlir::Type elementType;
  llvm::DenseMap<DimName, mlir::OpFoldResult> sizes;
};

/// A number of the type of the elements.
mlir::Value scalarConstant(mlir::ImplicitLocOpBuilder &b, mlir::Type type,
                           double value);

} // namespace seqc

#endif // SEQC_LIB_REWRITE_NAMEDTENSORS_H
