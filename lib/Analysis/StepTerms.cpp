//===- StepTerms.cpp - operations on sums of terms ------------------------===//

#include "StepTerms.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace seqc;

/// The end of a dimension of unknown size.
static constexpr int64_t kEnd = INT64_MAX;

bool Term::isWhole(unsigned dim) const {
  if (dim >= ranges.size())
    return true;
  int64_t end = ShapedType::isDynamic(sizes[dim]) ? kEnd : sizes[dim];
  return ranges[dim] == std::pair<int64_t, int64_t>(0, end);
}

static SmallVector<int64_t> sizesOf(Value value) {
  if (auto type = dyn_cast<ShapedType>(value.getType()))
    return llvm::to_vector(type.getShape());
  return {};
}

static AffineMap identityOf(Value value, unsigned rank) {
  return AffineMap::getMultiDimIdentityMap(rank, value.getContext());
}

Term terms::ofValue(Value value) {
  Term term;
  term.sizes = sizesOf(value);
  term.rank = term.sizes.size();
  term.factors.push_back({Factor::Times, value, identityOf(value, term.rank)});
  return term;
}

Term terms::ofState(Value argument, unsigned state, bool after) {
  Term term;
  term.sizes = sizesOf(argument);
  term.rank = term.sizes.size();
  term.state = state;
  term.after = after;
  term.stateMap = identityOf(argument, term.rank);
  return term;
}

Term terms::ofNumber(double number, ArrayRef<int64_t> sizes) {
  Term term;
  term.scale = number;
  term.sizes = llvm::to_vector(sizes);
  term.rank = sizes.size();
  return term;
}

/// Replaces the dims of all maps, of which there are `numDims` then.
static void replaceDims(Term &term, ArrayRef<AffineExpr> exprs,
                        unsigned numDims) {
  auto replace = [&](AffineMap map) {
    SmallVector<AffineExpr> results;
    for (AffineExpr expr : map.getResults())
      results.push_back(
          simplifyAffineExpr(expr.replaceDims(exprs), numDims, 0));
    return AffineMap::get(numDims, 0, results, map.getContext());
  };
  for (Factor &factor : term.factors)
    factor.map = replace(factor.map);
  if (term.state)
    term.stateMap = replace(term.stateMap);
}

static bool usesDim(const Term &term, unsigned dim) {
  return (term.state && term.stateMap.isFunctionOfDim(dim)) ||
         llvm::any_of(term.factors, [&](const Factor &factor) {
           return factor.map.isFunctionOfDim(dim);
         });
}

static MLIRContext *contextOf(const Term &term) {
  if (term.state)
    return term.stateMap.getContext();
  return term.factors.empty() ? nullptr : term.factors.front().map.getContext();
}

/// Drops reductions over one index and over what the term does not depend on.
static void dropReductions(Term &term) {
  MLIRContext *context = contextOf(term);
  for (unsigned dim = term.sizes.size(); dim-- > term.rank;) {
    int64_t size = term.sizes[dim];
    bool isUsed = usesDim(term, dim);
    if (ShapedType::isDynamic(size) || (isUsed && size != 1))
      continue;
    if (!isUsed)
      term.scale *= static_cast<double>(size);
    term.sizes.erase(term.sizes.begin() + dim);
    if (!context)
      continue;
    SmallVector<AffineExpr> exprs;
    for (unsigned old = 0; old <= term.sizes.size(); ++old)
      exprs.push_back(old == dim
                          ? getAffineConstantExpr(0, context)
                          : getAffineDimExpr(old - (old > dim), context));
    replaceDims(term, exprs, term.sizes.size());
  }
}

/// Cuts the part of dimension `dim` down to [low, high); false if nothing is
/// left.
static bool cut(Term &term, unsigned dim, int64_t low, int64_t high) {
  int64_t size = term.sizes[dim];
  if (term.ranges.empty() && low <= 0 && !ShapedType::isDynamic(size) &&
      high >= size)
    return true;
  if (term.ranges.empty())
    for (int64_t each : ArrayRef(term.sizes).take_front(term.rank))
      term.ranges.push_back({0, ShapedType::isDynamic(each) ? kEnd : each});
  auto &[from, to] = term.ranges[dim];
  from = std::max(from, low);
  to = std::min(to, high);
  if (from >= to)
    return false;
  // A part that is the whole is none.
  if (llvm::all_of(llvm::seq<unsigned>(term.rank),
                   [&](unsigned each) { return term.isWhole(each); }))
    term.ranges.clear();
  return true;
}

/// expr = d + c or c, as (d, c).
static std::optional<std::pair<std::optional<unsigned>, int64_t>>
asShiftedDim(AffineExpr expr) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return std::pair(std::optional<unsigned>(), constant.getValue());
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return std::pair(std::optional(dim.getPosition()), int64_t(0));
  auto sum = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!sum || sum.getKind() != AffineExprKind::Add)
    return std::nullopt;
  auto dim = dyn_cast<AffineDimExpr>(sum.getLHS());
  auto constant = dyn_cast<AffineConstantExpr>(sum.getRHS());
  if (!dim || !constant)
    return std::nullopt;
  return std::pair(std::optional(dim.getPosition()), constant.getValue());
}

