// Model directories of any content: imported, or refused in one line.

#include "Folder.h"

#include "seqc/Import/Import.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"

using Catch::Matchers::Contains;

namespace {
const std::string kConfig =
    R"({"model_type": "gru", "vocab_size": 3, "input_size": 2,)"
    R"( "hidden_size": 2, "num_layers": 2, "bias": false, "output_size": 3})";

/// The tensors of kConfig, of zeros.
std::string weights() {
  struct {
    const char *name;
    int rows, columns;
  } tensors[] = {
      {"embedding.weight", 3, 2}, {"weight_ih_l0", 6, 2},
      {"weight_hh_l0", 6, 2},     {"weight_ih_l1", 6, 2},
      {"weight_hh_l1", 6, 2},     {"head.weight", 3, 2},
      {"head.bias", 3, 0},
  };
  std::string header;
  size_t end = 0;
  for (auto [name, rows, columns] : tensors) {
    size_t begin = end;
    end += 4 * rows * (columns ? columns : 1);
    header += std::string(header.empty() ? "{\"" : ",\"") + name +
              R"(":{"dtype":"F32","shape":[)" + std::to_string(rows) +
              (columns ? "," + std::to_string(columns) : "") +
              R"(],"data_offsets":[)" + std::to_string(begin) + "," +
              std::to_string(end) + "]}";
  }
  return safetensors(header + "}", std::string(end, 0));
}

/// The error of importing the folder, or nothing if it is a valid module.
std::string import(const Folder &folder, mlir::MLIRContext &context) {
  auto module = seqc::importModel(folder.path.string(), {}, context);
  if (module) {
    CHECK(succeeded(mlir::verify(**module)));
    return "";
  }
  std::string message = llvm::toString(module.takeError());
  CHECK_FALSE(message.empty());
  CHECK(message.find('\n') == std::string::npos);
  return message;
}
} // namespace

TEST_CASE(
    "whatever the bytes of config.json are, there is a module or one line") {
  Folder folder;
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  folder.write("model.safetensors", weights());
  folder.write("config.json", kConfig);
  CHECK(import(folder, context).empty());
  for (size_t size = 0; size < kConfig.size(); ++size) {
    folder.write("config.json", kConfig.substr(0, size));
    CHECK_THAT(import(folder, context), Contains("config.json"));
  }
  for (size_t at = 0; at < kConfig.size(); ++at)
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string flipped = kConfig;
      flipped[at] ^= char(1 << bit);
      folder.write("config.json", flipped);
      import(folder, context);
    }
}

TEST_CASE(
    "what is not read is told, and where nothing is told nothing is missed") {
  Folder folder;
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  folder.write("model.safetensors", weights());
  std::vector<std::string> warnings;
  seqc::ImportOptions options;
  options.warn = [&](llvm::StringRef text) { warnings.push_back(text.str()); };
  auto run = [&](const std::string &config) {
    folder.write("config.json", config);
    auto module = seqc::importModel(folder.path.string(), options, context);
    if (!module)
      FAIL(llvm::toString(module.takeError()));
  };
  run(kConfig);
  CHECK(warnings.empty());
  std::string more = kConfig;
  more.insert(1, R"("layers": 1, "dropout": 0.1, )");
  run(more);
  REQUIRE(warnings.size() == 1);
  CHECK_THAT(warnings[0], Contains("'layers'"));
}
