//===- SessionStates.cpp - the states inside of functions -----------------===//

#include "SessionStates.h"

#include "CausalCheck.h"
#include "StepStates.h"

using namespace mlir;
using namespace seqc;

SessionStates::SessionStates(ModuleOp module) : users(symbols, module) {}

bool seqc::isProgramElement(Type type) {
  // Integers are signless in computations; ui8 is the one type of bytes.
  return type.isF32() || type.isF64() || type.isF16() || type.isBF16() ||
         type.isSignlessInteger(1) || type.isSignlessInteger(8) ||
         type.isUnsignedInteger(8) || type.isSignlessInteger(32) ||
         type.isSignlessInteger(64);
}

/// +0.0 or 0, as memory that nobody has written to yet.
static bool isZero(TypedAttr value) {
  if (auto number = dyn_cast<FloatAttr>(value))
    return number.getValue().isPosZero();
  auto number = dyn_cast<IntegerAttr>(value);
  return number && number.getValue().isZero();
}

FailureOr<const FunctionStates *> SessionStates::collect(func::FuncOp function,
                                                         Refuse refuse) {
  if (auto it = known.find(function); it != known.end())
    return it->second.get();
  if (!open.insert(function).second)
    return refuse(function) << "@" << function.getName() << " calls itself";
  auto states = std::make_unique<FunctionStates>();
  LogicalResult result = collect(function.getBody().front(), *states, refuse);
  open.erase(function);
  if (failed(result))
    return failure();
  if (!states->hidden.empty())
    for (Operation *user : users.getUsers(function))
      if (!isa<func::CallOp>(user))
        return refuse(user)
               << "@" << function.getName() << " is not only called";
  return (known[function] = std::move(states)).get();
}

LogicalResult SessionStates::addState(OpOperand &initial, Value last,
                                      StringRef name, FunctionStates &states,
                                      Refuse refuse) {
  Operation *op = initial.getOwner();
  SmallVector<bool> &isHidden = hiddenAt[op];
  auto type = cast<RankedTensorType>(initial.get().getType());
  // A window of no elements, as of a convolution with one tap.
  if (type.hasStaticShape() && type.getNumElements() == 0) {
    isHidden.push_back(false);
    return success();
  }
  FailureOr<StateOrigin> origin =
      findStateOrigin(initial.get(), last, op, refuse);
  if (failed(origin))
    return failure();
  isHidden.push_back(origin->initial != nullptr);
  if (!origin->initial) {
    if (!origin->result)
      return refuse(op) << "argument #" << *origin->argument
                        << " holds the initial state, a " << type
                        << ", but no result holds the last one";
    handedOn.insert(&initial);
    for (FunctionStates::Carried &carried : states.carried)
      if (carried.argument == *origin->argument)
        return success();
    states.carried.push_back({*origin->argument, *origin->result, name});
    return success();
  }
  if (!isZero(origin->initial))
    return refuse(op) << "the initial state is " << origin->initial
                      << "; the states of a program start as zeros";
  if (!type.hasStaticShape())
    return refuse(op) << "the size of the state, a " << type
                      << ", is not known";
  if (!isProgramElement(type.getElementType()))
    return refuse(op) << "a program has no states of type " << type;
  states.hidden.push_back({type, name});
  return success();
}

/// What seq.cached_attention would carry.
void SessionStates::addCache(seq::AttentionOp op, FunctionStates &states) {
  HiddenState keys{op.getKey().getType(), "keys"},
      values{op.getValue().getType(), "values"};
  keys.toPosition = 2;
  values.toPosition = 1;
  keys.most = values.most = op.getMask().getReach().value_or(0);
  states.hidden.push_back(keys);
  states.hidden.push_back(values);
  auto i64 = IntegerType::get(op.getContext(), 64);
  states.hidden.push_back({RankedTensorType::get({1}, i64), "position"});
}

LogicalResult SessionStates::collectCall(func::CallOp call,
                                         FunctionStates &states,
                                         Refuse refuse) {
  func::FuncOp callee = getCallee(call, symbols);
  if (!callee)
    return success();
  FailureOr<const FunctionStates *> inner = collect(callee, refuse);
  if (failed(inner))
    return failure();
  states.runsThroughTime |= (*inner)->runsThroughTime;
  for (const FunctionStates::Carried &carried : (*inner)->carried)
    if (failed(addState(call->getOpOperand(carried.argument),
                        call.getResult(carried.result), carried.name, states,
                        refuse)))
      return failure();
  llvm::append_range(states.hidden, (*inner)->hidden);
  return success();
}

