//===- SeqExposeStates.cpp - states as arguments and results --------------===//

#include "SessionStates.h"

#include "seqc/Rewrite/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"

namespace seqc {
#define GEN_PASS_DEF_SEQEXPOSESTATES
#include "seqc/Rewrite/Passes.h.inc"
} // namespace seqc

using namespace mlir;
using namespace seqc;

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

namespace {
/// Gives states their names. Functions share a state where they compute it in
/// the same way from arguments of the same names. Callees must be named before
/// their callers.
class StateNames {
public:
  StateNames(ModuleOp module, SessionStates &states) : states(states) {
    for (auto function : module.getOps<func::FuncOp>())
      for (unsigned i = 0; i < function.getNumArguments(); ++i)
        if (auto name = function.getArgAttrOfType<StringAttr>(i, "seq.name"))
          taken.insert(name.getValue());
  }

  SmallVector<std::string> name(func::FuncOp function,
                                ArrayRef<HiddenState> states) {
    SmallVector<std::string> names;
    for (const HiddenState &state : states)
      names.push_back(find(function, state, names));
    for (auto [state, name] : llvm::zip(states, names))
      known.push_back({function, state, name});
    return names;
  }

private:
  struct Known {
    func::FuncOp function;
    HiddenState state;
    std::string name;
  };

  std::string find(func::FuncOp function, const HiddenState &state,
                   ArrayRef<std::string> used) {
    if (std::optional<std::string> name = findInCallee(function, state))
      return *name;
    for (const Known &other : known)
      if (other.function != function && other.state.type == state.type &&
          other.state.number == state.number &&
          !llvm::is_contained(used, other.name) &&
          isSame(other.state.anchor, other.function, state.anchor, function))
        return other.name;
    std::string name;
    do {
      name = (state.name + Twine(count[state.name]++)).str();
    } while (taken.contains(name));
    return name;
  }

  /// The name in a named function that is called with the function's arguments.
  std::optional<std::string> findInCallee(func::FuncOp function,
                                          const HiddenState &state) {
    auto call = dyn_cast<func::CallOp>(state.anchor);
    func::FuncOp callee =
        call ? getCallee(call, states.getSymbols()) : func::FuncOp();
    unsigned own = llvm::count(states.isHidden(state.anchor), true);
    if (!callee || state.number < own)
      return {};
    for (auto [i, operand] : llvm::enumerate(call.getOperands())) {
      auto argument = dyn_cast<BlockArgument>(operand);
      if (!argument ||
          !isSameArgument(callee.getArgument(i), callee, argument, function))
        return {};
    }
    const HiddenState &inner = states.get(callee).hidden[state.number - own];
    for (const Known &other : known)
      if (other.function == callee && other.state.anchor == inner.anchor &&
          other.state.number == inner.number)
        return other.name;
    return {};
  }

  static bool isSameArgument(BlockArgument a, func::FuncOp ofA, BlockArgument b,
                             func::FuncOp ofB) {
    if (a.getOwner() != &ofA.getBody().front() ||
        b.getOwner() != &ofB.getBody().front() || a.getType() != b.getType())
      return false;
    Attribute nameA = ofA.getArgAttr(a.getArgNumber(), "seq.name"),
              nameB = ofB.getArgAttr(b.getArgNumber(), "seq.name");
    return nameA == nameB && (nameA || a.getArgNumber() == b.getArgNumber());
  }

  /// Whether two operations are the same computation in two functions.
  bool isSame(Operation *a, func::FuncOp ofA, Operation *b, func::FuncOp ofB) {
    DenseMap<Value, Value> equal;
    std::function<bool(Operation *, Operation *)> compare;
    auto compareValues = [&](Value x, Value y) {
      if (auto it = equal.find(x); it != equal.end())
        return success(it->second == y);
      if (auto result = dyn_cast<OpResult>(x)) {
        auto other = dyn_cast<OpResult>(y);
        return success(other &&
                       other.getResultNumber() == result.getResultNumber() &&
                       compare(result.getOwner(), other.getOwner()));
      }
      auto other = dyn_cast<BlockArgument>(y);
      return success(other &&
                     isSameArgument(cast<BlockArgument>(x), ofA, other, ofB));
    };
    compare = [&](Operation *x, Operation *y) {
      return OperationEquivalence::isEquivalentTo(
          x, y, compareValues, [&](Value v, Value w) { equal[v] = w; },
          OperationEquivalence::IgnoreLocations);
    };
    return compare(a, b);
  }

