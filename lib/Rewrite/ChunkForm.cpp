//===- ChunkForm.cpp - recurrences in chunks of time ---------------------===//

#include "ChunkForm.h"

#include "ChunkDecay.h"
#include "ChunkPlan.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace seqc;
using namespace seqc::chunk;

namespace {
/// What is known of a state for all chunks.
struct ChunkedState {
  const StatePlan &plan;
  ChunkDecay decay;
  /// u of the low-rank term, [Row, …], and c = known + reached · S_0.
  NamedTensor u, known, reached;
  /// The state before each chunk, [Chunk, …], and after all.
  NamedTensor before, last;
};

class Emitter {
public:
  Emitter(seq::RecurrenceOp op, const StepAnalysis &analysis,
          TimeLifter &lifter, OpBuilder &builder, const ChunkPlan &plan,
          std::optional<int64_t> rows)
      : op(op), analysis(analysis), lifter(lifter), builder(builder),
        plan(plan), rows(rows) {}

  SmallVector<Value> run();

private:
  void setSizes(NamedTensors &tensors, unsigned state);
  NamedTensor inChunks(NamedTensors &tensors, NamedTensor sequence,
                       double padding);
  /// The product [Chunk, Row, …], or without times where it does not vary; null
  /// if it is 1.
  NamedTensor build(NamedTensors &tensors, const NamedProduct &product,
                    bool withTime = false);
  std::pair<NamedTensor, NamedTensor> buildAdded(NamedTensors &tensors,
                                                 const NamedProduct &added,
                                                 ArrayRef<DimName> keys);
  ChunkDecay buildDecay(NamedTensors &tensors, const StatePlan &plan);
  void solveLowRank(NamedTensors &tensors, ChunkedState &state);
  void runOverChunks(NamedTensors &tensors, ChunkedState &state, Value initial);
  NamedTensor read(NamedTensors &tensors, ChunkedState &state,
                   const ReadTerm &term);
  Value readout(const ReadoutPlan &readout);

  seq::RecurrenceOp op;
  const StepAnalysis &analysis;
  TimeLifter &lifter;
  OpBuilder &builder;
  const ChunkPlan &plan;
  std::optional<int64_t> rows;
  SmallVector<NamedTensors, 0> tensorsOf;
  SmallVector<ChunkedState, 0> states;
};
} // namespace

//===----------------------------------------------------------------------===//
// Sequences in chunks
//===----------------------------------------------------------------------===//

void Emitter::setSizes(NamedTensors &tensors, unsigned state) {
  Location loc = op.getLoc();
  auto attribute = [&](int64_t size) -> OpFoldResult {
    return builder.getIndexAttr(size);
  };
  auto apply = [&](AffineExpr expr, OpFoldResult operand) {
    return affine::makeComposedFoldedAffineApply(builder, loc, expr, {operand});
  };
  AffineExpr n = builder.getAffineSymbolExpr(0);
  OpFoldResult times =
      tensor::getMixedSize(builder, loc, op.getTimeSource(), op.getDim());
  OpFoldResult chunks = attribute(1), length, blocks, inBlock;
  if (rows) {
    length = attribute(*rows);
    chunks = apply(n.ceilDiv(*rows), times);
    tensors.setSize(Padded, apply(n * *rows, chunks));
    inBlock = attribute(std::min(*rows, kBlock));
    blocks = attribute(*rows <= kBlock ? 1 : *rows / kBlock);
  } else {
    length = times;
    inBlock = attribute(kBlock);
    blocks = apply(n.ceilDiv(kBlock), times);
    if (plan.needsBlocks)
      length = apply(n * kBlock, blocks);
    tensors.setSize(Padded, length);
  }
  tensors.setSize(Time, times);
  tensors.setSize(Chunk, chunks);
  for (DimName dim : {Row, Column})
    tensors.setSize(dim, length);
  for (DimName dim : {RowBlock, ColumnBlock})
    tensors.setSize(dim, blocks);
  for (DimName dim : {Within, ColumnWithin})
    tensors.setSize(dim, inBlock);
  for (auto [index, initial] : llvm::enumerate(op.getStates()))
    for (auto [dim, size] :
         llvm::enumerate(tensor::getMixedSizes(builder, loc, initial))) {
      tensors.setSize(ofState(index, dim), size);
      tensors.setSize(primed(ofState(index, dim)), size);
    }
  for (auto [name, size] : plan.extraSizes)
    tensors.setSize(name, attribute(size));
}

NamedTensor Emitter::inChunks(NamedTensors &tensors, NamedTensor sequence,
                              double padding) {
  return tensors.split(tensors.pad(sequence, Time, Padded, padding), Padded,
                       Chunk, Row);
}

