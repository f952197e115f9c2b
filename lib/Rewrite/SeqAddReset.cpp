//===- SeqAddReset.cpp - several sequences in one -------------------------------------===//

#include "ResetAttention.h"
#include "ResetStarts.h"

#include "seqc/Analysis/Dimensions.h"
#include "seqc/Rewrite/Passes.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

namespace seqc {
#define GEN_PASS_DEF_SEQADDRESET
#include "seqc/Rewrite/Passes.h.inc"
} // namespace seqc

using namespace mlir;
using namespace seqc;

static InFlightDiagnostic refuseReset(Operation *op) {
  return op->emitError("no reset can be added: ");
}

//===----------------------------------------------------------------------===//
// The argument
//===----------------------------------------------------------------------===//

/// The reset of a recurrence: `[B, T]`, or `[T]` where time comes first.
static RankedTensorType getResetType(seq::RecurrenceOp op) {
  auto sequence = cast<RankedTensorType>(op.getTimeSource().getType());
  SmallVector<int64_t> shape;
  if (op.getDim() > 0)
    shape.push_back(sequence.getDimSize(0));
  shape.push_back(sequence.getDimSize(op.getDim()));
  return RankedTensorType::get(shape, IntegerType::get(op.getContext(), 1));
}

static RankedTensorType getResetType(seq::AttentionOp op) {
  return RankedTensorType::get(op.getQuery().getType().getShape().take_front(2),
                               IntegerType::get(op.getContext(), 1));
}

/// Makes `type` serve `other` as well: sizes of which one is unknown become so.
static bool join(RankedTensorType &type, RankedTensorType other) {
  if (!type)
    type = other;
  if (type.getRank() != other.getRank())
    return false;
  SmallVector<int64_t> shape(type.getShape());
  for (auto [size, otherSize] : llvm::zip(shape, other.getShape())) {
    if (size == otherSize)
      continue;
    if (!ShapedType::isDynamic(size) && !ShapedType::isDynamic(otherSize))
      return false;
    size = ShapedType::kDynamic;
  }
  type = type.clone(shape);
  return true;
}

//===----------------------------------------------------------------------===//
// One recurrence
//===----------------------------------------------------------------------===//

/// Backwards a sequence begins where the one after it ends: the resets of the
/// next times, and none at the last one.
static Value shiftBack(Value reset, OpBuilder &builder, Location loc) {
  auto type = cast<RankedTensorType>(reset.getType());
  unsigned time = type.getRank() - 1;
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, reset);
  SmallVector<OpFoldResult> offsets(type.getRank(), builder.getIndexAttr(0));
  SmallVector<OpFoldResult> strides(type.getRank(), builder.getIndexAttr(1));
  SmallVector<OpFoldResult> longer = sizes;
  Value one = arith::ConstantIndexOp::create(builder, loc, 1);
  longer[time] =
      arith::AddIOp::create(
          builder, loc, getValueOrCreateConstantIndexOp(builder, loc, sizes[time]),
          one)
          .getResult();
  Value none = arith::ConstantOp::create(builder, loc, builder.getBoolAttr(false));
  Value empty =
      tensor::EmptyOp::create(builder, loc, longer, type.getElementType());
  Value fill =
      linalg::FillOp::create(builder, loc, none, empty).getResult(0);
  Value padded = tensor::InsertSliceOp::create(builder, loc, reset, fill,
                                               offsets, sizes, strides);
  offsets[time] = builder.getIndexAttr(1);
  return tensor::ExtractSliceOp::create(builder, loc, type, padded, offsets,
                                        sizes, strides);
}