  SessionStates &states;
  llvm::StringSet<> taken;
  llvm::StringMap<unsigned> count;
  SmallVector<Known> known;
};

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

/// Threads the hidden states through functions.
class StateThreader {
public:
  StateThreader(SessionStates &states, MLIRContext *context)
      : states(states), rewriter(context) {}

  /// Adds the hidden states to the arguments and results of a function. Its
  /// callees have been rewritten.
  void rewrite(func::FuncOp function, ArrayRef<HiddenState> hidden) {
    Block &body = function.getBody().front();
    SmallVector<Value> values;
    for (const HiddenState &state : hidden) {
      unsigned number = function.getNumArguments();
      (void)function.insertArgument(number, state.type, {}, function.getLoc());
      values.push_back(body.getArgument(number));
    }
    thread(body, values);
    Operation *end = body.getTerminator();
    for (auto [state, last] : llvm::zip(hidden, values)) {
      (void)function.insertResult(function.getNumResults(), state.type, {});
      end->insertOperands(end->getNumOperands(), last);
    }
  }

  /// Calls the function with states of zeros, the last ones unused.
  void callWithZeros(func::CallOp call, ArrayRef<HiddenState> hidden) {
    rewriter.setInsertionPoint(call);
    SmallVector<Value> zeros;
    for (const HiddenState &state : hidden)
      zeros.push_back(arith::ConstantOp::create(
          rewriter, call.getLoc(),
          cast<TypedAttr>(rewriter.getZeroAttr(state.type))));
    replaceCall(call, call.getOperands(), zeros);
  }

private:
  /// Operations take their states from `values` and leave the last ones there.
  void thread(Block &block, MutableArrayRef<Value> values) {
    for (Operation &op : llvm::make_early_inc_range(block)) {
      if (auto temporal = dyn_cast<seq::TemporalOpInterface>(op)) {
        for (auto [state, isHidden] :
             llvm::zip_equal(temporal.getCarriedStates(), states.isHidden(&op)))
          if (isHidden) {
            state.initial->set(values.front());
            values.front() = state.final;
            values = values.drop_front();
          }
      } else if (auto attention = dyn_cast<seq::AttentionOp>(op)) {
        threadAttention(attention, values);
      } else if (auto call = dyn_cast<func::CallOp>(op)) {
        threadCall(call, values);
      } else if (auto loop = dyn_cast<scf::ForOp>(op)) {
        threadLoop(loop, values);
      }
    }
  }

  void threadAttention(seq::AttentionOp op, MutableArrayRef<Value> &values) {
    if (!op.canStream())
      return;
    rewriter.setInsertionPoint(op);
    auto cached = seq::CachedAttentionOp::create(
        rewriter, op.getLoc(), op.getOutput().getType(), values[0].getType(),
        values[1].getType(), values[2].getType(), op.getQuery(), op.getKey(), op.getValue(),
        values[0], values[1], values[2], op.getMask(), op.getScale());
    for (auto [value, last] :
         llvm::zip(values, cached.getResults().drop_front()))
      value = last;
    values = values.drop_front(cached.getNumResults() - 1);
    rewriter.replaceOp(op, cached.getOutput());
  }

  func::CallOp replaceCall(func::CallOp call, ValueRange operands,
                           ValueRange added) {
    SmallVector<Value> all(operands);
    llvm::append_range(all, added);
    SmallVector<Type> types(call.getResultTypes());
    llvm::append_range(types, added.getTypes());
    rewriter.setInsertionPoint(call);
    auto replacement = func::CallOp::create(rewriter, call.getLoc(),
                                            call.getCallee(), types, all);
    replacement->setDiscardableAttrs(call->getDiscardableAttrDictionary());
    rewriter.replaceOp(
        call, replacement.getResults().take_front(call.getNumResults()));
    return replacement;
  }

  void threadCall(func::CallOp call, MutableArrayRef<Value> &values) {
    func::FuncOp callee = getCallee(call, states.getSymbols());
    if (!callee)
      return;
    const FunctionStates &inner = states.get(callee);
    SmallVector<bool> isHidden(states.isHidden(call));
    SmallVector<Value> operands(call.getOperands());
    unsigned next = 0;
    for (auto [carried, hidden] : llvm::zip_equal(inner.carried, isHidden))
      if (hidden)
        operands[carried.argument] = values[next++];
    unsigned count = inner.hidden.size();
    if (next == 0 && count == 0)
      return;
    unsigned numResults = call.getNumResults();
    call = replaceCall(call, operands, ValueRange(values.slice(next, count)));
    next = 0;
    for (auto [carried, hidden] : llvm::zip_equal(inner.carried, isHidden))
      if (hidden)
        values[next++] = call.getResult(carried.result);
    for (Value last : call.getResults().drop_front(numResults))
      values[next++] = last;
    values = values.drop_front(next);
  }

