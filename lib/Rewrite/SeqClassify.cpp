//===- SeqClassify.cpp - says how recurrences depend on their states ------===//

#include "seqc/Analysis/StepAnalysis.h"
#include "seqc/Rewrite/Passes.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/IntEqClasses.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"

namespace seqc {
#define GEN_PASS_DEF_SEQCLASSIFY
#include "seqc/Rewrite/Passes.h.inc"
} // namespace seqc

using namespace mlir;
using namespace seqc;

namespace {
/// The remarks of one recurrence.
class Describer {
public:
  Describer(seq::RecurrenceOp recurrence, const StepAnalysis &analysis)
      : recurrence(recurrence), analysis(analysis) {}

  std::string describe(unsigned number);
  std::string describeWhole();

private:
  void describeDecay(const StateInfo &info, unsigned number);
  void describeAdded(const StateInfo &info);
  void describeReadouts(unsigned number);
  void describeSeparable(unsigned number);
  bool isSeparable(unsigned number, unsigned dim);
  RankedTensorType typeOf(unsigned number) {
    return cast<RankedTensorType>(recurrence.getStates()[number].getType());
  }

  seq::RecurrenceOp recurrence;
  const StepAnalysis &analysis;
  std::string text;
  llvm::raw_string_ostream out{text};
};
} // namespace

static std::string asText(Interval interval) {
  std::string text;
  llvm::raw_string_ostream out(text);
  out << llvm::format("[%g, %g]", interval.low, interval.high);
  return text;
}

/// "dim 2" or "dims 2, 3".
static std::string listDims(ArrayRef<unsigned> dims) {
  std::string text = dims.size() == 1 ? "dim " : "dims ";
  llvm::raw_string_ostream out(text);
  llvm::interleaveComma(dims, out);
  return text;
}

/// "state 1" or "states 1, 2".
static std::string listStates(ArrayRef<unsigned> states) {
  std::string text = states.size() == 1 ? "state " : "states ";
  llvm::raw_string_ostream out(text);
  llvm::interleaveComma(states, out);
  return text;
}

bool Describer::isSeparable(unsigned number, unsigned dim) {
  const DimensionAnalysis &dimensions = analysis.getDimensions();
  auto cls = dimensions.classOf(recurrence.getStateArguments()[number], dim);
  return cls && dimensions.getClasses()[*cls].separable;
}

void Describer::describeDecay(const StateInfo &info, unsigned number) {
  if (info.decayIsOne) {
    out << ", no decay";
    return;
  }
  RankedTensorType type = typeOf(number);
  bool isPerElement = true, isScalar = true;
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    bool depends = llvm::is_contained(info.decayDims, dim);
    isPerElement &= depends || type.getDimSize(dim) == 1;
    isScalar &= !depends || isSeparable(number, dim);
  }
  out << (info.decayDims.empty() ? ", scalar decay"
          : isPerElement         ? ", decay per element"
          : isScalar             ? ", scalar decay"
                                 : ", decay per row");
  if (!info.decayDims.empty())
    out << " (" << listDims(info.decayDims) << ")";
  if (info.timeInvariant)
    out << ", time-invariant";
  if (info.decay.isIn(0.0, 1.0))
    out << ", log decay <= 0";
  else
    out << ", decay in " << asText(info.decay);
}

/// The dims of a product that fall apart: no factor has dims of two parts.
static SmallVector<SmallVector<unsigned>> partsOf(const Term &term) {
  llvm::IntEqClasses parts(term.rank);
  SmallVector<unsigned> dims;
  for (unsigned dim = 0; dim < term.rank; ++dim)
    if (term.sizes[dim] != 1 &&
        !llvm::all_of(term.factors, [&](const Factor &factor) {
          return factor.map.isFunctionOfDim(dim);
        }))
      dims.push_back(dim);
  for (const Factor &factor : term.factors) {
    std::optional<unsigned> first;
    for (unsigned dim : dims)
      if (factor.map.isFunctionOfDim(dim)) {
        if (first)
          parts.join(*first, dim);
        else
          first = dim;
      }
  }
  parts.compress();
  SmallVector<SmallVector<unsigned>> result(parts.getNumClasses());
  for (unsigned dim : dims)
    result[parts[dim]].push_back(dim);
  llvm::erase_if(result, [](ArrayRef<unsigned> part) { return part.empty(); });
  return result;
}

void Describer::describeAdded(const StateInfo &info) {
  if (info.added.empty()) {
    out << "; nothing is added";
    return;
  }
  if (info.added.size() > 1) {
    out << "; " << info.added.size() << " added terms";
    return;
  }
  auto parts = partsOf(info.next.terms[info.added.front()]);
  if (parts.size() < 2) {
    out << "; one added term";
    return;
  }
  out << "; added term is an outer product (dims ";
  llvm::interleave(
      parts, out,
      [&](ArrayRef<unsigned> part) { llvm::interleaveComma(part, out); },
      " | ");
  out << ")";
}