/// The reset as a sequence of the recurrence: time at `along d`, one index in
/// the dimensions between the batch and time.
static Value makeSequence(seq::RecurrenceOp op, Value reset) {
  OpBuilder builder(op);
  Location loc = op.getLoc();
  if (op.getReverse())
    reset = shiftBack(reset, builder, loc);
  if (op.getDim() < 2)
    return reset;
  auto type = cast<RankedTensorType>(reset.getType());
  SmallVector<int64_t> shape(type.getShape());
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, reset);
  ReassociationIndices batch;
  for (unsigned dim = 0; dim < op.getDim(); ++dim)
    batch.push_back(dim);
  shape.insert(shape.begin() + 1, op.getDim() - 1, 1);
  sizes.insert(sizes.begin() + 1, op.getDim() - 1, builder.getIndexAttr(1));
  int64_t time = op.getDim();
  return tensor::ExpandShapeOp::create(
      builder, loc, type.clone(shape), reset,
      SmallVector<ReassociationIndices>{batch, {time}}, sizes);
}

/// `slice ? start : state`; `batch` is the dimension of the state that is the
/// slice's first one. (The slice has one index in the others.)
static Value select(OpBuilder &builder, Location loc, Value slice, Value start,
                    Value state, std::optional<unsigned> batch) {
  MLIRContext *context = builder.getContext();
  auto type = cast<RankedTensorType>(state.getType());
  unsigned rank = type.getRank();
  AffineMap identity = AffineMap::getMultiDimIdentityMap(rank, context);
  SmallVector<Value> inputs{slice, state};
  SmallVector<AffineExpr> index(
      cast<RankedTensorType>(slice.getType()).getRank(),
      getAffineConstantExpr(0, context));
  if (batch)
    index[0] = getAffineDimExpr(*batch, context);
  SmallVector<AffineMap> maps{AffineMap::get(rank, 0, index, context),
                              identity};
  bool isTensor = isa<RankedTensorType>(start.getType());
  if (isTensor) {
    inputs.push_back(start);
    maps.push_back(identity);
  }
  maps.push_back(identity);
  Value empty =
      tensor::EmptyOp::create(builder, loc, tensor::getMixedSizes(builder, loc, state),
                              type.getElementType());
  return linalg::GenericOp::create(
             builder, loc, type, inputs, empty, maps,
             SmallVector(rank, utils::IteratorType::parallel),
             [&](OpBuilder &nested, Location loc, ValueRange scalars) {
               Value chosen = arith::SelectOp::create(
                   nested, loc, scalars[0], isTensor ? scalars[2] : start,
                   scalars[1]);
               linalg::YieldOp::create(nested, loc, chosen);
             })
      .getResult(0);
}

/// The dimension of each state that is the batch, the first one of the sequences.
/// None where all times have one reset, for a batch of one as well.
static FailureOr<SmallVector<std::optional<unsigned>>>
findBatches(seq::RecurrenceOp op) {
  SmallVector<std::optional<unsigned>> batches(op.getStates().size());
  if (op.getDim() == 0)
    return batches;
  DimensionAnalysis analysis(op);
  SmallVector<Value> slices(op.getInputSlices());
  llvm::append_range(slices, op.getOutputSlices());
  int64_t size = getResetType(op).getDimSize(0);
  llvm::SmallDenseSet<unsigned> classes;
  for (Value slice : slices) {
    if (cast<RankedTensorType>(slice.getType()).getDimSize(0) != size)
      return refuseReset(op) << "its sequences differ in their first dimension, "
                                "the batch";
    classes.insert(*analysis.classOf(slice, 0));
  }
  for (auto [state, batch] : llvm::zip(op.getStateArguments(), batches)) {
    auto type = cast<RankedTensorType>(state.getType());
    unsigned count = 0;
    for (unsigned dim = 0; dim < type.getRank(); ++dim)
      if (classes.contains(*analysis.classOf(state, dim))) {
        batch = dim;
        ++count;
      }
    if (count > 1 || (count == 0 && size != 1))
      return refuseReset(op)
             << "it is not known which dimension of the state, a " << type
             << ", is the batch of the sequences";
  }
  return batches;
}

