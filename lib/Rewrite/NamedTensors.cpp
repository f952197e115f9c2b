//===- NamedTensors.cpp - formulas on tensors with named dimensions ----------------===//

#include "NamedTensors.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace seqc;

Value seqc::scalarConstant(ImplicitLocOpBuilder &b, Type type, double value) {
  return arith::ConstantOp::create(b, b.getFloatAttr(type, value));
}

int64_t NamedTensors::getStaticSize(DimName name) const {
  return getConstantIntValue(getSize(name)).value_or(ShapedType::kDynamic);
}

SmallVector<OpFoldResult> NamedTensors::getSizes(ArrayRef<DimName> dims) const {
  return llvm::map_to_vector(dims, [&](DimName dim) { return getSize(dim); });
}

RankedTensorType NamedTensors::getType(ArrayRef<DimName> dims) const {
  return RankedTensorType::get(
      llvm::map_to_vector(dims,
                          [&](DimName dim) { return getStaticSize(dim); }),
      elementType);
}

//===----------------------------------------------------------------------===//
// Elementwise values and products
//===----------------------------------------------------------------------===//

NamedTensor NamedTensors::empty(ArrayRef<DimName> dims) {
  return {tensor::EmptyOp::create(b, getSizes(dims), elementType),
          DimNames(dims)};
}

NamedTensor NamedTensors::filled(ArrayRef<DimName> dims, double value) {
  Value number = scalarConstant(b, elementType, value);
  return {linalg::FillOp::create(b, number, empty(dims).value).getResult(0),
          DimNames(dims)};
}

NamedTensor NamedTensors::generic(ValueRange operands, ArrayRef<AffineMap> maps,
                                  ArrayRef<DimName> dims,
                                  ArrayRef<DimName> reduced, NamedTensor init,
                                  Scalar scalar, bool adds) {
  unsigned loops = dims.size() + reduced.size();
  MLIRContext *context = b.getContext();
  SmallVector<Value> inputs(operands);
  SmallVector<AffineMap> allMaps(maps);
  // Loops that no operand has take their size from an operand without meaning.
  llvm::BitVector known(loops);
  known.set(0, dims.size());
  for (AffineMap map : maps)
    for (AffineExpr expr : map.getResults())
      if (auto dim = dyn_cast<AffineDimExpr>(expr))
        known.set(dim.getPosition());
  for (auto [index, name] : llvm::enumerate(reduced)) {
    if (known.test(dims.size() + index))
      continue;
    inputs.push_back(empty(name).value);
    allMaps.push_back(AffineMap::get(
        loops, 0, getAffineDimExpr(dims.size() + index, context)));
  }
  if (!init)
    init = adds ? filled(dims, 0.0) : empty(dims);
  SmallVector<AffineExpr> places;
  for (unsigned place = 0; place < dims.size(); ++place)
    places.push_back(getAffineDimExpr(place, context));
  allMaps.push_back(AffineMap::get(loops, 0, places, context));
  SmallVector<utils::IteratorType> iterators(dims.size(),
                                             utils::IteratorType::parallel);
  iterators.resize(loops, utils::IteratorType::reduction);
  auto op = linalg::GenericOp::create(
      b, init.value.getType(), inputs, init.value, allMaps, iterators,
      [&](OpBuilder &builder, Location loc, ValueRange arguments) {
        ImplicitLocOpBuilder nested(loc, builder);
        Value result = scalar(nested, arguments.take_front(operands.size()));
        if (adds)
          result = arith::AddFOp::create(nested, arguments.back(), result);
        linalg::YieldOp::create(nested, result);
      });
  return {op.getResult(0), DimNames(dims)};
}

/// Maps from the loops to the dimensions of each operand.
static SmallVector<AffineMap> mapsOf(ArrayRef<NamedTensor> operands,
                                     ArrayRef<DimName> loops,
                                     MLIRContext *context) {
  return llvm::map_to_vector(operands, [&](const NamedTensor &operand) {
    SmallVector<unsigned> places;
    for (DimName dim : operand.dims)
      places.push_back(llvm::find(loops, dim) - loops.begin());
    return AffineMap::getMultiDimMapWithTargets(loops.size(), places, context);
  });
}

