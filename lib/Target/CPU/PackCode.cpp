//===- PackCode.cpp - native code of @pack -----------------------------------------------===//

#include "PackCode.h"

#include "PackToLLVM.h"
#include "seqc/Target/CPU.h"

#include "kernel/Kernel.h"
#include "seq/Seq.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Target/TargetMachine.h"

using namespace seqc;

static const void *callSource(void *host, int64_t tensor, int64_t index) {
  return static_cast<PackHost *>(host)->source(tensor, index);
}
static void callStored(void *host, int64_t entry, int64_t index) {
  static_cast<PackHost *>(host)->stored(entry, index);
}

/// Weights become buffers of the host. Numbers what the host is asked for.
static std::vector<PackCode::Source> numberSources(mlir::ModuleOp pack) {
  mlir::Builder attributes(pack.getContext());
  std::vector<PackCode::Source> sources;
  llvm::SmallVector<mlir::seq::WeightOp> weights;
  pack.walk([&](mlir::seq::WeightOp weight) { weights.push_back(weight); });
  for (mlir::seq::WeightOp weight : weights) {
    mlir::ImplicitLocOpBuilder b(weight.getLoc(), weight);
    mlir::RankedTensorType type = weight.getType();
    auto source = mlir::kernel::SourceOp::create(
        b, mlir::MemRefType::get(type.getShape(), type.getElementType()),
        weight.getTensorAttr(), weight.getIndex());
    source->setAttr(kPackNumber, attributes.getI64IntegerAttr(sources.size()));
    sources.push_back({weight.getTensor().str(), type});
    auto tensor = mlir::bufferization::ToTensorOp::create(b, type, source,
                                                          /*restrict=*/true);
    weight.replaceAllUsesWith(tensor.getResult());
    weight.erase();
  }
  llvm::StringMap<int64_t> numbers;
  for (auto entry : pack.getOps<mlir::kernel::EntryOp>())
    numbers.try_emplace(entry.getSymName(), numbers.size());
  pack.walk([&](mlir::kernel::StoreEntryOp store) {
    store->setAttr(kPackNumber, attributes.getI64IntegerAttr(
                                    numbers.lookup(store.getEntry())));
  });
  return sources;
}

static llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
compileToObject(llvm::Module &module) {
  llvm::Expected<Cpu> cpu = resolveCpu("native");
  if (!cpu)
    return cpu.takeError();
  auto machine = createTargetMachine(*cpu);
  if (!machine)
    return machine.takeError();
  optimize(module, *cpu, **machine);
  llvm::SmallVector<char, 0> object;
  llvm::raw_svector_ostream stream(object);
  llvm::legacy::PassManager passes;
  if ((*machine)->addPassesToEmitFile(passes, stream, nullptr,
                                      llvm::CodeGenFileType::ObjectFile))
    return llvm::createStringError("this machine cannot run new code");
  passes.run(module);
  return std::make_unique<llvm::SmallVectorMemoryBuffer>(
      std::move(object), "pack", /*RequiresNullTerminator=*/false);
}

llvm::Expected<PackCode> PackCode::compile(mlir::ModuleOp pack) {
  PackCode code;
  mlir::MLIRContext *context = pack.getContext();
  mlir::DialectRegistry registry;
  mlir::registerBuiltinDialectTranslation(registry);
  mlir::registerLLVMDialectTranslation(registry);
  context->appendDialectRegistry(registry);
  context->loadDialect<mlir::bufferization::BufferizationDialect,
                       mlir::LLVM::LLVMDialect, mlir::memref::MemRefDialect>();

  mlir::OwningOpRef<mlir::ModuleOp> module = pack.clone();
  code.sources = numberSources(*module);
  for (auto function : module->getOps<mlir::func::FuncOp>())
    function.setPublic();
  llvm::LLVMContext llvmContext;
  std::unique_ptr<llvm::Module> llvmModule;
  if (succeeded(lowerPackToLLVM(*module)))
    llvmModule = mlir::translateModuleToLLVMIR(*module, llvmContext);
  if (!llvmModule)
    return llvm::createStringError("the computation of the packed weights "
                                   "cannot be compiled");
  auto object = compileToObject(*llvmModule);
  if (!object)
    return object.takeError();

  auto jit = llvm::orc::LLJITBuilder().create();
  if (!jit)
    return jit.takeError();
  code.jit = std::move(*jit);
  auto define = [&](llvm::StringRef name, auto *function) {
    return code.jit->getMainJITDylib().define(llvm::orc::absoluteSymbols(
        {{code.jit->mangleAndIntern(name),
          {llvm::orc::ExecutorAddr::fromPtr(function),
           llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable}}}));
  };
  if (llvm::Error error = define(kPackSource, &callSource))
    return error;
  if (llvm::Error error = define(kPackStored, &callStored))
    return error;
  if (llvm::Error error = code.jit->addObjectFile(std::move(*object)))
    return error;
  auto address = code.jit->lookup("pack");
  if (!address)
    return address.takeError();
  code.function = address->toPtr<void (*)(void *, uint8_t *)>();
  return code;
}

void PackCode::run(PackHost &host, uint8_t *payload) const {
  function(&host, payload);
}
