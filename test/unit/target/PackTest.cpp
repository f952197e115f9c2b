//===- PackTest.cpp - the weights of a program, packed --------------------------------===//

#include "Support.h"

#include "seqc/Lower/Passes.h"
#include "seqc/Registration.h"
#include "seqc/Target/Pack.h"

#include "seq/runtime/Weights.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/APFloat.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <set>

using namespace seq_test;
using namespace seqc;
using Catch::Matchers::Contains;

namespace {
/// Weights in memory, each at an odd address.
class Weights {
public:
  template <typename T>
  void add(const std::string &name, const std::string &dtype,
           std::vector<int64_t> shape, const std::vector<T> &values) {
    Item &item = items[name];
    item.memory.resize(values.size() * sizeof(T) + 64);
    item.tensor.dtype = dtype;
    item.tensor.shape = std::move(shape);
    item.tensor.bytes = values.size() * sizeof(T);
    uint8_t *data = item.memory.data() + 1;
    std::memcpy(data, values.data(), item.tensor.bytes);
    item.tensor.data = data;
  }
  void remove(const std::string &name) { items.erase(name); }

  WeightSource source() {
    WeightSource result;
    result.find =
        [this](llvm::StringRef name) -> std::optional<WeightSource::Tensor> {
      auto found = items.find(name.str());
      if (found == items.end())
        return std::nullopt;
      held.insert(name.str());
      mostHeld = std::max(mostHeld, held.size());
      return found->second.tensor;
    };
    result.release = [this](llvm::StringRef name) { held.erase(name.str()); };
    return result;
  }

  std::set<std::string> held;
  size_t mostHeld = 0;

private:
  struct Item {
    WeightSource::Tensor tensor;
    std::vector<uint8_t> memory;
  };
  std::map<std::string, Item> items;
};

/// Numbers that bf16 and f16 hold exactly.
std::vector<float> numbers(size_t count, int seed) {
  std::vector<float> result(count);
  for (size_t i = 0; i < count; ++i)
    result[i] = float(int((i * 37 + seed * 11) % 101) - 50) / 16;
  return result;
}

std::vector<uint16_t> halves(const std::vector<float> &values,
                             const llvm::fltSemantics &semantics) {
  std::vector<uint16_t> result;
  for (float value : values) {
    llvm::APFloat half(value);
    bool inexact;
    half.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &inexact);
    REQUIRE(!inexact);
    result.push_back(half.bitcastToAPInt().getZExtValue());
  }
  return result;
}

struct Compiler {
  Compiler() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }
  mlir::OwningOpRef<mlir::ModuleOp> pack(const std::string &text) {
    program = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    REQUIRE(program);
    mlir::PassManager manager(&context);
    manager.addPass(createKernelPackWeights());
    REQUIRE(mlir::succeeded(manager.run(*program)));
    return takePack(*program);
  }
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> program;
};

std::string messageOf(llvm::Error error) {
  return llvm::toString(std::move(error));
}

/// An open weight file.
struct File {
  explicit File(const std::string &path) {
    seq_error error = {};
    weights = seq_weights_open(path.c_str(), &error);
    INFO(error.message);
    REQUIRE(weights);
  }
  ~File() { seq_weights_close(weights); }

  template <typename T = float>
  std::vector<T> read(const std::string &name, std::vector<int64_t> shape) {
    const seq_weights_entry *entry = seq_weights_find(weights, name.c_str());
    INFO(name);
    REQUIRE(entry);
    CHECK(std::vector<int64_t>(entry->shape, entry->shape + entry->rank) ==
          shape);
    std::vector<T> values(entry->bytes / sizeof(T));
    std::memcpy(values.data(), seq_weights_payload(weights) + entry->offset,
                entry->bytes);
    return values;
  }
  seq_weights *weights;
};

const char *kProgram = R"mlir(
func.func private @use(tensor<2x5x16xf32>, tensor<7xf32>, tensor<1x3x16xf32>)
func.func private @use_head(tensor<3x6xf32>, tensor<2x3xf32>, tensor<f32>, tensor<5xi64>)
func.func private @use_norm(tensor<4xf32>)
func.func private @use_folded(tensor<4x2xf32>, tensor<5xbf16>, tensor<4xi1>)