  /// The loop carries the states of all iterations; each takes its part out of
  /// them and puts the last state back at the same place.
  void threadLoop(scf::ForOp loop, MutableArrayRef<Value> &values) {
    ArrayRef<HiddenState> hidden = states.getInLoop(loop);
    if (hidden.empty())
      return;
    rewriter.setInsertionPoint(loop);
    SmallVector<Value> stacks(values.take_front(hidden.size()));
    unsigned numResults = loop.getNumResults();
    auto replacement = cast<scf::ForOp>(*loop.replaceWithAdditionalYields(
        rewriter, stacks, /*replaceInitOperandUsesInLoop=*/false,
        [&](OpBuilder &, Location, ArrayRef<BlockArgument> carried) {
          return threadIteration(loop, hidden, carried);
        }));
    for (auto [value, last] :
         llvm::zip(values, replacement.getResults().drop_front(numResults)))
      value = last;
    values = values.drop_front(hidden.size());
  }

  SmallVector<Value> threadIteration(scf::ForOp loop,
                                     ArrayRef<HiddenState> hidden,
                                     ArrayRef<BlockArgument> carried) {
    Location loc = loop.getLoc();
    OpBuilder b = OpBuilder::atBlockBegin(loop.getBody());
    Value iteration = loop.getInductionVar();
    if (!isConstantIntValue(loop.getLowerBound(), 0))
      iteration =
          arith::SubIOp::create(b, loc, iteration, loop.getLowerBound());
    if (!isConstantIntValue(loop.getStep(), 1))
      iteration = arith::DivUIOp::create(b, loc, iteration, loop.getStep());
    if (!iteration.getType().isIndex())
      iteration =
          arith::IndexCastOp::create(b, loc, b.getIndexType(), iteration);

    struct Place {
      SmallVector<OpFoldResult> offsets, sizes, strides;
    };
    SmallVector<Place> places;
    SmallVector<Value> parts;
    for (auto [state, stack] : llvm::zip_equal(hidden, carried)) {
      unsigned rank = state.type.getRank() + 1;
      Place place;
      place.offsets.assign(rank, b.getIndexAttr(0));
      place.offsets[0] = iteration;
      place.sizes = {b.getIndexAttr(1)};
      for (unsigned dim = 1; dim < rank; ++dim)
        place.sizes.push_back(tensor::getMixedSize(b, loc, stack, dim));
      place.strides.assign(rank, b.getIndexAttr(1));
      parts.push_back(tensor::ExtractSliceOp::create(b, loc, state.type, stack,
                                                     place.offsets, place.sizes,
                                                     place.strides));
      places.push_back(std::move(place));
    }
    thread(*loop.getBody(), parts);
    b.setInsertionPoint(loop.getBody()->getTerminator());
    SmallVector<Value> yielded;
    for (auto [place, part, stack] : llvm::zip_equal(places, parts, carried))
      yielded.push_back(tensor::InsertSliceOp::create(
          b, loc, part, stack, place.offsets, place.sizes, place.strides));
    return yielded;
  }

  SessionStates &states;
  IRRewriter rewriter;
};

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

struct SeqExposeStates : seqc::impl::SeqExposeStatesBase<SeqExposeStates> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SessionStates states(module);
    SetVector<func::FuncOp> exposed;
    for (auto function : module.getOps<func::FuncOp>())
      if (function.isPublic() && !function.isExternal() &&
          isExposable(function, states))
        exposed.insert(function);
    keepPublicCallees(exposed, states);
    keepSharedCaches(module, exposed, states);

    // Callees first.
    SetVector<func::FuncOp> order;
    for (func::FuncOp function : exposed)
      addCallees(function, states, order);

    StateNames names(module, states);
    SmallVector<std::pair<func::FuncOp, SmallVector<std::string>>> named;
    for (func::FuncOp function : order)
      if (exposed.contains(function))
        named.emplace_back(function,
                           names.name(function, states.get(function).hidden));

