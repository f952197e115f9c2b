//===- LibraryHeader.cpp - the C header of a shared library -----------------------------===//

#include "seqc/Target/LibraryHeader.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace seqc;

/// runtime/include/seq/api.h.
static constexpr char kInterface[] =
#include "Interface.inc"
    ;

std::string seqc::libraryHeaderPath(llvm::StringRef library) {
  llvm::SmallString<256> path(library);
  llvm::sys::path::replace_extension(path, "h");
  return path == library ? (library + ".h").str() : std::string(path);
}

/// The text as (a part of) a macro's name.
static std::string macroName(llvm::StringRef text) {
  std::string name = text.upper();
  for (char &c : name)
    if (!llvm::isAlnum(c))
      c = '_';
  return llvm::isDigit(name[0]) ? "_" + name : name;
}

/// Names come from a model's author: nothing may end a comment or a line.
static std::string forComment(llvm::StringRef text) {
  std::string kept;
  for (char c : text)
    kept += c == '*' || !llvm::isPrint(c) ? '?' : c;
  return kept;
}

static std::string describe(const ProgramDescription::Tensor &tensor) {
  static constexpr const char *names[] = {"float32", "float64", "float16",
                                          "bfloat16", "int8",   "uint8",
                                          "int32",   "int64",   "bool"};
  std::string text = forComment(tensor.name) + ": " + names[tensor.dtype] + "[";
  for (auto [axis, size] : llvm::enumerate(tensor.shape)) {
    if (axis)
      text += ", ";
    int32_t symbol = tensor.symbols[axis];
    text += size >= 0 ? std::to_string(size)
            : symbol < 0 ? "?"
                         : "d" + std::to_string(symbol);
  }
  text += "]";
  if (tensor.limit)
    text += " below " + std::to_string(tensor.limit);
  return text;
}

static void describe(llvm::raw_ostream &stream,
                     const ProgramDescription &program,
                     llvm::StringRef library) {
  stream << "/* " << forComment(llvm::sys::path::filename(library)) << ": "
         << (program.architecture.empty() ? "a model"
                                          : forComment(program.architecture))
         << ", compiled by " << program.compiler << " for "
         << forComment(program.target) << ".\n *\n * Functions:\n";
  llvm::StringSet<> listed;
  std::string states;
  for (const ProgramDescription::Function &function : program.functions) {
    stream << " *   " << forComment(function.name) << "\n";
    for (const auto &tensor : function.inputs)
      stream << " *     takes " << describe(tensor) << "\n";
    for (const auto &tensor : function.outputs)
      stream << " *     gives " << describe(tensor) << "\n";
    for (const auto &tensor : function.states)
      if (listed.insert(tensor.name).second)
        states += " *   " + describe(tensor) + "\n";
  }
  stream << " *\n"
         << (states.empty() ? " * It has no states.\n"
                            : " * States, which a stream holds:\n" + states)
         << " *\n * Equal d are equal sizes. This file was made by seq-compile "
            "and needs no other.\n */\n";
}

std::string seqc::makeLibraryHeader(const ProgramDescription &program,
                                    llvm::StringRef library) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  describe(stream, program, library);
  std::string prefix = macroName(llvm::sys::path::stem(library));
  stream << "#ifndef " << prefix << "_H\n#define " << prefix << "_H\n\n"
         << kInterface << "\n";

  llvm::StringSet<> defined;
  auto define = [&](const std::string &name, const llvm::Twine &value) {
    // Two names of the model may be spelled alike here: the first has it.
    if (defined.insert(name).second)
      stream << "#define " << prefix << "_" << name << " " << value << "\n";
  };
  std::string hash;
  llvm::raw_string_ostream(hash)
      << llvm::format_hex(program.sourceHash, 18);
  stream << "/* The model, for seq_options.source. */\n";
  define("SOURCE", "UINT64_C(" + hash + ")");
  if (program.vocabulary) {
    define("VOCABULARY", llvm::Twine(program.vocabulary));
    define("BYTE_LEVEL", program.byteLevel ? "1" : "0");
  }
  stream << "\n/* Functions, and the places of their inputs and outputs. */\n";
  for (const ProgramDescription::Function &function : program.functions) {
    std::string name = macroName(function.name);
    define(name, "\"" + llvm::Twine(function.name) + "\"");
    for (auto [index, tensor] : llvm::enumerate(function.inputs))
      define(name + "_INPUT_" + macroName(tensor.name), llvm::Twine(index));
    for (auto [index, tensor] : llvm::enumerate(function.outputs))
      define(name + "_OUTPUT_" + macroName(tensor.name), llvm::Twine(index));
  }
  stream << "\n#endif /* " << prefix << "_H */\n";
  return text;
}
