//===- Cost.cpp - closed functions of cost -------------------------------===//

#include "seqc/Analysis/Cost.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>

using namespace seqc;

double Cost::seconds(double n) const {
  double longest = 0;
  for (const Bound &bound : bounds)
    longest = std::max(longest, bound.seconds.evaluate(n));
  return fixed.evaluate(n) + longest;
}

llvm::StringRef Cost::bottleneck(double n) const {
  const Bound *longest = nullptr;
  for (const Bound &bound : bounds)
    if (!longest || bound.seconds.evaluate(n) > longest->seconds.evaluate(n))
      longest = &bound;
  return longest ? llvm::StringRef(longest->part) : "nothing";
}

std::string Cost::timeText() const {
  const Expression micro(1e6);
  // Only those that are the longest somewhere.
  std::vector<std::string> parts;
  for (const Bound &bound : bounds) {
    bool matters = false;
    for (double n = 1; n <= kLongest; n *= 2)
      matters |= bottleneck(n) == bound.part;
    if (matters && !bound.seconds.isZero())
      parts.push_back((bound.seconds * micro).folded().str());
  }
  std::string text = (fixed * micro).folded().str();
  if (parts.empty())
    return text;
  std::string longest = llvm::join(parts, ", ");
  if (parts.size() > 1)
    longest = "max(" + longest + ")";
  return fixed.isZero() ? longest : text + " + " + longest;
}

void Cost::add(const Cost &other) {
  work += other.work;
  exponentials += other.exponentials;
  bytes += other.bytes;
  stored += other.stored;
  chain += other.chain;
  state += other.state;
  fixed += other.fixed;
  for (const Bound &bound : other.bounds) {
    auto mine = llvm::find_if(
        bounds, [&](const Bound &b) { return b.part == bound.part; });
    if (mine == bounds.end())
      bounds.push_back(bound);
    else
      mine->seconds = (mine->seconds + bound.seconds).folded();
  }
}

std::vector<int64_t> seqc::getCrossovers(const Cost &a, const Cost &b) {
  auto isFaster = [&](int64_t n) { return b.seconds(n) < a.seconds(n); };
  std::vector<int64_t> lengths;
  for (int64_t low = 1; low < kLongest; low *= 2) {
    int64_t high = low * 2;
    bool before = isFaster(low);
    if (isFaster(high) == before)
      continue;
    int64_t left = low;
    while (high - left > 1) {
      int64_t middle = left + (high - left) / 2;
      (isFaster(middle) == before ? left : high) = middle;
    }
    lengths.push_back(high);
  }
  return lengths;
}