func.func private @layer(%layer: index {seq.count = 3 : index, seq.first = 1 : index}) {
  // [20, 5] in bf16: converted, padded to two panels of 16 columns, packed.
  %w0 = seq.weight @"l.{}.w"[%layer] : tensor<20x5xbf16>
  %w = arith.extf %w0 : tensor<20x5xbf16> to tensor<20x5xf32>
  %zero = arith.constant 0.0 : f32
  %padded = tensor.pad %w low[0, 0] high[12, 0] {
  ^bb0(%i: index, %j: index):
    tensor.yield %zero : f32
  } : tensor<20x5xf32> to tensor<32x5xf32>
  %split = tensor.expand_shape %padded [[0, 1], [2]] output_shape [2, 16, 5]
      : tensor<32x5xf32> into tensor<2x16x5xf32>
  %e = tensor.empty() : tensor<2x5x16xf32>
  %packed = linalg.transpose ins(%split : tensor<2x16x5xf32>)
      outs(%e : tensor<2x5x16xf32>) permutation = [0, 2, 1]

  %bias = seq.weight @"l.{}.b"[%layer] : tensor<7xf32>

  // Rows 4 … 8 of [9, 3], cut into blocks of 16.
  %r = seq.weight @"l.{}.r"[%layer] : tensor<9x3xf32>
  %rows = tensor.extract_slice %r[4, 0] [5, 3] [1, 1] : tensor<9x3xf32> to tensor<5x3xf32>
  %e2 = tensor.empty() : tensor<16x3xf32>
  %filled = linalg.fill ins(%zero : f32) outs(%e2 : tensor<16x3xf32>) -> tensor<16x3xf32>
  %inserted = tensor.insert_slice %rows into %filled[0, 0] [5, 3] [1, 1]
      : tensor<5x3xf32> into tensor<16x3xf32>
  %block = tensor.expand_shape %inserted [[0, 1], [2]] output_shape [1, 16, 3]
      : tensor<16x3xf32> into tensor<1x16x3xf32>
  %e3 = tensor.empty() : tensor<1x3x16xf32>
  %turned = linalg.transpose ins(%block : tensor<1x16x3xf32>)
      outs(%e3 : tensor<1x3x16xf32>) permutation = [0, 2, 1]
  call @use(%packed, %bias, %turned)
      : (tensor<2x5x16xf32>, tensor<7xf32>, tensor<1x3x16xf32>) -> ()

  // The norm of the layer after this one.
  %c1 = arith.constant 1 : index
  %next = arith.addi %layer, %c1 : index
  %norm = seq.weight @"l.{}.norm"[%next] : tensor<4xf32>
  call @use_norm(%norm) : (tensor<4xf32>) -> ()
  return
}

func.func @forward() {
  %q = seq.weight @q : tensor<2x3xf32>
  %k = seq.weight @k : tensor<4x3xf32>
  %qk = tensor.concat dim(0) %q, %k : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<6x3xf32>
  %e = tensor.empty() : tensor<3x6xf32>
  %t = linalg.transpose ins(%qk : tensor<6x3xf32>) outs(%e : tensor<3x6xf32>) permutation = [1, 0]
  %a0 = seq.weight @A_log : tensor<2x3xf16>
  %a1 = arith.extf %a0 : tensor<2x3xf16> to tensor<2x3xf32>
  %a2 = math.exp %a1 : tensor<2x3xf32>
  %a = arith.negf %a2 : tensor<2x3xf32>
  %scale = seq.weight @scale : tensor<f32>
  %ids = seq.weight @ids : tensor<5xi64>
  call @use_head(%t, %a, %scale, %ids)
      : (tensor<3x6xf32>, tensor<2x3xf32>, tensor<f32>, tensor<5xi64>) -> ()

  // A product of weights; a sum with numbers of the program, rounded.
  %zero = arith.constant 0.0 : f32
  %e2 = tensor.empty() : tensor<4x2xf32>
  %f2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<4x2xf32>) -> tensor<4x2xf32>
  %e3 = tensor.empty() : tensor<3x2xf32>
  %qt = linalg.transpose ins(%q : tensor<2x3xf32>) outs(%e3 : tensor<3x2xf32>) permutation = [1, 0]
  %kq = linalg.matmul ins(%k, %qt : tensor<4x3xf32>, tensor<3x2xf32>) outs(%f2 : tensor<4x2xf32>) -> tensor<4x2xf32>
  %r = seq.weight @round : tensor<5xf32>
  %c = arith.constant dense<[1.0, 2.0, 3.0, -4.0, 1.00390625]> : tensor<5xf32>
  %rc = arith.addf %r, %c : tensor<5xf32>
  %rb = arith.truncf %rc : tensor<5xf32> to tensor<5xbf16>
  %mask = seq.weight @mask : tensor<4xi1>
  call @use_folded(%kq, %rb, %mask) : (tensor<4x2xf32>, tensor<5xbf16>, tensor<4xi1>) -> ()
  return
}
)mlir";