NamedTensor Emitter::build(NamedTensors &tensors, const NamedProduct &product,
                           bool withTime) {
  if (product.isOne() && !withTime)
    return {};
  TimeProducts products(tensors, lifter, analysis.getDimensions(), op.getDim(),
                        Time);
  NamedTensor built = products.build(product, product.getDims(), withTime);
  return built.has(Time) ? inChunks(tensors, built, 0.0) : built;
}

/// Padded times must add nothing: one of both factors has times, and zeros
/// there.
std::pair<NamedTensor, NamedTensor>
Emitter::buildAdded(NamedTensors &tensors, const NamedProduct &added,
                    ArrayRef<DimName> keys) {
  SplitProduct split = splitByKeys(added, keys);
  NamedTensor key = build(tensors, split.key);
  bool hasTime = key && key.has(Row);
  return {key, build(tensors, split.value, /*withTime=*/!hasTime)};
}

ChunkDecay Emitter::buildDecay(NamedTensors &tensors, const StatePlan &plan) {
  bool reverse = op.getReverse();
  if (plan.decay.empty())
    return ChunkDecay(tensors, {}, false, reverse);
  TimeProducts products(tensors, lifter, analysis.getDimensions(), op.getDim(),
                        Time);
  DimNames dims;
  for (const NamedProduct &decay : plan.decay)
    dims = withDims(dims, decay.getDims());
  llvm::sort(dims);
  if (plan.decay.size() == 1)
    if (NamedTensor log = products.buildLog(plan.decay.front(), dims))
      return ChunkDecay(tensors, inChunks(tensors, log, 0.0), /*isLog=*/true,
                        reverse);
  SmallVector<NamedTensor> terms;
  for (const NamedProduct &decay : plan.decay)
    terms.push_back(products.build(decay, decay.getDims(), /*withTime=*/true));
  NamedTensor sum = terms.front();
  if (terms.size() > 1)
    sum = tensors.pointwise(terms, withDims({Time}, dims),
                            [](ImplicitLocOpBuilder &b, ValueRange v) {
                              Value sum = v.front();
                              for (Value term : v.drop_front())
                                sum = arith::AddFOp::create(b, sum, term);
                              return sum;
                            });
  return ChunkDecay(tensors, inChunks(tensors, sum, 1.0), /*isLog=*/false,
                    reverse);
}

//===----------------------------------------------------------------------===//
// States
//===----------------------------------------------------------------------===//

/// The dimensions of the state among `dims`.
static DimNames ofPlan(const StatePlan &plan, ArrayRef<DimName> dims) {
  return llvm::filter_to_vector(
      plan.dims, [&](DimName dim) { return llvm::is_contained(dims, dim); });
}

static NamedTensor withPrimedKeys(NamedTensor tensor, ArrayRef<DimName> keys) {
  for (DimName key : keys)
    tensor = tensor.renamed(key, primed(key));
  return tensor;
}

/// Solves c_t = w_tᵀ S_{t-1} for what is known of c and for its share of S_0.
void Emitter::solveLowRank(NamedTensors &tensors, ChunkedState &state) {
  const StatePlan &plan = state.plan;
  ArrayRef<DimName> keys = plan.keys;
  // Zeros at padded times: c is 0 there.
  NamedTensor w = build(tensors, plan.lowRankRead, /*withTime=*/true);
  state.u = build(tensors, *plan.lowRank);
  NamedTensor matrix =
      scores(tensors, state.decay, w, state.u, keys, ReadAt::Before);
  bool reverse = op.getReverse();
  for (const NamedProduct &added : plan.added) {
    auto [key, value] = buildAdded(tensors, added, keys);
    NamedTensor weights =
        scores(tensors, state.decay, w, key, keys, ReadAt::Before);
    value = value.renamed(Row, Column);
    DimNames dims{Chunk, Row};
    // Terms that have fewer dimensions are the same along the others.
    DimNames all = withDims(weights.dims, value.dims);
    dims = withDims(dims, ofPlan(plan, withDims(all, state.known.dims)));
    NamedTensor onto =
        state.known ? tensors.arranged(state.known, dims) : NamedTensor();
    state.known = tensors.contract({weights, value}, dims, onto);
  }
  if (state.known)
    state.known = solve(tensors, matrix, state.known, reverse);
  NamedTensor reach =
      state.decay.apply(w, state.decay.fromStart(ReadAt::Before));
  state.reached = solve(tensors, matrix, withPrimedKeys(reach, keys), reverse);
}

