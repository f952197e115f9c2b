//===- FormChoice.cpp - which form a recurrence takes --------------------===//

#include "seqc/Rewrite/FormChoice.h"

#include "BlockScan.h"
#include "ChunkForm.h"
#include "ScanForm.h"

#include "seqc/Analysis/StepAnalysis.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/StringExtras.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace seqc;

/// The part of the sequential form's time that another one has to save.
static constexpr double kMargin = 0.5;

llvm::StringRef seqc::getName(Form form) {
  static constexpr llvm::StringLiteral names[] = {"sequential", "chunked",
                                                  "scan", "quadratic"};
  return names[static_cast<size_t>(form)];
}

std::optional<Form> seqc::getForm(llvm::StringRef name) {
  for (Form form : kForms)
    if (getName(form) == name)
      return form;
  return std::nullopt;
}

/// The times in a chunk: enough to fill matrix products, few enough that the
/// work inside of chunks, which grows with it, is not more than that between
/// them.
static constexpr int64_t kChunk = 64;

/// The blocks of a scan, for all cores to have some, and the rows of a matrix
/// that a step may be.
static constexpr int64_t kBlocks = 16, kMatrix = 16;

/// The operations that take the place of one.
class Place {
public:
  explicit Place(Operation *op)
      : block(op->getBlock()), before(op->getPrevNode()),
        after(op->getNextNode()) {}
  SmallVector<Operation *> getOperations() const {
    SmallVector<Operation *> operations;
    for (Operation *op = before ? before->getNextNode() : &block->front();
         op != after; op = op->getNextNode())
      operations.push_back(op);
    return operations;
  }

private:
  Block *block;
  Operation *before, *after;
};

static LogicalResult rewriteAsBlockScan(seq::RecurrenceOp op,
                                        std::string &reason) {
  Place place(op);
  if (failed(rewriteAsScan(op, kMatrix, reason)))
    return failure();
  for (Operation *made : place.getOperations())
    if (auto scan = dyn_cast<seq::ScanOp>(made);
        scan && scan.getAssociative()) {
      BlockScan blocks(scan, kBlocks);
      // One that stays is run in order.
      if (blocks.canLift())
        blocks.runBlocks();
    }
  return success();
}

static LogicalResult toResult(std::optional<NoForm> why, std::string &reason) {
  if (!why)
    return success();
  reason = std::move(why->reason);
  return failure();
}

FormRewrite seqc::getRewrite(Form form) {
  switch (form) {
  case Form::Sequential:
    return [](seq::RecurrenceOp, std::string &) { return success(); };
  case Form::Chunked:
    return [](seq::RecurrenceOp op, std::string &reason) {
      return toResult(rewriteInChunks(op, kChunk), reason);
    };
  case Form::Quadratic:
    return [](seq::RecurrenceOp op, std::string &reason) {
      return toResult(rewriteAsQuadratic(op), reason);
    };
  case Form::Scan:
    return &rewriteAsBlockScan;
  }
  llvm_unreachable("unknown form");
}

/// Whether the next state is a state, or a window that moves on: nothing is
/// computed.
static bool isOnlyMoved(const StateInfo &info) {
  if (info.cls == StepClass::Constant || info.cls == StepClass::Free)
    return true;
  return info.cls == StepClass::Affine &&
         llvm::all_of(info.next.terms, [](const Term &term) {
           return !term.state || (term.factors.empty() && term.scale == 1 &&
                                  term.sizes.size() == term.rank);
         });
}

/// Hands the analysis of a normalized copy to `use`.
static void withAnalysis(seq::RecurrenceOp op,
                         llvm::function_ref<void(const StepAnalysis &)> use) {
  OpBuilder builder(op);
  auto copy = cast<seq::RecurrenceOp>(builder.clone(*op));
  normalizeStep(copy);
  use(StepAnalysis(copy));
  copy.erase();
}