LogicalResult SessionStates::collectLoop(scf::ForOp loop,
                                         FunctionStates &states,
                                         Refuse refuse) {
  FunctionStates inner;
  if (failed(collect(*loop.getBody(), inner, refuse)))
    return failure();
  states.runsThroughTime |= inner.runsThroughTime;
  for (FunctionStates::Carried &carried : inner.carried)
    if (llvm::none_of(states.carried, [&](FunctionStates::Carried &other) {
          return other.argument == carried.argument;
        }))
      states.carried.push_back(carried);
  std::optional<APInt> count = loop.getStaticTripCount();
  if (!inner.hidden.empty() && !count)
    return refuse(loop) << "the loop has states, but not a constant number of "
                           "iterations";
  for (const HiddenState &state : inner.hidden) {
    SmallVector<int64_t> shape(state.type.getShape());
    shape.insert(shape.begin(), count->getSExtValue());
    HiddenState stack = state;
    stack.type = state.type.clone(shape);
    states.hidden.push_back(stack);
  }
  hiddenInLoop[loop] = std::move(inner.hidden);
  return success();
}

/// An operation whose regions are not looked into must have no states there.
LogicalResult SessionStates::checkOther(Operation &op, Refuse refuse) {
  return success(!op.walk([&](Operation *nested) {
                      bool runs = isa<seq::TemporalOpInterface>(nested);
                      if (auto attention = dyn_cast<seq::AttentionOp>(nested))
                        runs = attention.canStream();
                      if (auto call = dyn_cast<func::CallOp>(nested))
                        if (func::FuncOp callee = getCallee(call, symbols)) {
                          FailureOr<const FunctionStates *> inner =
                              collect(callee, refuse);
                          if (failed(inner))
                            return WalkResult::interrupt();
                          runs = (*inner)->runsThroughTime;
                        }
                      if (!runs)
                        return WalkResult::advance();
                      refuse(nested) << "recurrences are expected in a "
                                        "function or an scf.for, not in "
                                     << op.getName();
                      return WalkResult::interrupt();
                    }).wasInterrupted());
}

LogicalResult SessionStates::collect(Block &block, FunctionStates &states,
                                     Refuse refuse) {
  for (Operation &op : block) {
    size_t before = states.hidden.size();
    hiddenAt.erase(&op);
    if (auto temporal = dyn_cast<seq::TemporalOpInterface>(op)) {
      states.runsThroughTime = true;
      if (temporal.getReverse())
        return refuse(&op) << "it runs from the last time to the first";
      for (const seq::CarriedState &state : temporal.getCarriedStates())
        if (failed(addState(*state.initial, state.final, state.name, states,
                            refuse)))
          return failure();
    } else if (auto attention = dyn_cast<seq::AttentionOp>(op);
               attention && attention.canStream()) {
      states.runsThroughTime = true;
      addCache(attention, states);
    } else if (auto call = dyn_cast<func::CallOp>(op)) {
      if (failed(collectCall(call, states, refuse)))
        return failure();
    } else if (auto loop = dyn_cast<scf::ForOp>(op)) {
      if (failed(collectLoop(loop, states, refuse)))
        return failure();
    } else if (failed(checkOther(op, refuse))) {
      return failure();
    }
    MutableArrayRef<HiddenState> added(states.hidden);
    for (auto [number, state] : llvm::enumerate(added.drop_front(before))) {
      state.anchor = &op;
      state.number = number;
    }
  }
  return success();
}

LogicalResult SessionStates::checkCausal(func::FuncOp function,
                                         Refuse refuse) {
  CausalCheck check(
      symbols, handedOn,
      [&](func::FuncOp callee, Refuse refuse) -> FailureOr<bool> {
        FailureOr<const FunctionStates *> states = collect(callee, refuse);
        if (failed(states))
          return failure();
        return (*states)->runsThroughTime;
      },
      [](func::FuncOp, const TimeDimensions &, Refuse) { return success(); });
  return check.run(function, refuse);
}
