//===- Descriptor.cpp - the program's descriptor as data --------------------------------===//
// The structures are those of runtime/include/seq/runtime/Program.h, field by
// field.
//===----------------------------------------------------------------------===//

#include "seqc/Target/Program.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/DerivedTypes.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"

using namespace seqc;

//===----------------------------------------------------------------------===//
// From attributes
//===----------------------------------------------------------------------===//

/// seq_dtype of an element type.
static int32_t dtypeOf(mlir::Type type) {
  if (type.isF64())
    return 1;
  if (type.isF16())
    return 2;
  if (type.isBF16())
    return 3;
  if (type.isInteger(8))
    return type.isUnsignedInteger() ? 5 : 4;
  if (type.isInteger(32))
    return 6;
  if (type.isInteger(64) || type.isIndex())
    return 7;
  if (type.isInteger(1))
    return 8;
  return 0;
}

static std::vector<ProgramDescription::Tensor>
tensorsOf(mlir::DictionaryAttr entry, llvm::StringRef key) {
  std::vector<ProgramDescription::Tensor> tensors;
  for (mlir::Attribute attribute : entry.getAs<mlir::ArrayAttr>(key)) {
    auto fields = mlir::cast<mlir::DictionaryAttr>(attribute);
    auto type = mlir::cast<mlir::MemRefType>(
        fields.getAs<mlir::TypeAttr>("type").getValue());
    ProgramDescription::Tensor tensor;
    tensor.name = fields.getAs<mlir::StringAttr>("name").str();
    tensor.dtype = dtypeOf(type.getElementType());
    for (int64_t size : type.getShape())
      tensor.shape.push_back(mlir::ShapedType::isDynamic(size) ? -1 : size);
    tensor.symbols.assign(tensor.shape.size(), -1);
    if (auto symbols = fields.getAs<mlir::DenseI64ArrayAttr>("symbols"))
      for (auto [place, symbol] : llvm::zip(tensor.symbols, symbols.asArrayRef()))
        place = symbol;
    if (auto limit = fields.getAs<mlir::IntegerAttr>("limit"))
      tensor.limit = limit.getInt();
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

static std::vector<ProgramDescription::Cache>
cachesOf(mlir::DictionaryAttr entry,
         llvm::ArrayRef<ProgramDescription::Tensor> states) {
  std::vector<ProgramDescription::Cache> caches;
  for (mlir::Attribute attribute : entry.getAs<mlir::ArrayAttr>("states")) {
    auto fields = mlir::cast<mlir::DictionaryAttr>(attribute);
    ProgramDescription::Cache cache;
    if (auto most = fields.getAs<mlir::IntegerAttr>("most"))
      cache.most = most.getInt();
    if (auto position = fields.getAs<mlir::StringAttr>("position"))
      for (auto [number, state] : llvm::enumerate(states))
        if (state.name == position.getValue())
          cache.position = number;
    caches.push_back(cache);
  }
  return caches;
}

ProgramDescription seqc::describeProgram(mlir::ModuleOp module) {
  ProgramDescription program;
  auto text = [&](llvm::StringRef key) {
    auto attribute = module->getAttrOfType<mlir::StringAttr>(key);
    return attribute ? attribute.str() : std::string();
  };
  auto number = [&](llvm::StringRef key) -> int64_t {
    auto attribute = module->getAttrOfType<mlir::IntegerAttr>(key);
    return attribute ? attribute.getValue().getSExtValue() : 0;
  };
  program.architecture = text("seq.architecture");
  program.vocabulary = number("seq.vocabulary");
  program.byteLevel = module->hasAttr("seq.byte_level");
  if (auto tokens =
          module->getAttrOfType<mlir::DenseI64ArrayAttr>("seq.end_tokens"))
    program.endTokens = tokens.asArrayRef();
  program.payloadBytes = number("kernel.payload_bytes");
  program.layoutId = number("kernel.layout_id");
  for (auto function : module.getOps<mlir::func::FuncOp>()) {
    auto entry = function->getAttrOfType<mlir::DictionaryAttr>("seq.entry");
    if (!entry)
      continue;
    ProgramDescription::Function described;
    described.name = function.getName().str();
    described.run = described.name;
    if (auto name = entry.getAs<mlir::StringAttr>("name"))
      described.name = name.str();
    std::string arena = function.getName().str() + ".arena_bytes";
    if (module.lookupSymbol(arena))
      described.arenaBytes = arena;
    described.inputs = tensorsOf(entry, "inputs");
    described.states = tensorsOf(entry, "states");
    described.outputs = tensorsOf(entry, "outputs");
    described.caches = cachesOf(entry, described.states);
    described.causal = bool(entry.get("causal"));
    program.functions.push_back(std::move(described));
  }
  return program;
}

//===----------------------------------------------------------------------===//
// To data
//===----------------------------------------------------------------------===//

namespace {
class DescriptorWriter {
public:
  explicit DescriptorWriter(llvm::Module &module)
      : module(module), context(module.getContext()),
        pointer(llvm::PointerType::get(context, 0)),
        i32(llvm::Type::getInt32Ty(context)),
        i64(llvm::Type::getInt64Ty(context)) {}

  llvm::Constant *number32(int64_t value) {
    return llvm::ConstantInt::get(i32, value, true);
  }
  llvm::Constant *number64(int64_t value) {
    return llvm::ConstantInt::get(i64, value, true);
  }
  llvm::Constant *null() { return llvm::ConstantPointerNull::get(pointer); }

  llvm::Constant *global(llvm::Constant *value, uint64_t alignment = 8) {
    auto *variable = new llvm::GlobalVariable(
        module, value->getType(), true, llvm::GlobalValue::PrivateLinkage,
        value, "seq.data");
    variable->setAlignment(llvm::Align(alignment));
    return variable;
  }
  llvm::Constant *text(llvm::StringRef value) {
    return global(llvm::ConstantDataArray::getString(context, value), 1);
  }
  llvm::Constant *structure(llvm::ArrayRef<llvm::Constant *> fields) {
    return llvm::ConstantStruct::getAnon(context, fields);
  }
  llvm::Constant *array(llvm::ArrayRef<llvm::Constant *> elements) {
    if (elements.empty())
      return null();
    return global(llvm::ConstantArray::get(
        llvm::ArrayType::get(elements[0]->getType(), elements.size()),
        elements));
  }
  llvm::Constant *symbol(llvm::StringRef name) {
    if (name.empty())
      return null();
    return module.getNamedValue(name);
  }

  llvm::Constant *tensors(llvm::ArrayRef<ProgramDescription::Tensor> list) {
    llvm::SmallVector<llvm::Constant *> all;
    for (const ProgramDescription::Tensor &tensor : list) {
      llvm::SmallVector<llvm::Constant *> shape, symbols;
      for (int64_t size : tensor.shape)
        shape.push_back(number64(size));
      for (int32_t id : tensor.symbols)
        symbols.push_back(number32(id));
      all.push_back(structure({text(tensor.name), number32(tensor.dtype),
                               number32(tensor.shape.size()), array(shape),
                               array(symbols), number64(tensor.limit)}));
    }
    return array(all);
  }

  llvm::Constant *
  caches(llvm::ArrayRef<ProgramDescription::Cache> list) {
    llvm::SmallVector<llvm::Constant *> all;
    for (const ProgramDescription::Cache &cache : list)
      all.push_back(structure({number64(cache.most), number32(cache.position),
                               number32(0)}));
    return array(all);
  }

  llvm::Module &module;
  llvm::LLVMContext &context;
  llvm::PointerType *pointer;
  llvm::Type *i32, *i64;
};
} // namespace

void seqc::emitDescriptor(llvm::Module &module,
                          const ProgramDescription &program,
                          llvm::StringRef payload) {
  DescriptorWriter write(module);
  llvm::SmallVector<llvm::Constant *> functions;
  for (const ProgramDescription::Function &function : program.functions)
    functions.push_back(write.structure(
        {write.text(function.name), write.number32(function.inputs.size()),
         write.number32(function.states.size()),
         write.number32(function.outputs.size()),
         write.number32(function.causal),
         write.tensors(function.inputs), write.tensors(function.states),
         write.tensors(function.outputs), write.symbol(function.run),
         write.symbol(function.arenaBytes), write.caches(function.caches)}));
  llvm::SmallVector<llvm::Constant *> ends;
  for (int64_t token : program.endTokens)
    ends.push_back(write.number64(token));
  llvm::Constant *embedded = write.null();
  if (!payload.empty())
    embedded = write.global(llvm::ConstantDataArray::getString(
                                module.getContext(), payload, false),
                            64);
  llvm::Constant *descriptor = write.structure(
      {write.number32(3), write.number32(functions.size()),
       write.array(functions), write.text(program.architecture),
       write.text(program.target), write.text(program.compiler),
       write.text(program.forms), write.number64(program.sourceHash),
       write.number64(program.layoutId), write.number64(program.payloadBytes),
       embedded, write.number64(program.vocabulary),
       write.number32(program.byteLevel), write.number32(ends.size()),
       write.array(ends)});
  new llvm::GlobalVariable(module, descriptor->getType(), true,
                           llvm::GlobalValue::ExternalLinkage, descriptor,
                           "seq_program_descriptor");
  // What a library offers is the runtime's interface (seq/api.h) alone.
  for (llvm::GlobalValue &value : module.global_values())
    if (!value.hasLocalLinkage() && !value.isDeclaration())
      value.setVisibility(llvm::GlobalValue::HiddenVisibility);
}