bool seqc::mayHaveForms(seq::RecurrenceOp op) {
  auto isFloat = [](Value state) {
    return isa<FloatType>(getElementTypeOrSelf(state.getType()));
  };
  if (llvm::none_of(op.getStates(), isFloat))
    return false;
  bool mayHave = false;
  withAnalysis(op, [&](const StepAnalysis &analysis) {
    for (auto [state, info] : llvm::zip(op.getStates(), analysis.getStates()))
      mayHave |= isFloat(state) && !isOnlyMoved(info);
  });
  return mayHave;
}

/// "state 0: diagonal", and why it is no better.
static std::vector<std::string> describeStates(seq::RecurrenceOp op) {
  std::vector<std::string> lines;
  withAnalysis(op, [&](const StepAnalysis &analysis) {
    for (auto [number, info] : llvm::enumerate(analysis.getStates())) {
      std::string line =
          "state " + std::to_string(number) + ": " + stringify(info.cls).str();
      if (!info.reason.empty())
        line += ", it " + info.reason;
      lines.push_back(std::move(line));
    }
  });
  return lines;
}

/// Rewrites a copy of the recurrence, in a copy of its function in a module of
/// its own: what the function says of the operands counts, and nothing else
/// changes.
static FormVerdict tryForm(seq::RecurrenceOp op, Form form,
                           const Machine &machine, double state) {
  FormVerdict verdict;
  auto function = op->getParentOfType<func::FuncOp>();
  if (!function) {
    verdict.reason = "is in no function";
    return verdict;
  }
  OwningOpRef<ModuleOp> module = ModuleOp::create(function.getLoc());
  IRMapping map;
  module->push_back(function->clone(map));
  auto copy = cast<seq::RecurrenceOp>(map.lookup(op.getOperation()));
  Place place(copy);
  // What a try says is no message of the compilation.
  ScopedDiagnosticHandler quiet(op.getContext(),
                                [](Diagnostic &) { return success(); });
  if (failed(getRewrite(form)(copy, verdict.reason)))
    return verdict;
  verdict.admissible = true;
  verdict.cost = getCost(place.getOperations(), machine);
  // Recurrences that a form is made of have states of their own, which end with
  // it.
  verdict.cost.state = state;
  return verdict;
}

/// The fewest times that a form is made for: fewer than a chunk are padded, and
/// a scan of few has no blocks.
static int64_t fewestTimes(Form form) {
  return form == Form::Chunked ? kChunk
         : form == Form::Scan  ? kBlocks * kBlocks
                               : 0;
}

/// The best admissible form for n times.
static Form bestAt(const FormChoice &choice, int64_t n) {
  Form best = Form::Sequential;
  double least = choice[best].cost.seconds(n) * (1 - kMargin);
  for (Form form : kForms)
    if (form != Form::Sequential && choice[form].admissible &&
        n >= fewestTimes(form) && choice[form].cost.seconds(n) < least) {
      best = form;
      least = choice[form].cost.seconds(n);
    }
  return best;
}

/// Ranges of one form, each found by halving between two powers of two.
static std::vector<FormRange> findRanges(const FormChoice &choice) {
  std::vector<FormRange> ranges{{0, bestAt(choice, 1)}};
  for (int64_t low = 1; low < kLongest; low *= 2) {
    int64_t high = low * 2;
    if (bestAt(choice, high) == ranges.back().form)
      continue;
    int64_t left = low;
    while (high - left > 1) {
      int64_t middle = left + (high - left) / 2;
      (bestAt(choice, middle) == ranges.back().form ? left : high) = middle;
    }
    ranges.push_back({high, bestAt(choice, high)});
  }
  return ranges;
}