/// Adds the input `reset`: where it is true, the step begins with the states of
/// the start.
static LogicalResult addReset(seq::RecurrenceOp op, Value reset,
                              ArrayRef<ResetStart> starts) {
  if (op.getStates().empty())
    return success();
  FailureOr<SmallVector<std::optional<unsigned>>> batches = findBatches(op);
  if (failed(batches))
    return failure();

  OpBuilder builder(op);
  Location loc = op.getLoc();
  SmallVector<Value> begins;
  for (const ResetStart &start : starts)
    begins.push_back(start.constant ? Value(arith::ConstantOp::create(
                                          builder, loc, start.constant))
                                    : start.value);
  Value sequence = makeSequence(op, reset);
  Block &body = op.getBody().front();
  Value slice = body.insertArgument(
      op.getInputs().size(),
      op.getSliceType(cast<RankedTensorType>(sequence.getType())), loc);
  op.getInputsMutable().append(sequence);

  builder.setInsertionPointToStart(&body);
  for (auto [state, begin, batch] :
       llvm::zip(op.getStateArguments(), begins, *batches)) {
    Value chosen = select(builder, loc, slice, begin, state, batch);
    state.replaceUsesWithIf(chosen, [&](OpOperand &use) {
      return use.getOwner() != chosen.getDefiningOp() &&
             !isa<tensor::DimOp>(use.getOwner());
    });
  }
  return success();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {
struct SeqAddReset : seqc::impl::SeqAddResetBase<SeqAddReset> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    ResetStarts starts(module);
    SmallVector<func::FuncOp> functions;
    for (auto function : module.getOps<func::FuncOp>())
      if (!function.isExternal() && starts.runsThroughTime(function))
        functions.push_back(function);
    for (func::FuncOp function : functions)
      if (failed(generalizeLayers(function)))
        return signalPassFailure();
    for (func::FuncOp function : functions)
      if (failed(starts.collect(function, refuseReset)))
        return signalPassFailure();
    for (func::FuncOp function : functions)
      if (failed(starts.checkCausal(function, refuseReset)))
        return signalPassFailure();
    for (func::FuncOp function : functions)
      if (failed(refuseChecks(function)))
        return signalPassFailure();
    for (func::FuncOp function : functions)
      if (failed(findType(function, starts)))
        return signalPassFailure();
    for (func::FuncOp function : functions)
      if (failed(add(function, starts)))
        return signalPassFailure();
  }

  /// A layer begins as its recurrence does.
  LogicalResult generalizeLayers(func::FuncOp function) {
    SmallVector<seq::GeneralizableOpInterface> layers;
    function.walk([&](seq::GeneralizableOpInterface layer) {
      layers.push_back(layer);
    });
    for (seq::GeneralizableOpInterface layer : layers) {
      if (auto attention = dyn_cast<seq::AttentionOp>(layer.getOperation())) {
        if (failed(checkAttention(attention)))
          return failure();
        continue;
      }
      if (isa<seq::CachedAttentionOp>(layer.getOperation()))
        return refuseReset(layer) << "the cache would show keys of before it";
      OpBuilder builder(layer);
      FailureOr<SmallVector<Value>> values = layer.generalize(builder);
      if (failed(values))
        return layer->emitOpError("cannot be stated in general operations");
      layer->replaceAllUsesWith(*values);
      layer->erase();
    }
    return success();
  }

  /// An assertion on a last state would say nothing of the sequences before the
  /// last one, as that of a learned position table, which has an end.
  LogicalResult refuseChecks(func::FuncOp function) {
    WalkResult walk = function.walk([&](cf::AssertOp check) {
      SetVector<Operation *> slice;
      BackwardSliceOptions options;
      options.omitBlockArguments = true;
      (void)getBackwardSlice(check.getArg(), &slice, options);
      for (Operation *op : slice)
        if (isa<seq::RecurrenceOp>(op)) {
          refuseReset(check) << "the last state is checked ('" << check.getMsg()
                             << "'), which would leave the sequences before "
                                "the last one unchecked";
          return WalkResult::interrupt();
        }
      return WalkResult::advance();
    });
    return failure(walk.wasInterrupted());
  }

  /// Whether the sequences of an attention's row can be told apart.
  LogicalResult checkAttention(seq::AttentionOp op) {
    if (!op.canStream())
      return refuseReset(op) << "attention is expected to be causal softmax "
                                "attention of any number of times, without "
                                "bias and key_mask";
    if (op.getMask().getGlobal())
      return refuseReset(op) << "the mask shows the first keys of all times";
    return success();
  }

  /// The type that serves all recurrences of a function and of its callees.
  LogicalResult findType(func::FuncOp function, ResetStarts &starts) {
    RankedTensorType &type = types[function];
    if (type)
      return success();
    RankedTensorType found;
    WalkResult walk = function.walk([&](Operation *op) {
      RankedTensorType own;
      if (auto recurrence = dyn_cast<seq::RecurrenceOp>(op)) {
        own = getResetType(recurrence);
      } else if (auto attention = dyn_cast<seq::AttentionOp>(op)) {
        own = getResetType(attention);
      } else if (auto call = dyn_cast<func::CallOp>(op)) {
        func::FuncOp callee = getCallee(call, starts.getSymbols());
        if (!callee || !starts.runsThroughTime(callee))
          return WalkResult::advance();
        if (failed(findType(callee, starts)))
          return WalkResult::interrupt();
        own = types[callee];
      }
      if (!own || join(found, own))
        return WalkResult::advance();
      refuseReset(op) << "it runs along other times, or another batch, than "
                         "the operations before it";
      return WalkResult::interrupt();
    });
    if (walk.wasInterrupted())
      return failure();
    types[function] = found;
    return success();
  }

  LogicalResult add(func::FuncOp function, ResetStarts &starts) {
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      if (auto name = function.getArgAttrOfType<StringAttr>(i, "seq.name");
          name && name.getValue() == "reset" && function.isPublic())
        return refuseReset(function)
               << "@" << function.getName() << " has an argument 'reset'";
    RankedTensorType type = types[function];
    unsigned number = function.getNumArguments();
    DictionaryAttr attributes;
    if (function.isPublic())
      attributes = getAttributes(function, type, starts);
    (void)function.insertArgument(number, type, attributes, function.getLoc());
    Value reset = function.getArgument(number);

    SmallVector<Operation *> inTime;
    function.walk([&](Operation *op) {
      if (isa<seq::RecurrenceOp, seq::AttentionOp, func::CallOp>(op))
        inTime.push_back(op);
    });
    for (Operation *op : inTime) {
      OpBuilder builder(op);
      auto as = [&](RankedTensorType wanted) {
        return wanted == type ? reset
                              : Value(tensor::CastOp::create(
                                    builder, op->getLoc(), wanted, reset));
      };
      if (auto recurrence = dyn_cast<seq::RecurrenceOp>(op)) {
        if (failed(addReset(recurrence, as(getResetType(recurrence)),
                            starts.of(recurrence))))
          return failure();
        continue;
      }
      if (auto attention = dyn_cast<seq::AttentionOp>(op)) {
        resetAttention(attention, as(getResetType(attention)));
        continue;
      }
      auto call = cast<func::CallOp>(op);
      func::FuncOp callee = getCallee(call, starts.getSymbols());
      if (callee && types.contains(callee))
        call.getOperandsMutable().append(as(types[callee]));
    }
    return success();
  }

  /// The name, and the numbers of the sizes where other arguments have them.
  DictionaryAttr getAttributes(func::FuncOp function, RankedTensorType type,
                               ResetStarts &starts) {
    Builder builder(function);
    SmallVector<NamedAttribute> attributes{
        builder.getNamedAttr("seq.name", builder.getStringAttr("reset"))};
    for (auto [i, argument] : llvm::enumerate(function.getArguments())) {
      auto sizes =
          function.getArgAttrOfType<DenseI64ArrayAttr>(i, "seq.sizes");
      std::optional<unsigned> time = starts.getTime(argument);
      if (!sizes || !time)
        continue;
      SmallVector<int64_t> own;
      if (type.getRank() == 2)
        own.push_back(sizes[0]);
      own.push_back(sizes[*time]);
      attributes.push_back(builder.getNamedAttr(
          "seq.sizes", builder.getDenseI64ArrayAttr(own)));
      break;
    }
    return builder.getDictionaryAttr(attributes);
  }

  DenseMap<Operation *, RankedTensorType> types;
};
} // namespace