static SmallVector<Value> valuesOf(ArrayRef<NamedTensor> operands) {
  return llvm::map_to_vector(operands, [](const auto &o) { return o.value; });
}

NamedTensor NamedTensors::pointwise(ArrayRef<NamedTensor> operands,
                                    ArrayRef<DimName> dims, Scalar scalar,
                                    NamedTensor destination) {
  return generic(valuesOf(operands), mapsOf(operands, dims, b.getContext()),
                 dims, {}, destination, scalar, /*adds=*/false);
}

NamedTensor NamedTensors::contract(ArrayRef<NamedTensor> operands,
                                   ArrayRef<DimName> dims, NamedTensor onto,
                                   ArrayRef<DimName> also) {
  SmallVector<NamedTensor> factors;
  DimNames loops(dims), reduced;
  auto add = [&](DimName dim) {
    if (llvm::is_contained(loops, dim))
      return;
    loops.push_back(dim);
    reduced.push_back(dim);
  };
  for (const NamedTensor &operand : operands)
    if (operand) {
      factors.push_back(operand);
      llvm::for_each(operand.dims, add);
    }
  llvm::for_each(also, add);
  return generic(valuesOf(factors), mapsOf(factors, loops, b.getContext()),
                 dims, reduced, onto,
                 [&](ImplicitLocOpBuilder &b, ValueRange elements) -> Value {
                   if (elements.empty())
                     return scalarConstant(b, elementType, 1.0);
                   Value product = elements.front();
                   for (Value factor : elements.drop_front())
                     product = arith::MulFOp::create(b, product, factor);
                   return product;
                 },
                 /*adds=*/onto || !reduced.empty());
}

NamedTensor NamedTensors::arranged(NamedTensor tensor,
                                   ArrayRef<DimName> dims) {
  if (ArrayRef<DimName>(tensor.dims) == dims)
    return tensor;
  SmallVector<int64_t> order;
  for (DimName dim : dims)
    if (tensor.has(dim))
      order.push_back(llvm::find(tensor.dims, dim) - tensor.dims.begin());
  // A generic would be fused with its user, which asked for this order.
  if (isPermutationVector(order) && order.size() == dims.size())
    return {linalg::TransposeOp::create(b, tensor.value, empty(dims).value,
                                        order)
                .getResults()
                .front(),
            DimNames(dims)};
  return pointwise(tensor, dims, [](ImplicitLocOpBuilder &, ValueRange element) {
    return element.front();
  });
}

//===----------------------------------------------------------------------===//
// Reshapes and slices
//===----------------------------------------------------------------------===//

/// One group for each of `rank` dimensions; that of `dim` has two.
static SmallVector<ReassociationIndices> pairAt(unsigned dim, unsigned rank) {
  SmallVector<ReassociationIndices> groups;
  int64_t next = 0;
  for (unsigned i = 0; i < rank; ++i) {
    groups.push_back({next++});
    if (i == dim)
      groups.back().push_back(next++);
  }
  return groups;
}

NamedTensor NamedTensors::split(NamedTensor tensor, DimName name,
                                DimName outer, DimName inner) {
  unsigned place = llvm::find(tensor.dims, name) - tensor.dims.begin();
  DimNames dims(tensor.dims);
  dims[place] = outer;
  dims.insert(dims.begin() + place + 1, inner);
  return {tensor::ExpandShapeOp::create(b, getType(dims), tensor.value,
                                        pairAt(place, tensor.dims.size()),
                                        getSizes(dims)),
          dims};
}

NamedTensor NamedTensors::join(NamedTensor tensor, DimName outer,
                               DimName inner, DimName name) {
  unsigned place = llvm::find(tensor.dims, outer) - tensor.dims.begin();
  DimNames dims(tensor.dims);
  dims.erase(dims.begin() + place);
  dims[place] = name;
  return {tensor::CollapseShapeOp::create(b, getType(dims), tensor.value,
                                          pairAt(place, dims.size())),
          dims};
}