void fill(Weights &weights) {
  for (int layer = 1; layer < 4; ++layer) {
    std::string prefix = "l." + std::to_string(layer) + ".";
    weights.add(prefix + "w", "BF16", {20, 5},
                halves(numbers(100, layer), llvm::APFloat::BFloat()));
    weights.add(prefix + "b", "F32", {7}, numbers(7, 10 + layer));
    weights.add(prefix + "r", "F32", {9, 3}, numbers(27, 20 + layer));
    weights.add("l." + std::to_string(layer + 1) + ".norm", "F32", {4},
                numbers(4, 30 + layer));
  }
  weights.add("q", "F32", {2, 3}, numbers(6, 40));
  weights.add("k", "F32", {4, 3}, numbers(12, 41));
  weights.add("A_log", "F16", {2, 3},
              halves(numbers(6, 42), llvm::APFloat::IEEEhalf()));
  weights.add("scale", "F32", {}, std::vector<float>{2.5f});
  weights.add("round", "F32", {5}, std::vector<float>{0, 0.5f, 1, 2, 0});
  weights.add("mask", "BOOL", {4}, std::vector<uint8_t>{1, 0, 0, 1});
  weights.add("ids", "I64", {5},
              std::vector<int64_t>{1, -2, INT64_MAX, 4, INT64_MIN});
}
} // namespace

