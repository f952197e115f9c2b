//===- SeqOps.cpp - seq: recurrence, scan, weight -------------------------------===//

#include "Associativity.h"

using namespace mlir;
using namespace seqc::reference;

/// The number of times of all sequences along `dim`.
static FailureOr<int64_t> countTimes(Operation *op, ArrayRef<Tensor> sequences,
                                     int64_t dim) {
  int64_t times = sequences.front().getDimSize(dim);
  for (const Tensor &sequence : sequences)
    if (sequence.getDimSize(dim) != times)
      return op->emitOpError("sequences of ")
             << times << " and of " << sequence.getDimSize(dim) << " times";
  return times;
}

/// Writes what a region yields for one time into a result.
static LogicalResult setTime(Operation *op, Tensor &sequence, int64_t dim,
                             int64_t time, const Tensor &slice) {
  SmallVector<int64_t> expected(sequence.getShape());
  expected.erase(expected.begin() + dim);
  if (slice.getShape() != ArrayRef(expected))
    return op->emitOpError("the region yields a slice of shape ")
           << toString(slice.getShape()) << ", expected " << toString(expected);
  sequence.setSlice(dim, time, slice);
  return success();
}

static LogicalResult runRecurrence(Interpreter &interpreter,
                                   mlir::seq::RecurrenceOp op) {
  int64_t dim = op.getDim();
  SmallVector<Tensor> inputs, outputs;
  SmallVector<Datum> states;
  for (Value input : op.getInputs())
    inputs.push_back(interpreter.getTensor(input));
  for (OpOperand &output : op.getOutputsMutable())
    outputs.push_back(interpreter.takeTensor(output));
  for (OpOperand &state : op.getStatesMutable())
    states.push_back(interpreter.take(state));
  SmallVector<Tensor> sequences(inputs);
  sequences.append(outputs);
  FailureOr<int64_t> times = countTimes(op, sequences, dim);
  sequences.clear(); // so that the outputs are not shared
  if (failed(times))
    return failure();

  for (int64_t step = 0; step < *times; ++step) {
    int64_t time = op.getReverse() ? *times - 1 - step : step;
    SmallVector<Datum> arguments, yielded;
    for (const Tensor &input : inputs)
      arguments.push_back(input.getSlice(dim, time));
    for (const Tensor &output : outputs)
      arguments.push_back(output.getSlice(dim, time));
    SmallVector<SmallVector<int64_t>> stateShapes;
    for (Datum &state : states) {
      stateShapes.emplace_back(std::get<Tensor>(state).getShape());
      arguments.push_back(std::move(state));
    }
    if (failed(interpreter.run(op.getBody(), arguments, yielded)))
      return failure();
    for (auto [output, slice] : llvm::zip(outputs, yielded))
      if (failed(setTime(op, output, dim, time, std::get<Tensor>(slice))))
        return failure();
    for (size_t index = 0; index < states.size(); ++index) {
      states[index] = std::move(yielded[outputs.size() + index]);
      ArrayRef<int64_t> shape = std::get<Tensor>(states[index]).getShape();
      if (shape != ArrayRef(stateShapes[index]))
        return op.emitOpError("state ")
               << index << " has the shape " << toString(stateShapes[index])
               << " before and " << toString(shape) << " after time " << time;
    }
  }

  for (auto [result, output] : llvm::zip_equal(op.getOutputResults(), outputs))
    interpreter.set(result, std::move(output));
  for (auto [result, state] : llvm::zip_equal(op.getStateResults(), states))
    interpreter.set(result, std::move(state));
  return success();
}

/// A tensor of the shape of one time, for a sequence that may have none.
static Tensor sliceLike(const Tensor &sequence, int64_t dim) {
  SmallVector<int64_t> shape(sequence.getShape());
  shape.erase(shape.begin() + dim);
  return Tensor::uninitialized(shape, sequence.getElementType());
}

static LogicalResult runScan(Interpreter &interpreter, mlir::seq::ScanOp op) {
  int64_t dim = op.getDim();
  SmallVector<Tensor> inputs, outputs;
  SmallVector<Datum> earlier;
  for (Value input : op.getInputs())
    inputs.push_back(interpreter.getTensor(input));
  for (Value initial : op.getInitials())
    earlier.push_back(interpreter.get(initial));
  FailureOr<int64_t> times = countTimes(op, inputs, dim);
  if (failed(times))
    return failure();
  if (interpreter.options.checkAssociative && op.getAssociative()) {
    SmallVector<Tensor> slices;
    for (const Tensor &input : inputs)
      slices.push_back(sliceLike(input, dim));
    if (failed(checkAssociative(interpreter, op, slices)))
      return failure();
  }
  for (const Tensor &input : inputs)
    outputs.push_back(
        Tensor::uninitialized(input.getShape(), input.getElementType()));

  auto output = [&](int64_t time) -> LogicalResult {
    for (auto [sequence, slice] : llvm::zip_equal(outputs, earlier))
      if (failed(setTime(op, sequence, dim, time, std::get<Tensor>(slice))))
        return failure();
    return success();
  };
  for (int64_t step = 0; step < *times; ++step) {
    int64_t time = op.getReverse() ? *times - 1 - step : step;
    if (op.getExclusive() && failed(output(time)))
      return failure();
    SmallVector<Datum> later;
    for (const Tensor &input : inputs)
      later.push_back(input.getSlice(dim, time));
    if (earlier.empty()) {
      earlier = std::move(later);
    } else {
      SmallVector<Datum> arguments(earlier);
      arguments.append(later);
      if (failed(interpreter.run(op.getCombiner(), arguments, earlier)))
        return failure();
    }
    if (!op.getExclusive() && failed(output(time)))
      return failure();
  }
  for (auto [result, sequence] :
       llvm::zip_equal(op.getSequenceResults(), outputs))
    interpreter.set(result, std::move(sequence));
  for (auto [result, total] : llvm::zip(op.getTotalResults(), earlier))
    interpreter.set(result, std::move(total));
  return success();
}

static LogicalResult runWeight(Interpreter &interpreter,
                               mlir::seq::WeightOp op) {
  std::optional<int64_t> index;
  if (Value value = op.getIndex())
    index = interpreter.getInteger(value);
  auto type = cast<RankedTensorType>(op.getResult().getType());
  if (!interpreter.options.weights)
    return op.emitOpError("there are no weights to evaluate it with");
  llvm::Expected<Tensor> weight =
      interpreter.options.weights(op.getTensor(), index, type);
  if (!weight)
    return op.emitOpError(llvm::toString(weight.takeError()));
  // The kind is checked before the type is set; the interpreter would miss it.
  std::string mismatch = describeMismatch(*weight, type);
  if (!mismatch.empty())
    return op.emitOpError("weight '")
           << weightName(op.getTensor(), index) << "': " << mismatch;
  interpreter.set(op.getResult(), weight->retyped(type.getElementType()));
  return success();
}

void seqc::reference::registerSeq(Registry &registry) {
  registry.add<mlir::seq::RecurrenceOp>(runRecurrence);
  registry.add<mlir::seq::ScanOp>(runScan);
  registry.add<mlir::seq::WeightOp>(runWeight);
}