NamedTensor NamedTensors::pad(NamedTensor tensor, DimName dim, DimName name,
                              double padding) {
  NamedTensor padded = tensor.renamed(dim, name);
  if (getSize(dim) == getSize(name))
    return padded;
  SmallVector<OpFoldResult> offsets(tensor.dims.size(), b.getIndexAttr(0)),
      strides(tensor.dims.size(), b.getIndexAttr(1));
  Value whole = filled(padded.dims, padding).value;
  padded.value = tensor::InsertSliceOp::create(
      b, tensor.value, whole, offsets, getSizes(tensor.dims), strides);
  return padded;
}

NamedTensor NamedTensors::slice(NamedTensor tensor, DimName dim, DimName name,
                                int64_t offset) {
  NamedTensor part = tensor.renamed(dim, name);
  if (offset == 0 && getSize(dim) == getSize(name))
    return part;
  SmallVector<OpFoldResult> offsets(tensor.dims.size(), b.getIndexAttr(0)),
      strides(tensor.dims.size(), b.getIndexAttr(1));
  offsets[llvm::find(tensor.dims, dim) - tensor.dims.begin()] =
      b.getIndexAttr(offset);
  part.value = tensor::ExtractSliceOp::create(
      b, getType(part.dims), tensor.value, offsets, getSizes(part.dims),
      strides);
  return part;
}

NamedTensor NamedTensors::inserted(NamedTensor part, DimName name,
                                   NamedTensor whole, DimName dim,
                                   int64_t offset) {
  SmallVector<OpFoldResult> offsets(part.dims.size(), b.getIndexAttr(0)),
      strides(part.dims.size(), b.getIndexAttr(1));
  offsets[llvm::find(part.dims, name) - part.dims.begin()] =
      b.getIndexAttr(offset);
  whole.value =
      tensor::InsertSliceOp::create(b, part.value, whole.value, offsets,
                                    getSizes(part.dims), strides);
  return whole;
}

NamedTensor NamedTensors::dropUnit(NamedTensor tensor, DimName dim) {
  NamedTensor rest = tensor;
  llvm::erase(rest.dims, dim);
  SmallVector<OpFoldResult> offsets(tensor.dims.size(), b.getIndexAttr(0)),
      strides(tensor.dims.size(), b.getIndexAttr(1));
  rest.value = tensor::ExtractSliceOp::create(
      b, getType(rest.dims), tensor.value, offsets, getSizes(tensor.dims),
      strides);
  return rest;
}

//===----------------------------------------------------------------------===//
// Recurrences
//===----------------------------------------------------------------------===//

SmallVector<NamedTensor>
NamedTensors::recurrence(DimName time, bool reverse,
                         ArrayRef<NamedTensor> sequences,
                         ArrayRef<DimNames> outputs,
                         ArrayRef<NamedTensor> states, Step step) {
  SmallVector<NamedTensor> results;
  SmallVector<Value> destinations;
  for (const DimNames &slice : outputs) {
    DimNames dims{time};
    llvm::append_range(dims, slice);
    results.push_back(empty(dims));
    destinations.push_back(results.back().value);
  }
  llvm::append_range(results, states);
  auto op = seq::RecurrenceOp::create(b, /*dim=*/0, reverse,
                                      valuesOf(sequences), destinations,
                                      valuesOf(states));
  Block &body = op.getBody().emplaceBlock();
  SmallVector<NamedTensor> slices, carried;
  for (const NamedTensor &sequence : sequences) {
    Type type =
        op.getSliceType(cast<RankedTensorType>(sequence.value.getType()));
    slices.push_back({body.addArgument(type, getLoc()),
                      DimNames(llvm::drop_begin(sequence.dims))});
  }
  for (Value destination : destinations)
    body.addArgument(
        op.getSliceType(cast<RankedTensorType>(destination.getType())),
        getLoc());
  for (const NamedTensor &state : states)
    carried.push_back(
        {body.addArgument(state.value.getType(), getLoc()), state.dims});
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&body);
    seq::YieldOp::create(b, valuesOf(step(slices, carried)));
  }
  for (auto [result, value] : llvm::zip(results, op.getResults()))
    result.value = value;
  return results;
}