LogicalResult terms::substitute(AffineValue &value, AffineMap map,
                                ArrayRef<int64_t> sizes) {
  SmallVector<Term, 0> result;
  for (Term &term : value.terms) {
    Term next = term;
    unsigned rank = sizes.size();
    unsigned reductions = term.sizes.size() - term.rank;
    next.rank = rank;
    next.ranges.clear();
    next.sizes = llvm::to_vector(sizes);
    llvm::append_range(next.sizes, ArrayRef(term.sizes).drop_front(term.rank));
    SmallVector<AffineExpr> exprs(map.getResults());
    for (unsigned i = 0; i < reductions; ++i)
      exprs.push_back(getAffineDimExpr(rank + i, map.getContext()));
    replaceDims(next, exprs, rank + reductions);
    bool isPresent = true;
    for (auto [dim, range] : llvm::enumerate(term.ranges)) {
      if (term.isWhole(dim))
        continue;
      auto place = asShiftedDim(map.getResult(dim));
      if (!place)
        return failure();
      auto [from, shift] = *place;
      if (!from)
        isPresent &= range.first <= shift && shift < range.second;
      else
        isPresent &=
            cut(next, *from, range.first - shift,
                range.second == kEnd ? kEnd : range.second - shift);
    }
    if (isPresent)
      result.push_back(std::move(next));
  }
  value.terms = std::move(result);
  return success();
}

LogicalResult terms::reduce(AffineValue &value, AffineMap kept) {
  MLIRContext *context = kept.getContext();
  for (Term &term : value.terms) {
    Term next = term;
    next.sizes.clear();
    next.ranges.clear();
    next.rank = kept.getNumResults();
    unsigned numDims = term.sizes.size();
    SmallVector<AffineExpr> exprs(numDims);
    bool hasPart = false;
    for (unsigned i = 0; i < kept.getNumResults(); ++i) {
      unsigned dim = kept.getDimPosition(i);
      exprs[dim] = getAffineDimExpr(i, context);
      next.sizes.push_back(term.sizes[dim]);
      hasPart |= !term.isWhole(dim);
    }
    if (hasPart)
      for (unsigned i = 0; i < kept.getNumResults(); ++i)
        next.ranges.push_back(term.ranges[kept.getDimPosition(i)]);
    for (unsigned dim = 0; dim < numDims; ++dim) {
      if (exprs[dim])
        continue;
      exprs[dim] = getAffineDimExpr(next.sizes.size(), context);
      if (!term.isWhole(dim)) {
        if (term.ranges[dim].second == kEnd)
          return failure();
        exprs[dim] = exprs[dim] + term.ranges[dim].first;
        next.sizes.push_back(term.ranges[dim].second - term.ranges[dim].first);
      } else {
        next.sizes.push_back(term.sizes[dim]);
      }
    }
    replaceDims(next, exprs, numDims);
    dropReductions(next);
    term = std::move(next);
  }
  return success();
}

void terms::restrict(AffineValue &value, unsigned dim, int64_t low,
                     int64_t high) {
  llvm::erase_if(value.terms,
                 [&](Term &term) { return !cut(term, dim, low, high); });
}

Term terms::multiply(const Term &a, const Term &b) {
  Term product = a;
  product.scale *= b.scale;
  unsigned rank = a.rank;
  unsigned ofA = a.sizes.size() - rank;
  llvm::append_range(product.sizes, ArrayRef(b.sizes).drop_front(rank));
  for (auto [mine, other] : llvm::zip(product.sizes, b.sizes))
    if (&mine - product.sizes.data() < rank && ShapedType::isDynamic(mine))
      mine = other;
  unsigned numDims = product.sizes.size();
  auto renumber = [&](AffineMap map, unsigned shift) {
    SmallVector<AffineExpr> exprs;
    for (unsigned dim = 0; dim < map.getNumDims(); ++dim)
      exprs.push_back(
          getAffineDimExpr(dim < rank ? dim : dim + shift, map.getContext()));
    return map.replaceDimsAndSymbols(exprs, {}, numDims, 0);
  };
  for (Factor &factor : product.factors)
    factor.map = renumber(factor.map, 0);
  if (product.state)
    product.stateMap = renumber(product.stateMap, 0);
  for (Factor factor : b.factors) {
    factor.map = renumber(factor.map, ofA);
    product.factors.push_back(factor);
  }
  if (b.state) {
    product.state = b.state;
    product.after = b.after;
    product.stateMap = renumber(b.stateMap, ofA);
  }
  bool isPresent = true;
  for (auto [dim, range] : llvm::enumerate(b.ranges))
    isPresent &= cut(product, dim, range.first, range.second);
  if (!isPresent)
    product.scale = 0.0;
  return product;
}

std::optional<Term> terms::invert(const Term &term) {
  if (term.state || term.sizes.size() > term.rank || !term.ranges.empty())
    return std::nullopt;
  Term inverse = term;
  inverse.scale = 1.0 / term.scale;
  for (Factor &factor : inverse.factors) {
    if (factor.kind != Factor::Times && factor.kind != Factor::Over)
      return std::nullopt;
    factor.kind = factor.kind == Factor::Times ? Factor::Over : Factor::Times;
  }
  return inverse;
}

/// Whether the terms differ in their scales only.
static bool isMultiple(const Term &a, const Term &b) {
  return a.rank == b.rank && a.sizes == b.sizes && a.ranges == b.ranges &&
         a.state == b.state && a.after == b.after &&
         (!a.state || a.stateMap == b.stateMap) &&
         a.factors.size() == b.factors.size() &&
         std::is_permutation(a.factors.begin(), a.factors.end(),
                             b.factors.begin());
}

void terms::simplify(AffineValue &value) {
  SmallVector<Term, 0> kept;
  for (Term &term : value.terms) {
    auto *same = llvm::find_if(
        kept, [&](const Term &other) { return isMultiple(term, other); });
    if (same == kept.end())
      kept.push_back(std::move(term));
    else
      same->scale += term.scale;
  }
  llvm::erase_if(kept, [](const Term &term) { return term.scale == 0.0; });
  value.terms = std::move(kept);
}