/// S_C = whole S_0 + update S_0 + F, from chunk to chunk.
void Emitter::runOverChunks(NamedTensors &tensors, ChunkedState &state,
                            Value initial) {
  const StatePlan &plan = state.plan;
  ChunkDecay &decay = state.decay;
  NamedTensor first{initial, plan.dims};
  DimNames dims{Chunk};
  dims = withDims(dims, plan.dims);

  NamedTensor added;
  for (const NamedProduct &product : plan.added) {
    auto [key, value] = buildAdded(tensors, product, plan.keys);
    added = tensors.contract({decay.apply(key, decay.toEnd()), value}, dims,
                             added, {Row});
  }
  NamedTensor update;
  if (plan.lowRank) {
    NamedTensor u = decay.apply(state.u, decay.toEnd());
    if (state.known)
      added = tensors.contract({u, state.known}, dims, added);
    DimNames updateDims = withoutDims(withDims({Chunk}, u.dims), {Row});
    updateDims =
        withDims(updateDims, withoutDims(state.reached.dims, {Row, Chunk}));
    update = tensors.contract({u, state.reached}, updateDims);
  }
  NamedTensor whole = decay.apply({}, decay.whole());

  SmallVector<NamedTensor> sequences;
  for (NamedTensor sequence : {whole, added, update})
    if (sequence)
      sequences.push_back(sequence);
  if (sequences.empty()) {
    state.before = state.last = first;
    return;
  }
  // S_0 and one chunk of each of the sequences.
  auto next = [&](NamedTensor before, ArrayRef<NamedTensor> slices,
                  ArrayRef<DimName> dims) {
    SmallVector<NamedTensor> operands(slices);
    if (update) {
      NamedTensor moved = tensors.contract(
          {operands.back(), withPrimedKeys(before, plan.keys)}, dims);
      operands.back() = moved;
    }
    operands.insert(operands.begin(), before);
    return tensors.pointwise(
        operands, dims, [&](ImplicitLocOpBuilder &b, ValueRange v) {
          Value result = v.front();
          if (whole)
            result = arith::MulFOp::create(b, result, v[1]);
          for (Value term : v.drop_front(whole ? 2 : 1))
            result = arith::AddFOp::create(b, result, term);
          return result;
        });
  };
  if (!rows) {
    state.before = first;
    state.last = tensors.dropUnit(next(first, sequences, dims), Chunk);
    return;
  }
  auto results = tensors.recurrence(
      Chunk, op.getReverse(), sequences, {plan.dims}, first,
      [&](ArrayRef<NamedTensor> slices,
          ArrayRef<NamedTensor> states) -> SmallVector<NamedTensor> {
        return {states[0], next(states[0], slices, plan.dims)};
      });
  state.before = results[0];
  state.last = results[1];
}

//===----------------------------------------------------------------------===//
// Readouts
//===----------------------------------------------------------------------===//

/// [dims with Chunk, Row in the place of time].
NamedTensor Emitter::read(NamedTensors &tensors, ChunkedState &state,
                          const ReadTerm &term) {
  const StatePlan &plan = state.plan;
  NamedTensor q = build(tensors, term.read);
  DimNames dims(term.dims);
  dims.insert(dims.begin() + op.getDim(), {Chunk, Row});

  NamedTensor reach = state.decay.apply(q, state.decay.fromStart(term.at));
  NamedTensor result;
  for (const NamedProduct &added : plan.added) {
    auto [key, value] = buildAdded(tensors, added, term.keys);
    NamedTensor weights =
        scores(tensors, state.decay, q, key, term.keys, term.at);
    result =
        tensors.contract({weights, value.renamed(Row, Column)}, dims, result);
  }
  if (plan.lowRank) {
    NamedTensor weights =
        scores(tensors, state.decay, q, state.u, term.keys, term.at);
    if (state.known)
      result = tensors.contract({weights, state.known.renamed(Row, Column)},
                                dims, result);
    NamedTensor reached = state.reached.renamed(Row, Column);
    for (DimName key : plan.keys)
      reached = reached.renamed(primed(key), key);
    DimNames reachDims =
        withDims({Chunk, Row}, reach ? reach.dims : DimNames());
    reachDims = withDims(reachDims, withoutDims(reached.dims, {Column}));
    reachDims = withDims(reachDims, withoutDims(weights.dims, {Column}));
    NamedTensor onto = reach ? tensors.arranged(reach, reachDims)
                             : tensors.filled(reachDims, 1.0);
    reach = tensors.contract({weights, reached}, reachDims, onto);
  }
  result = tensors.contract({reach, state.before}, dims, result, term.keys);
  if (term.post.isOne())
    return result;
  return tensors.pointwise({result, build(tensors, term.post)}, dims,
                           [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
                             return arith::MulFOp::create(b, v[0], v[1]);
                           });
}

