//===- FormChoice.h - which form a recurrence takes ----------------------===//

#ifndef SEQC_REWRITE_FORMCHOICE_H
#define SEQC_REWRITE_FORMCHOICE_H

#include "seqc/Analysis/Cost.h"

#include "seq/Seq.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <array>
#include <optional>

namespace seqc {

enum class Form { Sequential, Chunked, Scan, Quadratic };
constexpr std::array<Form, 4> kForms = {Form::Sequential, Form::Chunked,
                                        Form::Scan, Form::Quadratic};

/// "sequential", "chunked", "scan", "quadratic".
llvm::StringRef getName(Form form);
std::optional<Form> getForm(llvm::StringRef name);

/// States the recurrence in another form, in its place. On failure `reason` is
/// the end of a sentence about the recurrence, which is as it was.
using FormRewrite = mlir::LogicalResult (*)(mlir::seq::RecurrenceOp,
                                            std::string &reason);
/// The rewrite to a form other than Sequential.
FormRewrite getRewrite(Form form);

/// Whether there is a choice at all: not for recurrences without a state, and
/// not where states only count, shift or stay.
bool mayHaveForms(mlir::seq::RecurrenceOp op);

/// What is known of one form of a recurrence.
struct FormVerdict {
  bool admissible = false;
  std::string reason; ///< why not
  Cost cost;
};

/// The form from `first` times on, up to the next range's first.
struct FormRange {
  int64_t first;
  Form form;
};

/// From `length` times on `to` is faster than `from`.
struct Crossover {
  Form from, to;
  int64_t length;
};

struct FormChoice {
  /// One line for each state: its class and why it is no better.
  std::vector<std::string> states;
  std::array<FormVerdict, 4> verdicts; ///< in the order of kForms
  std::vector<Crossover> crossovers;   ///< between admissible forms
  std::vector<FormRange> ranges;       ///< the first one begins at 0

  const FormVerdict &operator[](Form form) const {
    return verdicts[static_cast<size_t>(form)];
  }
};

/// Judges all forms. A form is admissible if its rewrite works, which is tried
/// on a copy of the function that the recurrence is in, and its cost is that of
/// what came out. Another form than the sequential one is chosen where it saves
/// half of the time: predictions are off by a factor of two and more.
FormChoice chooseForm(mlir::seq::RecurrenceOp op, const Machine &machine);

/// States the recurrence in the forms of `ranges`: several under scf.if on the
/// number of times, so that the program decides. Fails, with a message at the
/// recurrence, where a rewrite does.
mlir::LogicalResult applyForms(mlir::seq::RecurrenceOp op,
                               llvm::ArrayRef<FormRange> ranges);

} // namespace seqc

#endif // SEQC_REWRITE_FORMCHOICE_H