FormChoice seqc::chooseForm(seq::RecurrenceOp op, const Machine &machine) {
  FormChoice choice;
  choice.states = describeStates(op);
  FormVerdict &sequential = choice.verdicts.front();
  sequential.admissible = true;
  sequential.cost = getCost(op.getOperation(), machine);
  bool mayHave = mayHaveForms(op);
  for (Form form : kForms) {
    FormVerdict &verdict = choice.verdicts[static_cast<size_t>(form)];
    if (form != Form::Sequential && mayHave)
      verdict = tryForm(op, form, machine, sequential.cost.state);
    else if (form != Form::Sequential)
      verdict.reason = "only counts, shifts or keeps its states";
  }
  for (Form from : kForms)
    for (Form to : kForms) {
      if (from >= to || !choice[from].admissible || !choice[to].admissible)
        continue;
      const Cost &a = choice[from].cost, &b = choice[to].cost;
      bool isFaster = b.seconds(1) < a.seconds(1);
      for (int64_t length : getCrossovers(a, b)) {
        isFaster = !isFaster;
        choice.crossovers.push_back(
            {isFaster ? from : to, isFaster ? to : from, length});
      }
    }
  choice.ranges = findRanges(choice);
  return choice;
}

//===----------------------------------------------------------------------===//
// Application
//===----------------------------------------------------------------------===//

/// "diagonal, nonlinear": the classes of the states.
static std::string listClasses(seq::RecurrenceOp op) {
  std::string text;
  withAnalysis(op, [&](const StepAnalysis &analysis) {
    text = llvm::join(llvm::map_range(analysis.getStates(),
                                      [](const StateInfo &info) {
                                        return stringify(info.cls).str();
                                      }),
                      ", ");
  });
  return text;
}

static LogicalResult rewriteTo(Form form, seq::RecurrenceOp op) {
  std::string reason;
  if (succeeded(getRewrite(form)(op, reason)))
    return success();
  return op.emitOpError() << "has no " << getName(form) << " form: it "
                          << reason
                          << " (classes of its states: " << listClasses(op)
                          << ")";
}

/// A copy of the recurrence at the builder, in its form, and a yield of its
/// results. Those that were not computed in the destinations are copied there:
/// both branches then give their results in one buffer.
static LogicalResult buildBranch(OpBuilder &builder, seq::RecurrenceOp op,
                                 Form form) {
  Location loc = op.getLoc();
  auto copy = cast<seq::RecurrenceOp>(builder.clone(*op));
  auto yield = scf::YieldOp::create(builder, loc, copy.getResults());
  if (form == Form::Sequential)
    return success();
  if (failed(rewriteTo(form, copy)))
    return failure();
  builder.setInsertionPoint(yield);
  auto destinations = llvm::concat<Value>(SmallVector<Value>(op.getOutputs()),
                                          SmallVector<Value>(op.getStates()));
  for (auto [result, destination] :
       llvm::zip(yield->getOpOperands(), destinations))
    result.set(linalg::CopyOp::create(builder, loc, result.get(), destination)
                   ->getResult(0));
  return success();
}

LogicalResult seqc::applyForms(seq::RecurrenceOp op,
                               ArrayRef<FormRange> ranges) {
  if (ranges.size() == 1)
    return rewriteTo(ranges.front().form, op);
  OpBuilder builder(op);
  Location loc = op.getLoc();
  Value times =
      tensor::DimOp::create(builder, loc, op.getTimeSource(), op.getDim());
  Operation *outermost = nullptr;
  for (auto [range, next] : llvm::zip(ranges, ranges.drop_front())) {
    Value first = arith::ConstantIndexOp::create(builder, loc, next.first);
    Value isShorter = arith::CmpIOp::create(
        builder, loc, arith::CmpIPredicate::slt, times, first);
    auto branch =
        scf::IfOp::create(builder, loc, op.getResultTypes(), isShorter,
                          /*withElseRegion=*/true);
    if (outermost)
      scf::YieldOp::create(builder, loc, branch.getResults());
    else
      outermost = branch;
    builder.setInsertionPointToStart(branch.thenBlock());
    if (failed(buildBranch(builder, op, range.form)))
      return failure();
    builder.setInsertionPointToStart(branch.elseBlock());
  }
  if (failed(buildBranch(builder, op, ranges.back().form)))
    return failure();
  op->replaceAllUsesWith(outermost);
  op.erase();
  return success();
}
