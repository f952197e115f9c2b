//===- ExplainPrint.cpp - explanations as text and as JSON ---------------===//

#include "seqc/Rewrite/Explain.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace seqc;
namespace json = llvm::json;

/// "1.5 ms".
static std::string timeOf(double seconds) {
  static constexpr std::pair<double, const char *> units[] = {
      {1, "s"}, {1e-3, "ms"}, {1e-6, "us"}, {1e-9, "ns"}};
  std::string text;
  llvm::raw_string_ostream out(text);
  for (auto [unit, name] : units)
    if (seconds >= unit || unit == 1e-9) {
      out << llvm::format("%.3g %s", seconds / unit, name);
      break;
    }
  return text;
}

static void printCost(const Cost &cost, llvm::raw_ostream &out,
                      llvm::StringRef indent) {
  out << "time " << cost.timeText() << " us\n" << indent;
  llvm::interleave(
      kSampleLengths, out,
      [&](int64_t n) {
        out << "n = " << n << ": " << timeOf(cost.seconds(n)) << " ("
            << cost.bottleneck(n) << ")";
      },
      ", ");
  out << "\n" << indent << "operations " << cost.work.folded().str();
  if (!cost.exponentials.isZero())
    out << ", exponentials " << cost.exponentials.folded().str();
  out << ", bytes " << cost.bytes.folded().str() << ", stored "
      << cost.stored.folded().str();
  if (!cost.chain.isZero())
    out << ", chain " << cost.chain.folded().str();
  if (cost.state > 0)
    out << ", state " << Expression(cost.state).str();
  out << "\n";
}

/// "sequential", "quadratic below 64, then sequential".
static std::string choiceOf(const FormChoice &choice) {
  std::string text = getName(choice.ranges.front().form).str();
  for (size_t i = 1; i < choice.ranges.size(); ++i)
    text += " below " + std::to_string(choice.ranges[i].first) + ", then " +
            getName(choice.ranges[i].form).str();
  return text;
}

void seqc::printText(const Explanation &explanation, llvm::raw_ostream &out) {
  const Machine &machine = explanation.machine;
  out << "Costs as functions of n, the number of times, on " << machine.name
      << " with " << machine.cores << " cores (docs/Targets.md).\n";
  for (const LayerExplanation &layer : explanation.layers) {
    out << "\n" << layer.function;
    if (layer.count > 1)
      out << " (x" << layer.count << ")";
    if (!layer.location.empty())
      out << ", " << layer.location;
    out << ": " << layer.kind << ", " << layer.shape << "\n";
    if (!layer.choice) {
      out << "  ";
      printCost(layer.cost, out, "  ");
      continue;
    }
    for (const std::string &state : layer.choice->states)
      out << "  " << state << "\n";
    for (Form form : kForms) {
      const FormVerdict &verdict = (*layer.choice)[form];
      out << "  " << llvm::left_justify(getName(form), 12);
      if (verdict.admissible)
        printCost(verdict.cost, out, "              ");
      else
        out << "no: " << verdict.reason << "\n";
    }
    for (const Crossover &crossover : layer.choice->crossovers)
      out << "  from n = " << crossover.length << " on "
          << getName(crossover.to) << " is faster than "
          << getName(crossover.from) << "\n";
    out << "  choice: " << choiceOf(*layer.choice)
        << (explanation.asked ? " (asked for)" : "") << "\n";
  }
}

static json::Object toJson(const Cost &cost) {
  auto formula = [](const Expression &expression) {
    return expression.folded().str();
  };
  json::Object seconds, bytes;
  for (int64_t n : kSampleLengths) {
    seconds[std::to_string(n)] = cost.seconds(n);
    bytes[std::to_string(n)] = cost.bytes.evaluate(n);
  }
  return json::Object{{"time_us", cost.timeText()},
                      {"operations", formula(cost.work)},
                      {"exponentials", formula(cost.exponentials)},
                      {"bytes", formula(cost.bytes)},
                      {"stored", formula(cost.stored)},
                      {"chain", formula(cost.chain)},
                      {"state", cost.state},
                      {"seconds_at", std::move(seconds)},
                      {"bytes_at", std::move(bytes)}};
}

static json::Object toJson(const LayerExplanation &layer) {
  json::Object object{
      {"function", layer.function}, {"count", layer.count},
      {"location", layer.location}, {"kind", layer.kind},
      {"shape", layer.shape},       {"cost", toJson(layer.cost)}};
  if (!layer.choice)
    return object;
  json::Array forms, crossovers, ranges;
  for (Form form : kForms) {
    const FormVerdict &verdict = (*layer.choice)[form];
    json::Object entry{{"form", getName(form)},
                       {"admissible", verdict.admissible}};
    if (verdict.admissible)
      entry["cost"] = toJson(verdict.cost);
    else
      entry["reason"] = verdict.reason;
    forms.push_back(std::move(entry));
  }
  for (const Crossover &crossover : layer.choice->crossovers)
    crossovers.push_back(json::Object{{"from", getName(crossover.from)},
                                      {"to", getName(crossover.to)},
                                      {"n", crossover.length}});
  for (const FormRange &range : layer.choice->ranges)
    ranges.push_back(
        json::Object{{"n", range.first}, {"form", getName(range.form)}});
  object["states"] = json::Array(layer.choice->states);
  object["forms"] = std::move(forms);
  object["crossovers"] = std::move(crossovers);
  object["choice"] = std::move(ranges);
  return object;
}

void seqc::printJson(const Explanation &explanation, llvm::raw_ostream &out) {
  json::Array layers;
  for (const LayerExplanation &layer : explanation.layers)
    layers.push_back(toJson(layer));
  json::Value value = json::Object{
      {"machine", json::Object{{"name", explanation.machine.name},
                               {"cores", explanation.machine.cores}}},
      {"layers", std::move(layers)}};
  out << llvm::formatv("{0:2}\n", value);
}