/// The sequence of a readout's value.
Value Emitter::readout(const ReadoutPlan &readout) {
  auto sum = [](ImplicitLocOpBuilder &b, ValueRange v) -> Value {
    return arith::AddFOp::create(b, v[0], v[1]);
  };
  // All terms are in terms of the first one's names.
  NamedTensor result;
  DimNames valueDims = readout.terms.front().dims;
  NamedTensors &tensors = tensorsOf[readout.terms.front().state];
  for (const ReadTerm &term : readout.terms) {
    NamedTensor next = read(tensorsOf[term.state], states[term.state], term);
    if (!result) {
      result = next;
      continue;
    }
    next.dims = result.dims;
    result = tensors.pointwise({result, next}, result.dims, sum);
  }
  result = tensors.join(result, Chunk, Row, Padded);
  if (tensors.getSize(Padded) == tensors.getSize(Time))
    result = result.renamed(Padded, Time);
  else
    result = tensors.slice(result, Padded, Time, 0);
  TimeProducts products(tensors, lifter, analysis.getDimensions(), op.getDim(),
                        Time);
  for (const auto &[product, dims] : readout.free) {
    NamedTensor next = products.build(product, dims, /*withTime=*/false);
    for (auto [from, to] : llvm::zip(dims, valueDims))
      next = next.renamed(from, to);
    result = tensors.pointwise({result, next}, result.dims, sum);
  }
  return result.value;
}

/// The sequence as one of this type.
static Value converted(OpBuilder &builder, Location loc, Value value,
                       RankedTensorType type) {
  if (value.getType() == type)
    return value;
  return tensor::CastOp::create(builder, loc, type, value);
}

SmallVector<Value> Emitter::run() {
  for (auto [index, initial] : llvm::enumerate(op.getStates()))
    tensorsOf.emplace_back(builder, op.getLoc(),
                           getElementTypeOrSelf(initial.getType()));
  for (auto [index, statePlan] : llvm::enumerate(plan.states)) {
    NamedTensors &tensors = tensorsOf[index];
    setSizes(tensors, index);
    states.push_back(
        {statePlan, buildDecay(tensors, statePlan), {}, {}, {}, {}, {}});
    if (statePlan.lowRank)
      solveLowRank(tensors, states.back());
    runOverChunks(tensors, states.back(), op.getStates()[index]);
  }
  for (auto [slice, output] : llvm::zip(op.getOutputSlices(), op.getOutputs()))
    lifter.setSequence(slice, output);
  for (const ReadoutPlan &plan : plan.readouts)
    lifter.setSequence(plan.value, readout(plan));
  SmallVector<Value> results;
  for (auto [value, result] :
       llvm::zip(op.getYieldedOutputs(), op.getOutputResults()))
    results.push_back(converted(builder, op.getLoc(), lifter.lift(value),
                                cast<RankedTensorType>(result.getType())));
  for (const ChunkedState &state : states)
    results.push_back(state.last.value);
  return results;
}

//===----------------------------------------------------------------------===//
// The rewrite
//===----------------------------------------------------------------------===//

/// Plans the form on a normalized copy of the recurrence, and hands both to
/// `use`.
static std::optional<NoForm>
withPlan(seq::RecurrenceOp op,
         function_ref<void(seq::RecurrenceOp, const StepAnalysis &,
                           const ChunkPlan &)>
             use) {
  OpBuilder builder(op);
  auto normal = cast<seq::RecurrenceOp>(builder.clone(*op));
  normalizeStep(normal);
  std::optional<NoForm> why;
  {
    StepAnalysis analysis(normal);
    builder.setInsertionPoint(normal);
    TimeLifter lifter(normal, analysis.getDimensions(), builder);
    auto planned = planChunks(normal, analysis, lifter);
    if (auto *refused = std::get_if<NoForm>(&planned))
      why = *refused;
    else
      use(normal, analysis, std::get<ChunkPlan>(planned));
  }
  normal.erase();
  return why;
}

static std::optional<NoForm> rewrite(seq::RecurrenceOp op,
                                     std::optional<int64_t> rows) {
  SmallVector<Value> results;
  std::optional<NoForm> why =
      withPlan(op, [&](seq::RecurrenceOp normal, const StepAnalysis &analysis,
                       const ChunkPlan &plan) {
        OpBuilder builder(normal);
        TimeLifter lifter(normal, analysis.getDimensions(), builder);
        results = Emitter(normal, analysis, lifter, builder, plan, rows).run();
      });
  if (why)
    return why;
  op->replaceAllUsesWith(results);
  op.erase();
  return std::nullopt;
}

std::optional<NoForm> seqc::findWhyNotChunked(seq::RecurrenceOp op) {
  return withPlan(
      op, [](seq::RecurrenceOp, const StepAnalysis &, const ChunkPlan &) {});
}

std::optional<NoForm> seqc::rewriteInChunks(seq::RecurrenceOp op,
                                            int64_t rows) {
  return rewrite(op, rows);
}

std::optional<NoForm> seqc::rewriteAsQuadratic(seq::RecurrenceOp op) {
  return rewrite(op, std::nullopt);
}