void Describer::describeReadouts(unsigned number) {
  SmallVector<std::string> reads;
  for (const Readout &readout : analysis.getReadouts())
    for (const Term &term : readout.terms.terms) {
      if (term.state != number)
        continue;
      SmallVector<unsigned> contracted;
      for (auto [dim, expr] : llvm::enumerate(term.stateMap.getResults()))
        for (unsigned sum = term.rank; sum < term.sizes.size(); ++sum)
          if (expr.isFunctionOfDim(sum)) {
            contracted.push_back(dim);
            break;
          }
      std::string read = contracted.empty()
                             ? "readout per element"
                             : "readout contracts " + listDims(contracted);
      read += term.after ? " after the update" : " before the update";
      if (!llvm::is_contained(reads, read))
        reads.push_back(read);
    }
  for (StringRef read : reads)
    out << "; " << read;
}

void Describer::describeSeparable(unsigned number) {
  SmallVector<unsigned> dims;
  for (int64_t dim = 0; dim < typeOf(number).getRank(); ++dim)
    if (isSeparable(number, dim))
      dims.push_back(dim);
  if (dims.empty())
    out << "; no separable dims";
  else
    out << "; separable " << listDims(dims);
}

std::string Describer::describe(unsigned number) {
  const StateInfo &info = analysis.getStates()[number];
  out << "state " << number << " (";
  llvm::interleave(
      typeOf(number).getShape(), out,
      [&](int64_t size) {
        if (ShapedType::isDynamic(size))
          out << "?";
        else
          out << size;
      },
      "x");
  out << "): " << stringify(info.cls);
  bool isDiagonal =
      info.cls == StepClass::Diagonal || info.cls == StepClass::DiagonalLowRank;
  if (isDiagonal)
    describeDecay(info, number);
  if (info.partner)
    out << " with state " << *info.partner;
  if (info.pairDim)
    out << " in dim " << *info.pairDim;
  if (!info.reason.empty())
    out << ": " << info.reason;
  if (info.isMaximum)
    out << "; running maximum";
  if (info.maximum)
    out << "; online softmax with the maximum in state " << *info.maximum;
  else if (info.whenGiven)
    out << "; " << stringify(info.whenGiven->cls) << " for given "
        << listStates(info.given);
  if (!isDiagonal && info.timeInvariant && info.cls != StepClass::Constant &&
      info.cls != StepClass::Free)
    out << ", time-invariant";
  if (info.cls != StepClass::Constant && info.cls != StepClass::Free &&
      info.cls != StepClass::Nonlinear)
    describeAdded(info);
  describeReadouts(number);
  describeSeparable(number);
  return text;
}

std::string Describer::describeWhole() {
  unsigned free = 0, all = 0;
  for (Operation &op : recurrence.getBody().front().without_terminator()) {
    ++all;
    free += llvm::none_of(op.getResults(), [&](Value result) {
      return analysis.dependsOnState(result);
    });
  }
  out << free << " of " << all << " operations are free of the states";
  return text;
}

namespace {
struct SeqClassify : seqc::impl::SeqClassifyBase<SeqClassify> {
  void runOnOperation() override {
    SmallVector<seq::RecurrenceOp> recurrences;
    getOperation()->walk(
        [&](seq::RecurrenceOp op) { recurrences.push_back(op); });
    for (seq::RecurrenceOp recurrence : recurrences)
      classify(recurrence);
    markAllAnalysesPreserved();
  }

  /// What kept a decay from being proven, and where: the factor of unknown size
  /// or, of an exponential, its exponent.
  static void noteUnproven(InFlightDiagnostic &remark, const StateInfo &info,
                           const StepAnalysis &analysis) {
    if (info.decay.isIn(0.0, 1.0))
      return;
    for (unsigned index : info.diagonal)
      for (const Factor &factor : info.next.terms[index].factors) {
        Interval range = analysis.getRange(factor.value);
        if (range.isIn(0.0, 1.0) ||
            !isa<FloatType>(getElementTypeOrSelf(factor.value.getType())))
          continue;
        StringRef what = "a factor of the decay";
        Value value = factor.value;
        if (auto exp = value.getDefiningOp<math::ExpOp>()) {
          value = exp.getOperand();
          range = analysis.getRange(value);
          what = "an exponent of the decay";
        }
        remark.attachNote(value.getLoc()) << what << " is in " << asText(range);
      }
  }

  static void classify(seq::RecurrenceOp recurrence) {
    OpBuilder builder(recurrence);
    auto copy = cast<seq::RecurrenceOp>(builder.clone(*recurrence));
    normalizeStep(copy);
    {
      StepAnalysis analysis(copy);
      for (unsigned number = 0; number < analysis.getStates().size();
           ++number) {
        InFlightDiagnostic remark =
            recurrence.emitRemark()
            << Describer(copy, analysis).describe(number);
        const StateInfo &info = analysis.getStates()[number];
        if (info.cause)
          remark.attachNote(info.cause->getLoc())
              << "state " << number << " here";
        noteUnproven(remark, info, analysis);
      }
      recurrence.emitRemark() << Describer(copy, analysis).describeWhole();
    }
    copy.erase();
  }
};
} // namespace