TEST_CASE("a weight file holds what @pack computes") {
  TempFolder folder;
  std::string path = folder / "p.weights";
  Compiler compiler;
  auto pack = compiler.pack(kProgram);
  REQUIRE(pack);
  Weights weights;
  fill(weights);
  writeFile(path, "emptied first");
  REQUIRE(messageOf(writeWeightFile(*pack, weights.source(), 77, path)) == "");
  CHECK(folder.files() == 1);
  CHECK(weights.held.empty());
  CHECK(weights.mostHeld == 2); // q and k

  File file(path);
  CHECK(seq_weights_source_hash(file.weights) == 77);
  CHECK(seq_weights_layout_id(file.weights) ==
        uint64_t((*pack)
                     ->getAttrOfType<mlir::IntegerAttr>("kernel.layout_id")
                     .getInt()));
  CHECK(seq_weights_count(file.weights) == 3 * 4 + 7);
  for (int layer = 1; layer < 4; ++layer) {
    std::string prefix = "l." + std::to_string(layer) + ".";
    std::vector<float> w = numbers(100, layer), r = numbers(27, 20 + layer);
    std::vector<float> packed(160), turned(48);
    for (int n = 0; n < 20; ++n)
      for (int k = 0; k < 5; ++k)
        packed[(n / 16 * 5 + k) * 16 + n % 16] = w[n * 5 + k];
    for (int row = 0; row < 5; ++row)
      for (int column = 0; column < 3; ++column)
        turned[column * 16 + row] = r[(4 + row) * 3 + column];
    CHECK(file.read(prefix + "w", {2, 5, 16}) == packed);
    CHECK(file.read(prefix + "b", {7}) == numbers(7, 10 + layer));
    CHECK(file.read(prefix + "r", {1, 3, 16}) == turned);
    CHECK(file.read("l." + std::to_string(layer + 1) + ".norm", {4}) ==
          numbers(4, 30 + layer));
  }
  std::vector<float> joined = numbers(6, 40), transposed(18);
  for (float value : numbers(12, 41))
    joined.push_back(value);
  for (int i = 0; i < 6; ++i)
    for (int j = 0; j < 3; ++j)
      transposed[j * 6 + i] = joined[i * 3 + j];
  CHECK(file.read("q+k", {3, 6}) == transposed);
  std::vector<float> logs = numbers(6, 42), decay = file.read("A_log", {2, 3});
  for (int i = 0; i < 6; ++i)
    CHECK(decay[i] == Approx(-std::exp(logs[i])));
  CHECK(file.read("scale", {}) == std::vector<float>{2.5f});
  CHECK(file.read<int64_t>("ids", {5}) ==
        std::vector<int64_t>{1, -2, INT64_MAX, 4, INT64_MIN});
  std::vector<float> q = numbers(6, 40), k = numbers(12, 41), product(8);
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 2; ++j)
      for (int l = 0; l < 3; ++l)
        product[i * 2 + j] += k[i * 3 + l] * q[j * 3 + l];
  CHECK(file.read("k+q", {4, 2}) == product);
  // 1 + 2^-8 lies in the middle between two numbers; the even one is 1.
  CHECK(file.read<uint16_t>("round", {5}) ==
        halves({1, 2.5f, 4, -2, 1}, llvm::APFloat::BFloat()));
  CHECK(file.read<uint8_t>("mask", {4}) == std::vector<uint8_t>{1, 0, 0, 1});

  SECTION("to embed it, the payload is the same") {
    auto payload = packWeights(*pack, weights.source());
    REQUIRE(bool(payload));
    REQUIRE(payload->size() == seq_weights_payload_bytes(file.weights));
    CHECK(std::memcmp(payload->data(), seq_weights_payload(file.weights),
                      payload->size()) == 0);
  }
}

TEST_CASE("weights that are not as the program wants them are refused") {
  TempFolder folder;
  std::string path = folder / "p.weights";
  Compiler compiler;
  auto pack = compiler.pack(kProgram);
  Weights weights;
  fill(weights);
  std::string expected;
  SECTION("missing") {
    weights.remove("l.2.b");
    expected = "the model has no tensor l.2.b";
  }
  SECTION("of another shape") {
    weights.add("k", "F32", {3, 4}, numbers(12, 41));
    expected = "tensor k is F32 [3, 4], expected F32 [4, 3]";
  }
  SECTION("of another type") {
    weights.add("l.3.w", "F32", {20, 5}, numbers(100, 3));
    expected = "tensor l.3.w is F32 [20, 5], expected BF16 [20, 5]";
  }
  SECTION("of fewer bytes than its shape") {
    weights.add("q", "F32", {2, 3}, numbers(5, 40));
    expected = "tensor q has 20 bytes, expected 24";
  }
  writeFile(path, "");
  CHECK(messageOf(writeWeightFile(*pack, weights.source(), 77, path)) ==
        expected);
  CHECK(folder.files() == 1);
  CHECK(weights.held.empty());
  auto payload = packWeights(*pack, weights.source());
  REQUIRE(!payload);
  CHECK(messageOf(payload.takeError()) == expected);
}

TEST_CASE("a weight file is written into one that exists") {
  TempFolder folder;
  Compiler compiler;
  auto pack = compiler.pack(kProgram);
  Weights weights;
  fill(weights);
  std::string path = folder / "p.weights";
  CHECK_THAT(messageOf(writeWeightFile(*pack, weights.source(), 77, path)),
             Contains(path));
}

TEST_CASE("a program without weights has nothing to pack") {
  Compiler compiler;
  CHECK(!compiler.pack("func.func @forward() { return }"));
}