    StateThreader threader(states, &getContext());
    for (func::FuncOp function : order)
      threader.rewrite(function, states.get(function).hidden);
    SmallVector<func::CallOp> others;
    for (auto function : module.getOps<func::FuncOp>())
      if (!order.contains(function))
        function.walk([&](func::CallOp call) { others.push_back(call); });
    for (func::CallOp call : others)
      if (func::FuncOp callee = getCallee(call, states.getSymbols()))
        if (order.contains(callee))
          threader.callWithZeros(call, states.get(callee).hidden);

    for (auto &[function, stateNames] : named) {
      function->setAttr("seq.causal", UnitAttr::get(&getContext()));
      unsigned argument = function.getNumArguments() - stateNames.size();
      unsigned result = function.getNumResults() - stateNames.size();
      for (auto [i, name] : llvm::enumerate(stateNames)) {
        auto attribute = StringAttr::get(&getContext(), name);
        function.setArgAttr(argument + i, "seq.state", attribute);
        function.setResultAttr(result + i, "seq.state", attribute);
        const HiddenState &state = states.get(function).hidden[i];
        if (state.toPosition)
          function.setArgAttr(
              argument + i, "seq.position",
              StringAttr::get(&getContext(), stateNames[i + state.toPosition]));
        if (state.most)
          function.setArgAttr(
              argument + i, "seq.most",
              IntegerAttr::get(IntegerType::get(&getContext(), 64), state.most));
      }
    }
  }

  static bool isExposable(func::FuncOp function, SessionStates &states) {
    auto refuse = [&](Operation *op) {
      return op->emitRemark("the states of @")
             << function.getName() << " stay inside: ";
    };
    FailureOr<const FunctionStates *> found = states.collect(function, refuse);
    if (failed(found) || (*found)->hidden.empty())
      return false;
    if (!(*found)->carried.empty()) {
      refuse(function) << "argument #" << (*found)->carried.front().argument
                       << " is a state already";
      return false;
    }
    return succeeded(states.checkCausal(function, refuse));
  }

  /// A public function keeps its arguments, and so must those who call it keep
  /// its states inside, unless its own states are exposed.
  static void keepPublicCallees(SetVector<func::FuncOp> &exposed,
                                SessionStates &states) {
    bool changed = true;
    while (std::exchange(changed, false)) {
      exposed.remove_if([&](func::FuncOp function) {
        SetVector<func::FuncOp> callees;
        addCallees(function, states, callees);
        for (func::FuncOp callee : callees)
          if (callee.isPublic() && callee != function &&
              !exposed.contains(callee)) {
            function.emitRemark("the states of @")
                << function.getName() << " stay inside: it calls @"
                << callee.getName() << ", whose states do";
            return changed = true;
          }
        return false;
      });
    }
  }

  /// Where a function stays as it is, its callees cannot get caches: nothing
  /// says how large they would have to be.
  static void keepSharedCaches(ModuleOp module, SetVector<func::FuncOp> &exposed,
                               SessionStates &states) {
    auto hasCache = [&](func::FuncOp function) {
      return llvm::any_of(states.get(function).hidden, [](const HiddenState &s) {
        return !s.type.hasStaticShape();
      });
    };
    bool changed = true;
    while (std::exchange(changed, false)) {
      SetVector<func::FuncOp> order, shared;
      for (func::FuncOp function : exposed)
        addCallees(function, states, order);
      for (auto function : module.getOps<func::FuncOp>())
        if (!order.contains(function))
          function.walk([&](func::CallOp call) {
            func::FuncOp callee = getCallee(call, states.getSymbols());
            if (callee && order.contains(callee) && hasCache(callee))
              shared.insert(callee);
          });
      exposed.remove_if([&](func::FuncOp function) {
        SetVector<func::FuncOp> callees;
        addCallees(function, states, callees);
        for (func::FuncOp callee : callees)
          if (shared.contains(callee)) {
            function.emitRemark("the states of @")
                << function.getName() << " stay inside: it shares @"
                << callee.getName() << " with a function whose states do";
            return changed = true;
          }
        return false;
      });
    }
  }

  /// Adds the function and the callees that have hidden states, callees first.
  static void addCallees(func::FuncOp function, SessionStates &states,
                         SetVector<func::FuncOp> &order) {
    if (order.contains(function) || states.get(function).hidden.empty())
      return;
    function.walk([&](func::CallOp call) {
      if (func::FuncOp callee = getCallee(call, states.getSymbols()))
        addCallees(callee, states, order);
    });
    order.insert(function);
  }
};
} // namespace
