//===- Import.cpp - a model directory becomes a module -------------------===//

#include "seqc/Import/Import.h"

#include "Families.h"
#include "Text.h"

#include "seq/Seq.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace seqc;

namespace {
constexpr int64_t kLargestBatch = 65536;
constexpr int64_t kBytes = 256;
} // namespace

/// Keys that transformers may write for every model; most change no result.
static void readCommonKeys(Config &config) {
  if (config.has("quantization_config"))
    config.fail("quantization_config", "weights that are not quantized");
  config.ignore({"_name_or_path", "architectures", "auto_map", "bos_token_id",
                 "chunk_size_feed_forward", "dtype", "id2label",
                 "is_encoder_decoder", "label2id", "output_attentions",
                 "output_hidden_states", "pad_token_id", "problem_type",
                 "return_dict", "sep_token_id", "torch_dtype",
                 "transformers_version", "unk_token_id", "use_cache"});
}

/// All families, sorted by name.
static Families collectFamilies() {
  Families families;
#define SEQ_FAMILY(Name) register##Name(families);
#include "Families.inc"
#undef SEQ_FAMILY
  llvm::sort(families, [](const Family &a, const Family &b) {
    return a.modelType < b.modelType;
  });
  return families;
}

std::vector<FamilyInfo> seqc::listFamilies() {
  std::vector<FamilyInfo> infos;
  for (const Family &family : collectFamilies())
    infos.push_back({family.modelType, family.reference, family.options});
  return infos;
}

static llvm::Expected<Family> findFamily(Config &config) {
  std::string modelType = config.text("model_type");
  if (llvm::Error error = config.takeError())
    return error;
  std::string names;
  for (const Family &family : collectFamilies()) {
    if (family.modelType == modelType)
      return family;
    names += (names.empty() ? "" : ", ") + family.modelType.str();
  }
  return makeError(config.getFile() + ": model_type: " + quote(modelType) +
                   " is not known, the known ones are " + names);
}

static llvm::Expected<Config> readConfig(StringRef directory) {
  if (!llvm::sys::fs::exists(directory))
    return makeError(directory + ": no such directory");
  if (!llvm::sys::fs::is_directory(directory))
    return makeError(directory + ": is no directory with a model");
  SmallString<256> file(directory);
  llvm::sys::path::append(file, "config.json");
  if (!llvm::sys::fs::exists(file))
    return makeError(directory + ": expected a config.json, found none");
  return Config::read(file);
}

/// The tokens that end a text, sorted: those of generation_config.json, or else
/// of config.json. Some name one that the vocabulary does not have: a warning.
static llvm::Expected<std::vector<int64_t>>
readEndTokens(StringRef directory, Config &config, int64_t vocabulary,
              llvm::function_ref<void(StringRef)> warn) {
  constexpr StringLiteral kKey = "eos_token_id";
  std::vector<int64_t> tokens = config.integers(kKey);
  std::string source = config.getFile().str();
  SmallString<256> file(directory);
  llvm::sys::path::append(file, "generation_config.json");
  if (llvm::sys::fs::exists(file)) {
    llvm::Expected<Config> generation = Config::read(file);
    if (!generation)
      return generation.takeError();
    if (generation->has(kKey)) {
      tokens = generation->integers(kKey);
      source = file.str().str();
    }
    if (llvm::Error error = generation->takeError())
      return error;
  }
  if (llvm::Error error = config.takeError())
    return error;
  llvm::sort(tokens);
  tokens.erase(llvm::unique(tokens), tokens.end());
  llvm::erase_if(tokens, [&](int64_t token) {
    bool comes = token >= 0 && token < vocabulary;
    if (!comes && vocabulary)
      warn((source + ": " + kKey + ": the vocabulary of " + Twine(vocabulary) +
            " tokens has no " + Twine(token))
               .str());
    return !comes;
  });
  return tokens;
}

llvm::Expected<OwningOpRef<ModuleOp>>
seqc::importModel(StringRef directory, const ImportOptions &options,
                  MLIRContext &context) {
  if (options.batch < 1 || options.batch > kLargestBatch)
    return makeError("batch: expected a number from 1 to " +
                     Twine(kLargestBatch) + ", found " + Twine(options.batch));
  if (options.exitLayer && *options.exitLayer < 1)
    return makeError("exit-layer: expected a number of at least 1, found " +
                     Twine(*options.exitLayer));
  llvm::Expected<Config> config = readConfig(directory);
  if (!config)
    return config.takeError();
  llvm::Expected<Family> family = findFamily(*config);
  if (!family)
    return family.takeError();
  auto weights = SourceWeights::open(directory);
  if (!weights)
    return weights.takeError();

  context
      .loadDialect<arith::ArithDialect, cf::ControlFlowDialect,
                   func::FuncDialect, linalg::LinalgDialect, math::MathDialect,
                   scf::SCFDialect, seq::SeqDialect, tensor::TensorDialect>();
  readCommonKeys(*config);
  OwningOpRef<ModuleOp> module(ModuleOp::create(UnknownLoc::get(&context)));
  Model model(*module, **weights, options.batch, options.exitLayer);
  llvm::Expected<ModelFacts> facts = family->build(*config, model);
  if (!facts)
    return facts.takeError();
  if (llvm::Error error = model.takeError())
    return error;
  if (options.exitLayer && *options.exitLayer > model.getDepth())
    return makeError("exit-layer: expected at most " + Twine(model.getDepth()) +
                     ", the number of layers, found " +
                     Twine(*options.exitLayer));
  auto warn = [&](StringRef message) {
    if (options.warn)
      options.warn(message);
  };
  auto ends = readEndTokens(directory, *config, facts->vocabulary, warn);
  if (!ends)
    return ends.takeError();
  if (failed(verify(*module)))
    return makeError(directory + ": the imported model is not valid");

  Builder &b = model.b;
  (*module)->setAttr("seq.architecture", b.getStringAttr(family->modelType));
  if (facts->vocabulary) {
    (*module)->setAttr("seq.vocabulary",
                       b.getI64IntegerAttr(facts->vocabulary));
    if (!ends->empty())
      (*module)->setAttr("seq.end_tokens", b.getDenseI64ArrayAttr(*ends));
    SmallString<256> tokenizer(directory);
    llvm::sys::path::append(tokenizer, "tokenizer.json");
    if (facts->vocabulary == kBytes && !llvm::sys::fs::exists(tokenizer))
      (*module)->setAttr("seq.byte_level", b.getUnitAttr());
  }

  for (const std::string &warning : config->getWarnings())
    warn(warning);
  for (const std::string &key : config->getUnknownKeys())
    warn((config->getFile() + ": the key " + quote(key) +
          " is not known and ignored")
             .str());
  std::vector<StringRef> unused = model.getUnusedWeights();
  if (!unused.empty())
    warn(((*weights)->getPath() + ": not used: " + listNames(unused) + " (" +
          Twine(unused.size()) + " of " +
          Twine((*weights)->getTensors().size()) + " tensors)")
             .str());
  return module;
}
